"""Joining and reading columns."""

import math

import numpy as np

from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stream.batch import as_categorical, category_text, join_columns
from tests.unit.stream.making import batch


def test_joined_columns_keep_their_invalid_rows() -> None:
    first = NumericColumn(np.array([1.0]))
    second = NumericColumn(np.array([math.nan, 2.0]), np.array([True, False]))

    joined = join_columns([first, second])

    assert isinstance(joined, NumericColumn)
    assert joined.values[[0, 2]].tolist() == [1.0, 2.0]
    assert joined.invalid is not None
    assert joined.invalid.tolist() == [False, True, False]


def test_columns_of_unlike_kinds_become_text() -> None:
    joined = join_columns([NumericColumn(np.array([1.0, math.nan])), CategoricalColumn(["x"])])

    assert isinstance(joined, CategoricalColumn)
    assert joined.values == ["1", None, "x"]


def test_numbers_as_categories_read_like_the_same_numbers_in_json() -> None:
    column = NumericColumn(np.array([1.0, 2.5, math.nan, -0.0, 1e300]))

    assert as_categorical(column).values == ["1", "2.5", None, "0", "1e+300"]
    assert category_text(1) == category_text(1.0) == "1"


def test_taking_rows_takes_them_from_every_part() -> None:
    whole = batch([10, 20, 30, 40])

    part = whole.take(np.array([1, 3]))

    assert part.offsets.tolist() == [1, 3]
    assert part.event_time_ms.tolist() == [20, 40]
    assert list(part.event_ids) == ["e1", "e3"]
    assert all(len(column) == 2 for column in part.columns.values())
