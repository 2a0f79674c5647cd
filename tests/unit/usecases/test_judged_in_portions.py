"""A portion of windows judged together: the same findings as one by one, in their order, whatever breaks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from benchmarks.payloads import HOUR, START, columns
from benchmarks.stored_shares import StoredShares
from monitor.adapters.sql.documents import finding_to_json
from monitor.domain.budgets import ONE_A_MONTH
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.partitions import PartitionId
from monitor.domain.stream import Share, ShareKey
from monitor.domain.time import to_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.drift.psi import Psi
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import ComparedColumns
from monitor.usecases.judging import Judge, Judgement
from monitor.usecases.stored_windows import Wanted
from monitor.usecases.whole_model import CHECK_NAME, Before

NAMES = ("quiet", "moved", "torn", "few", "late")
ROWS = 300


def model(name: str) -> MonitoredModel:
    spec = WindowSpec(HOUR, HOUR)
    least = 2 * ROWS if name == "few" else 100
    return MonitoredModel(name, spec, timedelta(0), HOUR, alarm_budget=ONE_A_MONTH, min_records=least)


def share(name: str, hour: int, built: Baseline) -> Share:
    profile = ModelProfile.empty(built.layouts)
    profile.update(columns(ROWS, seed=hour, shift=0.5 * (name == "moved")), ROWS)
    payload = b"torn" if name == "torn" else profile.to_bytes()
    key = ShareKey(name, "1", "", to_ms(START + hour * HOUR), built.id, PartitionId("log", 0), 1)
    return Share(key, ROWS, 0, 0, ROWS, payload)


@pytest.fixture(scope="module")
def stored() -> StoredShares:
    built = [Baseline.build(ModelRef(name, "1"), columns(2_000, seed=k), name) for k, name in enumerate(NAMES)]
    shares = {one.ref: [share(one.ref.name, hour, one) for hour in range(3)] for one in built}
    return StoredShares(shares, {one.id: one.to_bytes() for one in built})


def wanted(names: Sequence[str], hours: int) -> list[Wanted]:
    """Model after model, as they are due."""
    return [
        (model(name), Evaluation(ModelRef(name, "1"), _hour(hour), EvaluationKind.DRIFT, 0, ROWS))
        for name in names
        for hour in range(hours)
    ]


def _hour(number: int) -> Window:
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


class Kept:
    """Remembers the findings about the whole model, as the database would."""

    def __init__(self) -> None:
        self.last: dict[tuple[ModelRef, Window], Finding] = {}

    def before(self, _model: MonitoredModel, evaluation: Evaluation) -> Before:
        window = evaluation.window
        return Before.of(self.last.get((evaluation.model, Window(window.start - HOUR, window.start))))

    def keep(self, judgements: Iterator[Judgement]) -> list[list[Finding]]:
        found: list[list[Finding]] = []
        for judgement in judgements:
            found.append(judgement.findings)
            self.last |= {(one.model, one.window): one for one in judgement.findings if one.check.name == CHECK_NAME}
        return found


def judge_of(stored: StoredShares) -> Judge:
    return Judge(DRIFT_TESTS, PERFORMANCE_METRICS, stored, stored, "test")  # type: ignore[arg-type]


def judged(stored: StoredShares, asked: Sequence[Wanted], portions: Sequence[int]) -> list[list[Finding]]:
    """In portions of these sizes."""
    judge, kept, found, at = judge_of(stored), Kept(), [], 0
    for size in portions:
        portion = asked[at : at + size]
        found += kept.keep(judge.judge_all(portion, judge.read(portion), START, kept.before))
        at += size
    return found


def as_stored(found: list[list[Finding]]) -> list[list[str]]:
    return [[finding_to_json(one) for one in findings] for findings in found]


def whole(findings: Sequence[Finding]) -> Finding:
    [one] = [one for one in findings if one.check.name == CHECK_NAME]
    return one


@pytest.mark.parametrize("portions", [(15,), (2, 9, 4)])
def test_findings_are_the_same_in_portions_and_one_by_one(stored: StoredShares, portions: tuple[int, ...]) -> None:
    asked = wanted(NAMES, 3)

    together = judged(stored, asked, portions)

    assert as_stored(together) == as_stored(judged(stored, asked, [1] * len(asked)))
    last = {findings[0].model.name: findings for findings in together if findings[0].model.name != "torn"}
    verdicts = {name: whole(findings).verdict.value for name, findings in last.items()}
    assert verdicts == {"quiet": "ok", "moved": "drifted", "few": "insufficient_data", "late": "ok"}


def test_a_share_that_cannot_be_read_fails_its_own_model_alone(stored: StoredShares) -> None:
    quiet, torn, moved = judged(stored, wanted(("quiet", "torn", "moved"), 1), [3])

    assert Verdict.FAILED in {one.verdict for one in torn}
    assert any("no stored profile" in one.reason for one in torn)
    assert (whole(quiet).verdict, whole(moved).verdict) == (Verdict.OK, Verdict.DRIFTED)


def test_a_detector_that_breaks_on_one_model_leaves_the_others_their_verdicts(stored: StoredShares) -> None:
    judge, asked = judge_of(stored), wanted(("quiet", "moved", "late"), 1)
    first = list(judge.judge_all(asked, judge.read(asked), START))
    drift = judge._checks._budgeted["moved", first[1].findings[0].evidence.baseline_id]
    assert drift is not None
    calibration = drift.whole.calibration
    object.__setattr__(drift.whole, "calibration", replace(calibration, course=calibration.course[:, :3]))

    quiet, moved, late = judge.judge_all(asked, judge.read(asked), START)

    assert as_stored([quiet.findings, late.findings]) == as_stored([first[0].findings, first[2].findings])
    assert whole(moved.findings).verdict is Verdict.FAILED
    assert len(moved.findings) == len(first[1].findings)


@dataclass(frozen=True, slots=True)
class BreaksOnMoved(Psi):
    """Breaks on windows that moved, as a plug-in may, and with them in the whole portion."""

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = Psi.run(self, baseline, current)
        if result.statistic > 0.2:
            raise ZeroDivisionError("moved")
        return result

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        return [self.run(*pair) for one in compared for pair in one.pairs()]


def test_a_test_that_breaks_on_columns_of_one_model_leaves_all_others_their_results(stored: StoredShares) -> None:
    tests = {**DRIFT_TESTS, "psi": BreaksOnMoved()}
    judge = Judge(tests, PERFORMANCE_METRICS, stored, stored, "test")  # type: ignore[arg-type]
    asked = wanted(("quiet", "moved", "late"), 1)

    quiet, moved, late = (one.findings for one in judge.judge_all(asked, judge.read(asked), START))

    usual = judged(stored, asked, [3])
    assert as_stored([quiet, late]) == as_stored([usual[0], usual[2]])
    failed = {one.check.name for one in moved if one.verdict is Verdict.FAILED}
    assert failed == {one.check.name for one in usual[1] if one.check.test == "psi" and one.result.statistic > 0.2}  # type: ignore[union-attr]
    assert failed
