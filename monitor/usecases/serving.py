"""How a model is served: latency, errors and throughput of a window, judged by the limits that checks set."""

from collections.abc import Iterable, Mapping

from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.windows import Window
from monitor.stats.drift_test import LACKS
from monitor.stats.judgement import judge_metric, measured
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.serving.metric import ServingWindow
from monitor.usecases.outcomes import Outcome
from monitor.usecases.serving_checks import ServingCheck


def serving(
    checks: Iterable[ServingCheck], profiles: Mapping[str, ModelProfile], records: int, window: Window
) -> list[Outcome]:
    """What the checks say of a window of so many records; `profiles` by segment, none where there is no baseline."""
    seconds = (window.end - window.start).total_seconds()
    return [_judged(one, _measured(one, profiles, records, seconds)) for one in checks]


def _measured(
    one: ServingCheck, profiles: Mapping[str, ModelProfile], records: int, seconds: float
) -> TestResult | None:
    segment = one.check.segment
    profile = profiles.get(segment)
    if profile is None and segment != ALL_TRAFFIC:
        return None
    n = records if segment == ALL_TRAFFIC or profile is None else profile.n
    return one.metric.run(ServingWindow(profile, n, seconds), one.check.column)


def _judged(one: ServingCheck, result: TestResult | None) -> Outcome:
    check = one.check
    why = "no records of the segment" if result is None else str(result.detail.get(LACKS, ""))
    if result is None or why:
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None
    n = f"{result.n_current:,} record" + ("" if result.n_current == 1 else "s")
    if result.n_current < check.min_records:
        reason = f"{check.name}: {n} with a value in the window, at least {check.min_records:,} are needed"
        return check, Verdict.INSUFFICIENT_DATA, reason, None
    if not one.is_limited:
        return check, Verdict.OK, f"{measured(check, result)}, no limit is set; {n}", result
    verdict, reason = judge_metric(check, result)
    return check, verdict, f"{reason}; {n}", result
