"""Baselines from training rows: what becomes of every column, and every mistake by its message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from monitor.adapters.sql.baselines import SqlBaselineStore
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.domain.errors import BaselineError
from monitor.domain.models import ColumnKind, ModelRef, MonitoredModel, Segment, Task
from monitor.domain.windows import WindowSpec
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.drift import DRIFT_TESTS
from monitor.usecases.baseline import BuildBaseline
from monitor.usecases.training_columns import TrainingOptions, training_columns

HOUR = timedelta(hours=1)
REF = ModelRef("churn", "3")
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, task=Task.BINARY)
NUMERIC, CATEGORICAL = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL


@dataclass
class Rows:
    """Training data in memory."""

    parts: Sequence[Mapping[str, Sequence[object]]]

    def batches(self) -> Iterable[Mapping[str, Sequence[object]]]:
        return self.parts


def table(n: int = 200, **more: Sequence[object]) -> Rows:
    return Rows([{"amount": [float(i) for i in range(n)], "plan": ["a", "b"] * (n // 2), **more}])


def builder(model: MonitoredModel = MODEL) -> BuildBaseline:
    engine = create_engine("sqlite://")
    migrate(engine)
    return BuildBaseline({"churn": model}, SqlBaselineStore(engine), DRIFT_TESTS)


def kinds(values: Sequence[object], **options: object) -> object:
    read = training_columns([{"x": values, "other": [1.0] * len(values)}], TrainingOptions(**options))  # type: ignore[arg-type]
    column = read.columns.get("x")
    return {NumericColumn: NUMERIC, CategoricalColumn: CATEGORICAL}.get(type(column))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], NUMERIC),
        ([1.5, float("nan"), 2], NUMERIC),
        ([Decimal("1.5"), 3], NUMERIC),
        ([10**400, 1], NUMERIC),
        ([np.int64(3), np.float32(1.5)], NUMERIC),
        (["a", None, "b"], CATEGORICAL),
        ([True, False], CATEGORICAL),
        ([1, "a"], CATEGORICAL),
        ([1, True], CATEGORICAL),
        ([None, None], NUMERIC),
        ([date(2026, 1, 1)], None),
        ([datetime(2026, 1, 1, tzinfo=UTC), 3], None),
        ([b"raw"], None),
        ([{"a": 1}], None),
    ],
)
def test_the_kind_of_a_column_follows_from_its_values(values: list[object], kind: ColumnKind | None) -> None:
    assert kinds(values) is kind


def test_numbers_that_stand_for_categories_are_told_by_the_options() -> None:
    assert kinds([1, 2, 3], categorical=("x",)) is CATEGORICAL


def test_the_nameless_index_of_pandas_is_no_feature() -> None:
    read = training_columns([{"x": [1.0, 2.0], "__index_level_0__": [0, 1]}], TrainingOptions())

    assert list(read.columns) == ["x"]


def test_categories_are_written_as_the_decoder_writes_them() -> None:
    read = training_columns([{"x": [True, 7, 7.0, 7.5, "a", None, float("nan")]}], TrainingOptions(categorical=("x",)))

    column = read.columns["x"]
    assert isinstance(column, CategoricalColumn)
    assert list(column.values) == ["true", "7", "7", "7.5", "a", None, None]


def test_text_that_is_different_in_nearly_every_row_is_an_identifier_and_left_out() -> None:
    read = training_columns(table(customer=[f"c{i}" for i in range(200)]).parts, TrainingOptions())

    assert set(read.columns) == {"amount", "plan"}
    assert read.notes == ("customer looks like an identifier (200 values in 200 rows) and is left out",)


def test_target_event_time_and_excluded_columns_are_left_out_and_outputs_renamed() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = table(
        churned=[0, 1] * 100,
        seen_at=[start + i * HOUR for i in range(200)],
        said=[0, 1] * 100,
        p=[0.5] * 200,
        row=list(range(200)),
    )
    options = TrainingOptions({"said": "prediction", "p": "score"}, ("row",), "churned", "seen_at")

    built = builder().build(REF, rows, options=options, source="train.parquet")

    assert {spec.name: spec.kind for spec in built.baseline.schema} == {
        "amount": NUMERIC,
        "plan": CATEGORICAL,
        "prediction": CATEGORICAL,
        "score": NUMERIC,
    }
    assert built.baseline.period == (start, start + 199 * HOUR + timedelta(milliseconds=1))
    assert (built.baseline.rows, built.baseline.source) == (200, "train.parquet")


def test_a_regression_s_prediction_is_a_number() -> None:
    built = builder(replace(MODEL, task=Task.REGRESSION)).build(REF, table(prediction=list(range(200))))

    assert {spec.name: spec.kind for spec in built.baseline.schema}["prediction"] is NUMERIC


@pytest.mark.parametrize(
    "values", [["2026-01-01T00:00Z", "2026-01-02"], [1767225600, 1767312000.0], [date(2026, 1, 1), date(2026, 1, 2)]]
)
def test_event_times_may_be_text_seconds_or_dates(values: list[object]) -> None:
    read = training_columns([{"x": [1, 2], "at": values}], TrainingOptions(event_time="at"))

    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    assert read.period == (midnight, midnight + timedelta(days=1, milliseconds=1))


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (Rows([]), {}, "holds no row"),
        (Rows([{"x": []}]), {}, "holds no row"),
        (Rows([{"x": [1]}, {"y": [1]}]), {}, "parts of the training data differ in their columns: x, y"),
        (Rows([{"x": [None], "y": [None]}]), {}, "all 1 rows are missing in every column"),
        (Rows([{"x": [1]}]), {"exclude": ("x",)}, "no column is left to profile: all of them were excluded"),
        (Rows([{"x": [b"raw"]}]), {}, "no column is left to profile: x holds bytes and is left out"),
        (Rows([{"x": [1]}]), {"target": "y"}, "has no column 'y'; it has x"),
        (Rows([{"x": [1]}]), {"categorical": ("z",)}, "has no column 'z'; it has x"),
        (Rows([{"x": [1], "y": [1]}]), {"rename": {"x": "y"}}, "two columns would be named 'y'"),
        (Rows([{"x": [1], "score": ["high"]}]), {}, "score must hold numbers, and holds text"),
        (Rows([{"x": [1], "at": ["soon"]}]), {"event_time": "at"}, "at holds 'soon', which is no time"),
        (Rows([{"x": [1], "at": [True]}]), {"event_time": "at"}, "at holds True, which is no time"),
        (Rows([{"x": [1], "at": [None]}]), {"event_time": "at"}, "at has no time in any row"),
        (
            Rows([{"x": [1], "at": [7.5]}]),
            {"event_time": "at"},
            "at holds 7.5, which is no time: as seconds since 1970",
        ),
        (Rows([{"x": [1], "at": [-1e9]}]), {"event_time": "at"}, "1971 to 2199; is it another column?"),
        (Rows([{"x": [1], "at": [1_793_520_000_000]}]), {"event_time": "at"}, "milliseconds: divide by 1,000"),
        (Rows([{"x": [1], "at": [float("inf")]}]), {"event_time": "at"}, "at holds inf, which is no time"),
    ],
)
def test_mistakes_in_training_data_are_explained(rows: Rows, options: dict[str, object], message: str) -> None:
    with pytest.raises(BaselineError, match=message):
        builder().build(REF, rows, options=TrainingOptions(**options))  # type: ignore[arg-type]


def test_a_column_without_any_value_is_kept_for_its_missing_rate_and_noted() -> None:
    built = builder().build(REF, table(gone=[None] * 200))

    assert built.notes == ("gone has no value in any row: only its missing rate is checked",)
    assert [check.name for check in built.checks if check.column == "gone"] == ["missing_rate(gone)"]


def test_the_same_rows_in_other_batches_are_the_same_baseline_and_stored_once() -> None:
    build = builder()
    whole = table()
    (part,) = whole.parts
    halves = Rows([{k: v[:90] for k, v in part.items()}, {k: v[90:] for k, v in part.items()}])

    first, again = build.build(REF, whole), build.build(REF, halves)

    assert (first.is_new, again.is_new) == (True, False)
    assert first.id == again.id


def test_a_second_baseline_for_a_version_is_refused() -> None:
    build = builder()
    build.build(REF, table())

    with pytest.raises(BaselineError, match="already has the baseline"):
        build.build(REF, table(400))


def test_differences_to_the_current_baseline_are_noted() -> None:
    build = builder()
    first = build.build(REF, table(colour=["red", "blue"] * 100))
    build.promote(REF, first.id, None, "first")
    rows = Rows([{"amount": ["low", "high"] * 100, "plan": ["a", "b"] * 100, "age": [30, 40] * 100}])

    second = build.build(ModelRef("churn", "4"), rows)

    assert second.notes == (
        "age is not in the current baseline, churn:3",
        "colour is in the current baseline, churn:3, and not here",
        "amount is categorical here and numeric in the current baseline, churn:3",
    )


def test_a_built_baseline_holds_from_its_promotion() -> None:
    build = builder()
    built = build.build(REF, table())

    build.promote(REF, built.id, datetime(2026, 11, 1, tzinfo=UTC), "by hand")

    assert build.store.timeline("churn") == [("3", 1793491200000, built.id)]


def test_segments_of_the_model_are_counted_apart() -> None:
    build = builder(replace(MODEL, segments=(Segment("basic", "plan", "a"),)))

    built = build.build(REF, table())

    assert built.baseline.segments["basic"].n == 100
    assert {check.segment for check in built.checks} == {"", "basic"}


def test_a_model_that_is_not_configured_is_named_with_those_that_are() -> None:
    with pytest.raises(BaselineError, match="no model 'fraud' is configured; known: churn"):
        builder().build(ModelRef("fraud", "1"), table())
