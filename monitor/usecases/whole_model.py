"""The check of a whole model: whether it has drifted, within its alarm budget."""

from dataclasses import dataclass, replace

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.time import format_instant, from_ms
from monitor.domain.windows import Window
from monitor.rules.conditions import ALL_COLUMNS, MODEL_DRIFT
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.calibration.model_drift import ColumnDrift, Detector, DriftVerdict, ModelDrift
from monitor.stats.profiles.model import ModelProfile

STATE = "state"
"""Where a finding keeps the state that the next window goes on from."""

CHECK_NAME = f"{MODEL_DRIFT}({ALL_COLUMNS})"
NAMED = 5
"""So many columns are named in the sentence; the finding's detail has all of them."""

_SAID = {Detector.SUDDEN: "a sudden change", Detector.ACCUMULATING: "evidence added up over windows"}


@dataclass(frozen=True, slots=True)
class Before:
    """What the window before left behind: the finding it is from, the baseline it was compared with, the state."""

    finding_id: str = ""
    baseline_id: str = ""
    state: str = ""

    @classmethod
    def of(cls, finding: Finding | None) -> "Before":
        """From the last finding of the check; nothing when there is none."""
        if finding is None or finding.result is None:
            return cls()
        state = finding.result.detail.get(STATE, "")
        return cls(f"{finding.id}", finding.evidence.baseline_id, state if isinstance(state, str) else "")


def judge_model(  # noqa: PLR0917 - a window, what it is compared with, and what came before
    model: MonitoredModel,
    drift: ModelDrift,
    evaluation: Evaluation,
    profile: ModelProfile,
    evidence: Evidence,
    before: Before,
    coverage: float | None,
) -> Finding:
    """The finding about the whole window: a function of the baseline, the window's counts and the state before."""
    check = Check(MODEL_DRIFT, ALL_COLUMNS, ALL_TRAFFIC, Threshold(1.0), model.min_records)
    state = _state(drift, evidence.baseline_id, before)
    rests = f"budget {model.alarm_budget}, calibrated on {calibration_words(drift)}"
    try:
        verdict, reason, result = _judged(drift, profile, evaluation.window, state, model.min_records)
    except (ArithmeticError, ValueError, IndexError) as error:  # must not take the other checks along
        why = f"{check.name} failed: {type(error).__name__}: {error}"
        return _finding(evaluation, check, Verdict.FAILED, why, None, evidence, coverage)
    detail = {**result.detail, "calibration": calibration_words(drift), "after": before.finding_id}
    detail["budget"] = str(model.alarm_budget)
    return _finding(
        evaluation, check, verdict, f"{reason}; {rests}", replace(result, detail=detail), evidence, coverage
    )


def _judged(
    drift: ModelDrift, profile: ModelProfile, window: Window, state: Accumulated | None, least: int
) -> tuple[Verdict, str, TestResult]:
    n_baseline = round(drift.calibration.records)
    if profile.n < least:
        kept = {} if state is None else {STATE: state.to_text()}
        reason = f"{CHECK_NAME}: {_records(profile.n)} in the window, at least {least:,} are needed"
        return Verdict.INSUFFICIENT_DATA, reason, TestResult(0.0, None, n_baseline, profile.n, detail=kept)
    said = drift.judge(profile, window, state)
    result = TestResult(said.evidence, said.p_value, n_baseline, profile.n, detail=_detail(said))
    return Verdict.DRIFTED if said.columns else Verdict.OK, _sentence(said), result


def _finding(  # noqa: PLR0917 - the parts of a finding
    evaluation: Evaluation,
    check: Check,
    verdict: Verdict,
    reason: str,
    result: TestResult | None,
    evidence: Evidence,
    coverage: float | None,
) -> Finding:
    e = evaluation
    return Finding(e.model, check, e.window, e.revision, verdict, reason, result, evidence, e.kind, coverage)


def calibration_words(drift: ModelDrift) -> str:
    """What the thresholds rest on, for people."""
    calibration = drift.calibration
    if not calibration.is_measured:
        return "theory of independent records (no windows of the baseline to measure noise on)"
    season = ", ".join(_SEASONS[period] for period, _ in calibration.season.harmonics)
    return f"{calibration.windows} windows of the baseline" + (f", {season} season" if season else "")


_SEASONS = {86_400_000: "daily", 604_800_000: "weekly"}


def _state(drift: ModelDrift, baseline_id: str, before: Before) -> Accumulated | None:
    """The state to go on from; another baseline has other components, and begins anew."""
    if not before.state or before.baseline_id != baseline_id:
        return None
    try:
        return drift.accumulation.restored(before.state)
    except ValueError:
        return None  # a later version of the program watches other components


def _detail(said: DriftVerdict) -> dict[str, object]:
    columns = [
        {
            "column": one.column,
            "what": one.what,
            "effect": round(one.effect, 4),
            "detectors": [detector.value for detector in one.detectors],
        }
        for one in said.columns
    ]
    detectors = [detector.value for detector in said.detectors]
    since = None if said.since_ms is None else format_instant(from_ms(said.since_ms))
    return {"detectors": detectors, "since": since, "columns": columns, STATE: said.state.to_text()}


def _sentence(said: DriftVerdict) -> str:
    if not said.columns or said.since_ms is None:
        return f"no change beyond chance; nearest {said.nearest} ({min(said.evidence, 0.99):.0%} of an alarm)"
    who = " and ".join(_SAID[detector] for detector in said.detectors)
    named = ", ".join(_words(one) for one in said.columns[:NAMED])
    rest = f" and {len(said.columns) - NAMED} more" if len(said.columns) > NAMED else ""
    return f"drift since {format_instant(from_ms(said.since_ms))} by {who}: {named}{rest}"


def _words(one: ColumnDrift) -> str:
    return f"{one.column} ({one.what} {one.effect:+.2f})"


def _records(n: int) -> str:
    return f"{n:,} record" + ("" if n == 1 else "s")
