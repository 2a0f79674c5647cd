"""The check of a whole model: whether it has drifted, within its alarm budget."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.time import format_instant, from_ms
from monitor.domain.windows import Window
from monitor.rules.conditions import ALL_COLUMNS, MODEL_DRIFT
from monitor.stats.attribution.words import percent
from monitor.stats.budgeted import BudgetedModel, BudgetedWindow, BudgetVerdict, PartDrift
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.calibration.calibration import Calibration, in_doubt
from monitor.stats.calibration.model_drift import ColumnDrift, Detector, ModelDrift
from monitor.stats.calibration.season import DAY_MS, WEEK_MS, YEAR_MS
from monitor.stats.profiles.model import ModelProfile

STATE, SEGMENT_STATES = "state", "segment_states"
"""Where a finding keeps the states that the next window goes on from: of all traffic, and by segment."""

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
    segments: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, finding: Finding | None) -> "Before":
        """From the last finding of the check; nothing when there is none."""
        if finding is None or finding.result is None:
            return cls()
        state, segments = (finding.result.detail.get(key) for key in (STATE, SEGMENT_STATES))
        kept = {name: text for name, text in segments.items() if isinstance(text, str)} if _is_dict(segments) else {}
        return cls(f"{finding.id}", finding.evidence.baseline_id, state if isinstance(state, str) else "", kept)

    def by_part(self) -> dict[str, str]:
        """States of all traffic and of segments; those that there are."""
        whole = {ALL_TRAFFIC: self.state} if self.state else {}
        return {**whole, **self.segments}


def _is_dict(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def judge_model(  # noqa: PLR0917 - a window, what it is compared with, and what came before
    model: MonitoredModel,
    drift: BudgetedModel,
    evaluation: Evaluation,
    profiles: Mapping[str, ModelProfile],
    evidence: Evidence,
    before: Before,
    coverage: float | None,
    said: BudgetVerdict | None = None,
) -> Finding:
    """The finding about the whole window: a function of the baseline, the window's counts and the state before.

    `profiles` are those of all traffic and of the segments. `said` is the verdict where it is known already.
    """
    check = Check(MODEL_DRIFT, ALL_COLUMNS, ALL_TRAFFIC, Threshold(1.0), model.min_records)
    states = _states(drift, evidence.baseline_id, before) if said is None else {}
    rests = f"budget {model.alarm_budget}, calibrated on {calibration_words(drift)}"
    try:
        verdict, reason, result = _judged(drift, profiles, evaluation.window, states, model.min_records, said)
    except (ArithmeticError, ValueError, IndexError) as error:  # must not take the other checks along
        why = f"{check.name} failed: {type(error).__name__}: {error}"
        return _finding(evaluation, check, Verdict.FAILED, why, None, evidence, coverage)
    detail = {**result.detail, "calibration": calibration_words(drift), "after": before.finding_id}
    detail["budget"] = str(model.alarm_budget)
    return _finding(
        evaluation, check, verdict, f"{reason}; {rests}", replace(result, detail=detail), evidence, coverage
    )


def to_judge(
    drift: BudgetedModel,
    evaluation: Evaluation,
    profiles: Mapping[str, ModelProfile],
    baseline_id: str,
    before: Before,
) -> BudgetedWindow:
    """The window with the states that it goes on from."""
    return BudgetedWindow(drift, profiles, evaluation.window, _states(drift, baseline_id, before))


def _judged(  # noqa: PLR0917 - as above
    drift: BudgetedModel,
    profiles: Mapping[str, ModelProfile],
    window: Window,
    states: Mapping[str, Accumulated],
    least: int,
    said: BudgetVerdict | None,
) -> tuple[Verdict, str, TestResult]:
    n_baseline, n = round(drift.whole.calibration.records), profiles[ALL_TRAFFIC].n
    if n < least:
        reason = f"{CHECK_NAME}: {_records(n)} in the window, at least {least:,} are needed"
        return Verdict.INSUFFICIENT_DATA, reason, TestResult(0.0, None, n_baseline, n, detail=_kept(states))
    said = said or drift.judge(profiles, window, states)
    result = TestResult(said.evidence, said.p_value, n_baseline, n, detail=_detail(said))
    return Verdict.DRIFTED if said.drifted else Verdict.OK, _sentence(said), result


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


def calibration_words(drift: BudgetedModel) -> str:
    """What the thresholds rest on, for people."""
    return _rests_on(drift.whole.calibration) + _segment_words(drift)


def _segment_words(drift: BudgetedModel) -> str:
    segments = len(drift.parts) - 1
    judged = f", with {segments} segment{'' if segments == 1 else 's'}" if segments else ""
    return judged + (f"; not judged apart: {', '.join(drift.unjudged)}" if drift.unjudged else "")


def _rests_on(calibration: Calibration) -> str:
    if not calibration.is_measured:
        return "theory of independent records (no windows of the baseline to measure noise on)"
    season = ", ".join(_SEASONS[period] for period, _ in calibration.season.harmonics)
    few = f" (few: noise of dependence x {times:.1f})" if (times := in_doubt(calibration.windows)) > 1 else ""
    return f"{calibration.windows} windows of the baseline{few}" + (f", {season} season" if season else "")


_SEASONS = {DAY_MS: "daily", WEEK_MS: "weekly", YEAR_MS: "yearly"}


def _states(drift: BudgetedModel, baseline_id: str, before: Before) -> dict[str, Accumulated]:
    """The states to go on from; another baseline has other components, and begins anew."""
    if before.baseline_id != baseline_id:
        return {}
    read = {name: _state(drift.parts[name], text) for name, text in before.by_part().items() if name in drift.parts}
    return {name: state for name, state in read.items() if state is not None}


def _state(part: ModelDrift, text: str) -> Accumulated | None:
    try:
        return part.accumulation.restored(text)
    except ValueError:
        return None  # a later version of the program watches other components


def _kept(states: Mapping[str, Accumulated]) -> dict[str, object]:
    texts = {name: state.to_text() for name, state in states.items()}
    whole = {STATE: texts.pop(ALL_TRAFFIC)} if ALL_TRAFFIC in texts else {}
    return {**whole, SEGMENT_STATES: texts} if texts else {**whole}


def _detail(said: BudgetVerdict) -> dict[str, object]:
    columns = drifted_columns(said)
    detectors = [detector.value for detector in said.detectors]
    since = None if said.since_ms is None else format_instant(from_ms(said.since_ms))
    return {"detectors": detectors, "since": since, "columns": columns, **_kept(said.states)}


def drifted_columns(said: BudgetVerdict) -> list[dict[str, object]]:
    """What has drifted, as plain data."""
    return [_column(one) for one in said.drifted]


def _column(one: PartDrift) -> dict[str, object]:
    drift = one.drift
    about: dict[str, object] = {"column": drift.column, "what": drift.what, "effect": round(drift.effect, 4)}
    if drift.rates is not None:
        about["usual_share"], about["share"] = (round(rate, 6) for rate in drift.rates)
    about["detectors"] = [detector.value for detector in drift.detectors]
    if drift.since_ms is not None:
        about["since"] = format_instant(from_ms(drift.since_ms))
    if one.segment:
        about["segment"] = one.segment
    if one.importance is not None:
        about["importance"] = round(one.importance, 4)
    return about


def _sentence(said: BudgetVerdict) -> str:
    if not said.drifted or said.since_ms is None:
        return f"no change beyond chance; {nearest_words(said)}"
    who = " and ".join(_SAID[detector] for detector in said.detectors)
    return f"drift since {format_instant(from_ms(said.since_ms))} by {who}: {drifted_words(said)}{_importance(said)}"


def drifted_words(said: BudgetVerdict) -> str:
    """The columns that have drifted, the first by name, with what moved in them and how far."""
    named = ", ".join(_words(one) for one in said.drifted[:NAMED])
    return named + (f" and {len(said.drifted) - NAMED} more" if len(said.drifted) > NAMED else "")


def nearest_words(said: BudgetVerdict) -> str:
    """What is nearest to an alarm where there is none."""
    return f"nearest {_place(*said.nearest)} ({min(said.evidence, 0.99):.0%} of an alarm)"


def _words(one: PartDrift) -> str:
    drift, place = one.drift, _place(one.drift.column, one.segment)
    if not drift.hidden or drift.since_ms is None:
        return f"{place} ({drift.what} {_far(drift)})"
    course = "higher" if drift.hidden > 0 else "lower"
    since = format_instant(from_ms(drift.since_ms))
    return f"{place} ({drift.what} {course} since {since}, of which this window alone shows little: {_far(drift)})"


def _far(drift: ColumnDrift) -> str:
    """How far it moved: shares from what is usual to what was seen, of numbers the standard deviations."""
    return f"{drift.effect:+.2f}" if drift.rates is None else " -> ".join(map(percent, drift.rates))


def _place(column: str, segment: str) -> str:
    return f"{column} in {segment}" if segment else column


def _importance(said: BudgetVerdict) -> str:
    """How much of the model's importance has drifted, where importances are known."""
    of_columns = {one.drift.column: one.importance for one in said.drifted if one.importance is not None}
    return f"; of the model's importance {sum(of_columns.values()):.0%}" if of_columns else ""


def _records(n: int) -> str:
    return f"{n:,} record" + ("" if n == 1 else "s")
