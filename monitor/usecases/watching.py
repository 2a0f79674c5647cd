"""Whether the stream is being read at all: a finding by the wall clock, for when no window closes to tell."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.stream import PartitionProgress
from monitor.domain.time import format_duration, format_instant, to_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.rules.conditions import RECORDS, STALENESS
from monitor.schedule.staleness import lag_records, stalest

MINUTE = timedelta(minutes=1)


def minute_before(now: datetime) -> Window:
    """The last whole minute of the wall clock: what a finding about the reading is about."""
    spec = WindowSpec(MINUTE, MINUTE)
    return spec.starting(spec.pane_start_ms(to_ms(now)) - spec.size_ms)


def watch(
    model: MonitoredModel, progress: Sequence[PartitionProgress], now: datetime, code_version: str
) -> Finding | None:
    """The finding of the check `staleness`; None when the model does not ask, or nothing was ever read.

    The statistic is in seconds. It is bad (*degraded*) from the model's `stale_after` on.
    """
    worst = stalest(progress, to_ms(now))
    if model.stale_after is None or worst is None:
        return None
    partition, age_ms = worst
    age, limit_s = timedelta(milliseconds=age_ms), model.stale_after.total_seconds()
    check = Check(STALENESS, RECORDS, ALL_TRAFFIC, Threshold(limit_s), 0)
    is_stale = age >= model.stale_after
    lag = lag_records(partition)
    waiting = "" if not lag else f", {lag:,} records wait"
    behind = format_duration(timedelta(seconds=round(age.total_seconds())))
    reason = f"{partition.partition} was last read up to {behind} ago{waiting}"
    reason += f" (limit {format_duration(model.stale_after)})" if is_stale else ""
    result = TestResult(age.total_seconds(), None, 0, lag or 0, detail={"partition": str(partition.partition)})
    evidence = Evidence("", "", {}, code_version, format_instant(now))
    verdict = Verdict.DEGRADED if is_stale else Verdict.OK
    window, ref = minute_before(now), ModelRef(model.name, "")
    return Finding(ref, check, window, 0, verdict, reason, result, evidence, EvaluationKind.STREAM)


def evaluation_of(finding: Finding) -> Evaluation:
    """What is committed with the finding."""
    return Evaluation(finding.model, finding.window, EvaluationKind.STREAM, 0, 0)
