"""How old the data is that a window is compared with, and the model that learned from it."""

from datetime import timedelta

from monitor.domain.checks import RECORDS, Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.windows import Window
from monitor.rules.conditions import BASELINE_AGE
from monitor.stats.baseline import Baseline
from monitor.usecases.outcomes import Outcome

_DAY = timedelta(days=1)


def baseline_age(limit: timedelta | None, baseline: Baseline, window: Window) -> list[Outcome]:
    """Days from the last event time of the baseline's rows to the window's end; nothing where there is no limit.

    *Degraded* from the limit on. A function of event time alone, so that history is judged as the daemon would have.
    """
    if limit is None:
        return []
    check = Check(BASELINE_AGE, RECORDS, ALL_TRAFFIC, Threshold(limit / _DAY), 0)
    if baseline.period is None:
        why = "the baseline's rows have no event times: build it with --event-time, or `training.event_time`"
        return [(check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None)]
    age = (window.end - baseline.period[1]) / _DAY
    result = TestResult(age, None, baseline.rows, 0)
    if age < 0:
        why = f"{check.name}: the baseline's rows reach {-age:.4g} days past the window, which it may have in it"
        return [(check, Verdict.WARNING, why, result)]
    is_old = age >= limit / _DAY
    why = f"{check.name}: the data of version {baseline.ref.version} ends {age:.4g} days before the window does"
    why += f", limit {limit / _DAY:.4g}" + (": retrain, or build a baseline from newer rows" if is_old else "")
    return [(check, Verdict.DEGRADED if is_old else Verdict.OK, why, result)]
