"""A baseline is its content: immutable, described, the same wherever it is built."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.domain.errors import BaselineError
from monitor.domain.models import ColumnKind, ColumnSpec, ModelRef, Segment
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn

REF = ModelRef("churn", "3")
PERIOD = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def training_columns() -> dict[str, Column]:
    rng = np.random.default_rng(4)
    amount = rng.lognormal(size=500)
    amount[:25] = math.nan
    return {
        "country": CategoricalColumn(["de", "fr", "se", "de", None] * 100),
        "amount": NumericColumn(amount),
        "empty": NumericColumn(np.full(500, math.nan)),
    }


def build(
    columns: dict[str, Column] | None = None,
    importances: dict[str, float] | None = None,
    segments: Sequence[Segment] = (),
) -> Baseline:
    return Baseline.build(
        REF, columns or training_columns(), "train.parquet", PERIOD, importances=importances, segments=segments
    )


def test_bytes_read_back_to_the_same_baseline() -> None:
    baseline = build(importances={"amount": 0.7}, segments=[Segment("germany", "country", "de")])

    again = Baseline.from_bytes(baseline.to_bytes())

    assert again.to_bytes() == baseline.to_bytes()
    assert again.id == baseline.id
    assert again.describe() == baseline.describe()
    assert again.layouts.digest == baseline.layouts.digest
    assert (again.ref, again.rows, again.period, again.source) == (REF, 500, PERIOD, "train.parquet")


def test_the_id_depends_on_the_content_and_not_on_the_order_of_columns() -> None:
    columns = training_columns()
    backwards = dict(reversed(columns.items()))
    amount = columns["amount"]
    assert isinstance(amount, NumericColumn)
    other = columns | {"amount": NumericColumn(amount.values + 1.0)}

    ids = [build(which).id for which in (columns, backwards, other)]

    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


def test_the_schema_names_every_column_with_its_kind() -> None:
    schema = build().schema

    assert schema == (
        ColumnSpec("amount", ColumnKind.NUMERIC),
        ColumnSpec("country", ColumnKind.CATEGORICAL),
        ColumnSpec("empty", ColumnKind.NUMERIC),
    )


def test_the_description_is_json_and_tells_missing_shares_and_ranges() -> None:
    described = json.loads(json.dumps(build(importances={"amount": 0.7}).describe(), allow_nan=False))

    amount, country, empty = described["columns"]
    assert (amount["missing_share"], amount["importance"], amount["kind"]) == (0.05, 0.7, "numeric")
    assert amount["minimum"] < amount["median"] < amount["maximum"]
    assert (country["missing_share"], country["categories"], country["examples"][0]) == (0.2, 3, "de")
    assert empty["missing_share"] == 1.0
    assert "minimum" not in empty


def test_a_segment_is_counted_on_its_own_rows_and_the_same_bins() -> None:
    baseline = build(segments=[Segment("germany", "country", "de")])

    part = baseline.profiles("germany")

    assert part["country"].counts.tolist() == [200, 0, 0]
    assert part["amount"].layout is baseline.layouts["amount"]
    assert baseline.profiles()["amount"].n == 500


def test_an_unknown_segment_says_how_to_mend_it() -> None:
    with pytest.raises(BaselineError, match=r"no segment 'germany'.*build it again"):
        build().profiles("germany")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "at least one row"),
        ({"a": NumericColumn(np.empty(0))}, "at least one row"),
        ({"a": NumericColumn(np.zeros(2)), "b": NumericColumn(np.zeros(3))}, r"a \(2\) against 3 rows"),
    ],
)
def test_a_baseline_needs_rows_of_equal_length(columns: dict[str, Column], message: str) -> None:
    with pytest.raises(BaselineError, match=message):
        Baseline.build(REF, columns)


@pytest.mark.parametrize(
    ("importances", "message"), [({"typo": 1.0}, "lacks: typo"), ({"amount": -1.0}, "not negative: amount")]
)
def test_importances_must_fit_the_columns(importances: dict[str, float], message: str) -> None:
    with pytest.raises(BaselineError, match=message):
        build(importances=importances)


def test_a_segment_needs_a_categorical_column() -> None:
    with pytest.raises(BaselineError, match="'amount', which must be a categorical column"):
        build(segments=[Segment("rich", "amount", "1000")])


@pytest.mark.parametrize("data", [b"", b"nonsense"])
def test_bytes_that_are_no_baseline_are_refused(data: bytes) -> None:
    with pytest.raises(BaselineError, match="build it again"):
        Baseline.from_bytes(data)
