"""The slices behind bad performance are looked for where it is bad and rows are kept, and never harm a judgement."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import StoreUnavailable
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding, TestResult, Verdict
from monitor.domain.models import ArchivePolicy, ModelRef, MonitoredModel, Task
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord
from monitor.domain.windows import WindowSpec
from monitor.rules.conditions import GROUND_TRUTH
from monitor.rules.explain import weak_line
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn
from monitor.stats.recorded import RecordedColumns
from monitor.testing.stores.samples import finding
from monitor.usecases.find_segments import FindSegments
from monitor.usecases.outcomes import Outcome
from monitor.usecases.weak_segments import MOST_RECORDS, weak_segments

HOUR = timedelta(hours=1)
REF = ModelRef("churn", "1")
MODEL = MonitoredModel(
    "churn", WindowSpec(HOUR, HOUR), timedelta(0), HOUR, task=Task.BINARY, archive=ArchivePolicy(), positive_label="yes"
)
BAD = replace(
    finding(), check=Check("accuracy", GROUND_TRUTH, "", Threshold(0.9, below=True), 0), verdict=Verdict.DEGRADED
)
EVALUATION = Evaluation(REF, BAD.window, EvaluationKind.PERFORMANCE, 0, 1)


@dataclass
class Kept:
    """Rows of a window; by the web half of the answers are wrong, elsewhere none."""

    n: int = 400
    broken: Exception | None = None
    weak: bool = True

    def read(self, ref: ModelRef, since_ms: int, until_ms: int, wanted: object = None) -> RecordedColumns:
        if self.broken is not None:
            raise self.broken
        channel = CategoricalColumn(["web" if k % 4 == 0 else "shop" for k in range(self.n)])
        return RecordedColumns(tuple(str(k) for k in range(self.n)), {"channel": channel})

    def judged(self, span: JoinSpan) -> list[JudgedRecord]:
        wrong = [self.weak and k % 8 == 0 for k in range(self.n)]
        return [JudgedRecord(str(k), 0, "no" if bad else "yes", None, "yes") for k, bad in enumerate(wrong)]

    def timeline(self, model: str) -> list[tuple[str, int | None, str]]:
        return [("1", None, "b")]

    def get(self, baseline_id: str) -> bytes:
        return Baseline.build(REF, {"channel": CategoricalColumn(["web", "shop"] * 20)}).to_bytes()


def told(kept: Kept, model: MonitoredModel = MODEL, of: Finding = BAD) -> list[Outcome]:
    return weak_segments(FindSegments(kept, *[cast("Any", kept)] * 3), model, EVALUATION, [of])


def test_a_bad_metric_is_put_down_to_the_slice_that_carries_it() -> None:
    [(check, verdict, reason, result)] = told(Kept())

    assert (check.name, verdict) == ("weak_segments(ground_truth)", Verdict.OK)
    assert result is not None
    assert (result.statistic, result.n_current, result.n_baseline) == (0.5, 100, 300)
    assert reason.startswith("weak_segments: channel=web (100 records): error 50.0% against 0.0% elsewhere, +50 points")
    assert weak_line([replace(BAD, check=check, result=result)]) in reason


FINE = replace(BAD, verdict=Verdict.OK)


def change_of(metric: str, by: float, low: float, high: float) -> Finding:
    """What says where a change from 0.9 on the baseline comes from."""
    result = TestResult(by, None, 1000, 400, low, high, {"before": 0.9, "now": 0.9 + by})
    check = Check(f"change_of_{metric}", GROUND_TRUTH, "", Threshold(1e300), 0)
    return replace(BAD, check=check, verdict=Verdict.OK, result=result)


@pytest.mark.parametrize(
    ("metric", "by", "low", "high", "is_looked_for"),
    [
        ("accuracy", -0.05, -0.07, -0.03, True),
        ("accuracy", -0.05, -0.11, 0.01, False),  # may be chance
        ("accuracy", -0.02, -0.03, -0.01, False),  # sure, and small
        ("accuracy", 0.05, 0.03, 0.07, False),  # better
        ("mae", 0.05, 0.03, 0.07, True),  # of an error more is worse
        ("mae", -0.05, -0.07, -0.03, False),
    ],
)
def test_a_metric_that_dropped_is_put_down_to_a_slice_though_no_limit_makes_it_degraded(
    metric: str, by: float, low: float, high: float, is_looked_for: bool
) -> None:
    measured = replace(FINE, check=replace(FINE.check, test=metric, threshold=Threshold(1e300)))
    find = FindSegments(Kept(), *[cast("Any", Kept())] * 3)

    found = weak_segments(find, MODEL, EVALUATION, [measured, change_of(metric, by, low, high)])

    assert [check.test for check, *_ in found] == (["weak_segments"] if is_looked_for else [])


def test_where_no_slice_is_worse_that_is_said_and_no_message_names_one() -> None:
    [(check, _, reason, result)] = told(Kept(weak=False))

    assert "none is significantly worse than the rest by error" in reason
    assert weak_line([replace(BAD, check=check, result=result)]) == ""


def test_of_a_large_window_a_bounded_number_of_records_is_looked_at() -> None:
    [(_, _, _, result)] = told(Kept(n=3 * MOST_RECORDS + 1))

    assert result is not None
    assert result.detail["records"] == result.n_current + result.n_baseline == MOST_RECORDS


@pytest.mark.parametrize(
    ("kept", "model", "of"),
    [
        (Kept(), replace(MODEL, archive=None), BAD),
        (Kept(), MODEL, replace(BAD, verdict=Verdict.OK)),
        (Kept(), replace(MODEL, task=Task.RANKING), BAD),
        (Kept(n=40), MODEL, BAD),
    ],
    ids=["no rows are kept", "nothing is bad", "no such search for the task", "too few"],
)
def test_nothing_is_said_where_nothing_can_be_or_nothing_is_bad(kept: Kept, model: MonitoredModel, of: Finding) -> None:
    assert told(kept, model, of) == []


@pytest.mark.parametrize("error", [StoreUnavailable("no bucket"), FileNotFoundError("a.parquet")])
def test_rows_that_cannot_be_read_are_a_failed_finding_and_end_nothing(error: Exception) -> None:
    [(_, verdict, reason, _)] = told(Kept(broken=error))

    assert verdict is Verdict.FAILED
    assert f"the kept rows cannot be read: {error}" in reason
