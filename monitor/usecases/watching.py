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
from monitor.rules.conditions import LAG, RECORDS, STALENESS
from monitor.schedule.staleness import lag_records, most_behind, stalest

MINUTE = timedelta(minutes=1)


def minute_before(now: datetime) -> Window:
    """The last whole minute of the wall clock: what a finding about the reading is about."""
    spec = WindowSpec(MINUTE, MINUTE)
    return spec.starting(spec.pane_start_ms(to_ms(now)) - spec.size_ms)


def watch(
    model: MonitoredModel, progress: Sequence[PartitionProgress], now: datetime, code_version: str
) -> list[Finding]:
    """Findings of the checks `staleness` (in seconds) and `lag` (in records), for a model that asks for them.

    Both are about the worst partition, and bad (*degraded*) from the model's limit on. None while nothing was read.
    """
    found: list[Finding] = []
    stale, behind = stalest(progress, to_ms(now)), most_behind(progress)
    if model.stale_after is not None and stale is not None:
        partition, age_ms = stale
        age = format_duration(timedelta(seconds=round(age_ms / 1_000)))
        reason = f"{partition.partition} was last read up to {age} ago"
        limit = model.stale_after.total_seconds()
        found.append(_finding(model, STALENESS, partition, age_ms / 1_000, limit, reason, now, code_version))
    if model.max_lag is not None and behind is not None:
        partition, lag = behind
        reason = f"{lag:,} records of {partition.partition} wait to be read"
        found.append(_finding(model, LAG, partition, float(lag), model.max_lag, reason, now, code_version))
    return found


def evaluation_of(findings: Sequence[Finding]) -> Evaluation:
    """What is committed with findings of one minute."""
    return Evaluation(findings[0].model, findings[0].window, EvaluationKind.STREAM, 0, 0)


def _finding(  # noqa: PLR0917 - the parts of a finding
    model: MonitoredModel,
    test: str,
    partition: PartitionProgress,
    statistic: float,
    limit: float,
    reason: str,
    now: datetime,
    code_version: str,
) -> Finding:
    is_bad = statistic >= limit
    check = Check(test, RECORDS, ALL_TRAFFIC, Threshold(limit), 0)
    result = TestResult(statistic, None, 0, lag_records(partition) or 0, detail={"partition": str(partition.partition)})
    evidence = Evidence("", "", {}, code_version, format_instant(now))
    verdict = Verdict.DEGRADED if is_bad else Verdict.OK
    ref, window = ModelRef(model.name, ""), minute_before(now)
    return Finding(ref, check, window, 0, verdict, reason, result, evidence, EvaluationKind.STREAM)
