"""Rows that are the same in every column: more of them than the baseline has is a fault."""

import math

import numpy as np
import pytest

from monitor.domain.findings import TestResult
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.row_test import JointRows, RawRows
from monitor.stats.row_tests.duplicate_rows import DuplicateRows
from monitor.testing.drift_tests import alarms
from monitor.testing.row_tests import rows


def copied(seed: int, n: int, share: float) -> RawRows:
    """Rows of which so large a share are copies of others."""
    some = rows(seed, n)
    copies = round(share * n)
    picked = np.concatenate((np.arange(n - copies), np.arange(copies)))
    return RawRows({name: column.take(picked) for name, column in some.columns.items()})


def compared(current: RawRows, reference: RawRows | None = None) -> TestResult:
    return DuplicateRows().run_rows(JointRows(reference or rows(1, 3_000), current, seed=3))


def few_values(seed: int, n: int) -> RawRows:
    rng = np.random.default_rng(seed)
    return RawRows(
        {"a": NumericColumn(rng.integers(0, 9, n).astype(np.float64)), "b": CategoricalColumn(["x", None] * (n // 2))}
    )


def test_a_tenth_of_copies_is_ten_points() -> None:
    seen = compared(copied(2, 1_000, 0.1))

    assert seen.statistic == pytest.approx(10)
    assert seen.detail["says"] == "10 % of 1,000 rows, 0 % in the baseline"
    assert alarms(DuplicateRows.default_threshold, seen)


def test_rows_that_are_alike_in_the_baseline_too_are_no_fault() -> None:
    alarmed = [
        alarms(DuplicateRows.default_threshold, compared(few_values(s, 600), few_values(99, 4_000))) for s in range(9)
    ]

    assert not any(alarmed)


def test_quiet_rows_repeat_nothing() -> None:
    seen = compared(rows(2, 1_000))

    assert (seen.statistic, seen.p_value) == (0.0, 1.0)


def test_missing_values_are_the_same_and_one_column_that_differs_makes_rows_differ() -> None:
    gone = RawRows({"a": NumericColumn(np.full(100, math.nan)), "b": CategoricalColumn([None] * 100)})
    other = RawRows({"a": NumericColumn(np.full(100, math.nan)), "b": CategoricalColumn([str(k) for k in range(100)])})

    assert compared(gone, other).statistic == pytest.approx(99)
    assert compared(other, gone).statistic == 0


def test_numbers_and_texts_under_one_name_are_compared_as_they_are() -> None:
    text = RawRows({"a": CategoricalColumn(["1.0"] * 50)})
    numbers = RawRows({"a": NumericColumn(np.arange(50.0))})

    assert compared(text, numbers).statistic == pytest.approx(98)


def test_no_copy_among_some_of_the_neighbours_is_no_answer() -> None:
    drawn = RawRows(rows(2, 1_000).columns, drawn_from=8_000)

    seen = compared(drawn)

    assert seen.p_value is None
    assert "1,000 of 8,000 rows were drawn" in str(seen.detail["lacks"])
