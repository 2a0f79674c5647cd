"""Alarms of sequential detectors become findings, minute by minute of event time, for the rules to be folded over."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict, content_id
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.sequential import SequentialAlarm, SequentialSpec
from monitor.domain.time import format_duration, format_instant, from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.sequential import CannotWatch, watcher
from monitor.usecases.judging import Judgement

MINUTE = timedelta(minutes=1)
_MINUTES = WindowSpec(MINUTE, MINUTE)


def minute_of(alarm: SequentialAlarm) -> Window:
    """The minute of event time that the detector had reached: later alarms of a partition are never in earlier ones."""
    return _MINUTES.starting(_MINUTES.pane_start_ms(alarm.reached_ms))


def minute_until(until_ms: int) -> Window:
    """The last whole minute before an instant."""
    return _MINUTES.starting(_MINUTES.pane_start_ms(until_ms) - _MINUTES.size_ms)


def by_minute(alarms: Iterable[SequentialAlarm]) -> Mapping[tuple[ModelRef, Window], Sequence[SequentialAlarm]]:
    """The alarms of each model version and minute, oldest minutes first."""
    found: dict[tuple[ModelRef, Window], list[SequentialAlarm]] = defaultdict(list)
    for alarm in alarms:
        found[ModelRef(alarm.key.model, alarm.key.version), minute_of(alarm)].append(alarm)
    return dict(sorted(found.items(), key=lambda one: (one[0][1].end, one[0][0])))


def judge_minute(  # noqa: PLR0917 - what a judgement is about
    model: MonitoredModel,
    ref: ModelRef,
    window: Window,
    revision: int,
    alarms: Sequence[SequentialAlarm],
    baseline: Baseline | None,
    now: datetime,
    code_version: str,
) -> Judgement:
    """A finding for each detector that raised an alarm in the minute, or, where none did, one for every detector.

    While some have raised alarms, others still may: that they are *ok* is said of quiet minutes alone, or their rules
    would have gone past the minute. One that cannot run on the baseline has *insufficient data*.
    """
    raised: dict[str, list[SequentialAlarm]] = defaultdict(list)
    for alarm in alarms:
        raised[alarm.key.name].append(alarm)
    findings = [_drifted(ref, window, revision, of_one, now, code_version) for of_one in raised.values()]
    if not findings:
        findings = [
            _quiet(ref, window, revision, spec, _obstacle(spec, baseline), now, code_version)
            for spec in model.sequential
        ]
    evaluation = Evaluation(ref, window, EvaluationKind.SEQUENTIAL, revision, len(alarms))
    return Judgement(evaluation, findings)


def _drifted(  # noqa: PLR0917 - the parts of a finding
    ref: ModelRef,
    window: Window,
    revision: int,
    alarms: Sequence[SequentialAlarm],
    now: datetime,
    code_version: str,
) -> Finding:
    first = alarms[0]
    detail = {"alarms": [alarm_detail(alarm) for alarm in alarms]}
    result = TestResult(first.statistic, None, 0, first.n, detail=detail)
    check = Check(first.spec.detector, first.spec.column, first.spec.segment, Threshold(abs(first.threshold)), 0)
    offsets = {str(alarm.key.partition): (alarm.offset, alarm.offset + 1) for alarm in alarms}
    digest = content_id([alarm.inputs.hex() for alarm in alarms])
    evidence = Evidence(first.baseline_id, digest, offsets, code_version, format_instant(now))
    return Finding(
        ref, check, window, revision, Verdict.DRIFTED, _why(alarms), result, evidence, EvaluationKind.SEQUENTIAL
    )


def _quiet(  # noqa: PLR0917 - the same
    ref: ModelRef,
    window: Window,
    revision: int,
    spec: SequentialSpec,
    obstacle: str,
    now: datetime,
    code_version: str,
) -> Finding:
    check = Check(spec.detector, spec.column, spec.segment, Threshold(0.0), 0)
    evidence = Evidence("", "", {}, code_version, format_instant(now))
    verdict, why = Verdict.OK, "no alarm in this minute"
    if obstacle:
        verdict, why = Verdict.INSUFFICIENT_DATA, obstacle
    return Finding(ref, check, window, revision, verdict, why, None, evidence, EvaluationKind.SEQUENTIAL)


def _obstacle(spec: SequentialSpec, baseline: Baseline | None) -> str:
    """Why the detector does not run; empty when it does."""
    if baseline is None:
        return "there is no baseline"
    try:
        watcher(spec, baseline)
    except CannotWatch as error:
        return str(error)
    return ""


def alarm_detail(alarm: SequentialAlarm) -> dict[str, object]:
    """Where and when it was raised, and by how much, for findings and people."""
    return {
        "partition": str(alarm.key.partition),
        "offset": alarm.offset,
        "at": format_instant(from_ms(alarm.at_ms)),
        "since": format_instant(from_ms(alarm.since_ms)),
        "statistic": alarm.statistic,
        "threshold": alarm.threshold,
        "run_length": alarm.run_length,
        "asked": alarm.spec.asked,
        "what": alarm.what,
        "n": alarm.n,
        "skipped": alarm.skipped,
    }


def _why(alarms: Sequence[SequentialAlarm]) -> str:
    first = alarms[0]
    took = max(timedelta(0), from_ms(first.at_ms) - from_ms(first.since_ms))
    others = sorted({str(one.key.partition) for one in alarms} - {str(first.key.partition)})
    also = f", and of {', '.join(others)}" if others else ""
    where = f" of segment {first.spec.segment}" if first.spec.segment else ""
    what = f" ({first.what})" if first.what else ""
    without = f"; {first.skipped} records without a finite value were left out" if first.skipped else ""
    against = f"{first.spec.detector} {first.statistic:.4g} against {first.threshold:.4g}"
    return (
        f"{first.spec.column} has changed{what} since about {format_instant(from_ms(first.since_ms))} in the records"
        f"{where} of {first.key.partition}{also}: {against} "
        f"(seen {format_duration(timedelta(seconds=round(took.total_seconds())))} later); one false alarm in about "
        f"{first.run_length:,.0f} records is expected; the detector has begun anew{without}"
    )
