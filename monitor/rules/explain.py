"""The words of an alert event: what happened, why, what stands out, and where to look."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.rules import AlertEvent, Chart, Rule, RuleState, Severity, Subject
from monitor.domain.time import format_duration, format_instant
from monitor.domain.windows import Window
from monitor.rules.conditions import TRUTH_COVERAGE
from monitor.rules.outcome import Outcome
from monitor.rules.units import reason_words

WEAK_SEGMENTS = "weak_segments"
"""The check that names the slices in which a window is significantly worse than elsewhere."""

MAX_TOP = 10
"""How many causes a message lists; the rest is counted."""

_VALUE_LABELS = {"version", "window", "value"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an alert event is about: one judged window of the version that serves, and where to read more.

    `link` is the address of the report (None: the command alone is given); `retraining` says what becomes of the
    rule's wish to retrain, empty when it has none; `sample` how many records it rests on; `note` why the news comes
    late, empty when it does not. `carried_by` names the columns and bins that carry the drift, `by_segment`
    the segments, each with its share of it; `weak_segments` the slices in which performance is worse than elsewhere.
    """

    ref: ModelRef
    window: Window
    outcome: Outcome
    link: str | None = None
    retraining: str = ""
    charts: tuple[Chart, ...] = field(default=())
    sample: str = ""
    segment: str = ALL_TRAFFIC
    note: str = ""
    carried_by: str = ""
    by_segment: str = ""
    weak_segments: str = ""


def sample_line(evaluation: Evaluation, findings: Sequence[Finding]) -> str:
    """How many records a judged window holds, and which share of what was served (or of its predictions) they are."""
    n = evaluation.mark
    if evaluation.kind in {EvaluationKind.STREAM, EvaluationKind.SEQUENTIAL}:
        return ""
    if evaluation.kind is EvaluationKind.PERFORMANCE:
        n = next((f.result.n_current for f in findings if f.check.test == TRUTH_COVERAGE and f.result), n)
        share = next((f.coverage for f in findings if f.coverage is not None), None)
        return f"{n:,} predictions with known truth" + ("" if share is None else f", {percent(share)} of all")
    share = next((f.served_share for f in findings if f.served_share is not None), None)
    return (
        f"{n:,} record" + ("" if n == 1 else "s") + ("" if share is None else f", {percent(share)} of what was served")
    )


def weak_line(findings: Sequence[Finding]) -> str:
    """The slices that carry bad performance, with sizes and intervals; empty where none was found, or looked for."""
    results = [f.result for f in findings if f.check.test == WEAK_SEGMENTS and f.result is not None]
    return next((str(result.detail["named"]) for result in results if "named" in result.detail), "")


def percent(share: float) -> str:
    """A share (0 to 1) with one decimal, rounded down: not quite all is not 100%.

    >>> percent(0.9999), percent(1.0)
    ('99.9%', '100%')
    """
    return "100%" if share == 1.0 else f"{int(share * 1_000) / 10:.1f}%"


def identity(rule: Rule, model: MonitoredModel, state: RuleState, segment: str = ALL_TRAFFIC) -> dict[str, str]:
    """The labels of a rule's alert for a model: what it is about, never a version, window or value.

    A label of the rule or model that would make every window a new alert is left out. `severity` is that of the state:
    the alerts package knows it as a field, and an alert keeps its identity when it gets worse.
    """
    extra = {k: v for k, v in {**model.labels, **rule.labels}.items() if k not in _VALUE_LABELS}
    about = {"segment": segment} if segment else {}
    name, severity = rule.alertname or rule.name, severity_in(rule, state)
    return {**extra, **about, "alertname": name, "model": model.name, "severity": severity.value}


def severity_in(rule: Rule, state: RuleState) -> Severity:
    """How bad the rule's alert is in this state."""
    return state.memory.severity or rule.severity


def firing_event(rule: Rule, model: MonitoredModel, state: RuleState, occasion: Occasion) -> AlertEvent:
    """The news that the alert fires, or fires still with these causes; told at its start and for every later window."""
    return AlertEvent(
        labels=identity(rule, model, state, occasion.segment),
        annotations=_annotations(rule, occasion, _firing_summary(rule, occasion)),
        severity=severity_in(rule, state),
        starts_at=state.fired_at or occasion.window.end,
        link=occasion.link,
        charts=occasion.charts,
    )


def resolved_event(
    rule: Rule, model: MonitoredModel, before: RuleState, occasion: Occasion, ended: datetime | None = None
) -> AlertEvent:
    """The news that the alert is over, at the window's end unless `ended` says when; `before` still fired."""
    started, ended = before.fired_at or occasion.window.end, ended or occasion.window.end
    lasted = format_duration(ended - started)
    summary = f"{rule.summary.rstrip('.') or rule.name}: over for {_about(occasion)} after {lasted}"
    return AlertEvent(
        labels=identity(rule, model, before, occasion.segment),
        annotations=_annotations(rule, occasion, summary),
        severity=severity_in(rule, before),
        starts_at=started,
        ends_at=ended,
        link=occasion.link,
    )


def withdrawn_event(rule: Rule, model: MonitoredModel, before: RuleState, occasion: Occasion) -> AlertEvent:
    """The news that the alert should never have fired, by what is known now; `before` is the state that fired."""
    started = before.fired_at or occasion.window.end
    summary = f"{rule.summary.rstrip('.') or rule.name}: withdrawn for {_about(occasion)} ({occasion.note})"
    return AlertEvent(
        labels=identity(rule, model, before, occasion.segment),
        annotations=_annotations(rule, occasion, summary),
        severity=severity_in(rule, before),
        starts_at=started,
        ends_at=max(started, before.folded_to or started),
        link=occasion.link,
    )


def retired_event(subject: Subject, before: RuleState, why: str) -> AlertEvent | None:
    """The news that the alert of a rule is over because the rule is gone; None when nobody was told of it.

    It ends, in event time, where the rule was folded last: nothing is known of the time since.
    """
    if not before.labels or before.fired_at is None:
        return None
    ended = before.folded_to or before.fired_at
    lasted = format_duration(ended - before.fired_at)
    return AlertEvent(
        labels=before.labels,
        annotations={"summary": f"{subject.rule}: over for {subject.model} after {lasted}: {why}", "reason": why},
        severity=Severity(before.labels["severity"]),
        starts_at=before.fired_at,
        ends_at=ended,
    )


def cause_line(finding: Finding) -> str:
    """One cause in a line: the column, and the finding's own sentence with the test, its number and its limit."""
    check = finding.check
    where = check.column + (f" [{check.segment}]" if check.segment else "")
    return f"{where}: {reason_words(finding)}"


def top_lines(causes: Sequence[Finding]) -> str:
    """The ranked causes, a line each, the worst first; what does not fit is counted."""
    lines = [cause_line(finding) for finding in causes[:MAX_TOP]]
    if len(causes) > MAX_TOP:
        lines.append(f"and {len(causes) - MAX_TOP} more")
    return "\n".join(lines)


def report_command(ref: ModelRef, window: Window) -> str:
    """What to type to see the window's report."""
    return f"driftline report --model {ref.name} --version {ref.version} --window {format_instant(window.start)}"


def _firing_summary(rule: Rule, occasion: Occasion) -> str:
    late = f"; {occasion.note}" if occasion.note else ""
    return f"{rule.summary.rstrip('.') or rule.name}: {_about(occasion)} ({occasion.outcome.because}{late})"


def _about(occasion: Occasion) -> str:
    return occasion.ref.name + (f" [{occasion.segment}]" if occasion.segment else "")


def _annotations(rule: Rule, occasion: Occasion, summary: str) -> dict[str, str]:
    ref, window = occasion.ref, occasion.window
    words = {
        "summary": summary,
        "description": _description(rule, occasion),
        "reason": occasion.outcome.because,
        "revised": occasion.note,
        "top": top_lines(occasion.outcome.causes),
        "window": str(window),
        "sample": occasion.sample,
        "carried_by": occasion.carried_by,
        "segments": occasion.by_segment,
        "weak_segments": occasion.weak_segments,
        "version": ref.version,
        "escalated": occasion.outcome.escalated,
        "runbook": rule.runbook,
        "owner": rule.owner,
        "retraining": occasion.retraining,
        "report": report_command(ref, window) if ref.version else "",
        "report_url": occasion.link or "",
    }
    return {name: text for name, text in words.items() if text}


def _description(rule: Rule, occasion: Occasion) -> str:
    ref, window, causes = occasion.ref, occasion.window, occasion.outcome.causes
    between = f"from {format_instant(window.start)} to {format_instant(window.end)}"
    about = f"Version {ref.version} of {ref.name}, window" if ref.version else f"The records of {ref.name},"
    text = f"{about} {between}: {occasion.outcome.because}."
    if causes:  # word for word as in the list of causes, which a message leaves out where this is all there is
        text += f" {'Foremost ' if len(causes) > 1 else 'Cause: '}{cause_line(causes[0])}."
    if rule.hold:
        text += f" The rule waits until its condition has held for {format_duration(rule.hold)}."
    return text
