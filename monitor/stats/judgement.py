"""From a statistic and its check to a verdict with a sentence."""

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict


def judge(check: Check, result: TestResult, *, bad: Verdict = Verdict.DRIFTED) -> tuple[Verdict, str]:
    """The verdict on one result, and why in a sentence with its numbers.

    Fewer records than the check asks for are *insufficient data*, as is a baseline without values. Otherwise the
    statistic decides, and where the threshold has an `alpha` and the test a p-value, both must speak: effect and
    significance. `bad` is what reaching the limit is called. For performance it is `degraded`, and a metric beyond its
    limit is that only if its whole 95 % interval is; otherwise it is a warning.
    """
    short = _too_few(check, result)
    if short:
        return Verdict.INSUFFICIENT_DATA, f"{check.name}: {short}"
    if bad is Verdict.DEGRADED:
        return _judge_metric(check, result)
    verdict = _verdict(check.threshold, result, bad)
    return verdict, _sentence(check, result, verdict)


def _too_few(check: Check, result: TestResult) -> str:
    if result.n_current < check.min_records:
        return f"{_count(result.n_current)} in the window, at least {check.min_records:,} are needed"
    if result.n_baseline < 1:
        return "no values in the baseline to compare with"
    if result.n_current < 1:
        return "no values in the window"
    return ""


def _verdict(threshold: Threshold, result: TestResult, bad: Verdict) -> Verdict:
    significant = threshold.alpha is None or result.p_value is None or result.p_value <= threshold.alpha
    if significant and _reaches(threshold, result.statistic, threshold.drifted):
        return bad
    if significant and threshold.warning is not None and _reaches(threshold, result.statistic, threshold.warning):
        return Verdict.WARNING
    return Verdict.OK


def _reaches(threshold: Threshold, statistic: float, limit: float) -> bool:
    return statistic <= limit if threshold.below else statistic >= limit


def _sentence(check: Check, result: TestResult, verdict: Verdict) -> str:
    text = f"{check.name} = {result.statistic:.4g}, {_limit(check.threshold, verdict)}"
    if result.low is not None and result.high is not None and result.high > result.low:
        text += f" (exactly: {result.low:.4g} to {result.high:.4g})"
    if result.p_value is not None:
        text += f"; p = {result.p_value:.2g}" if result.p_value else "; p < 1e-300"
        if check.threshold.alpha is not None and result.p_value > check.threshold.alpha:
            text += f", not below {check.threshold.alpha:g}"
    return f"{text}; {_count(result.n_current)} against {result.n_baseline:,} in the baseline"


def _judge_metric(check: Check, result: TestResult) -> tuple[Verdict, str]:
    threshold = check.threshold
    verdict, surely = _verdict(threshold, result, Verdict.DEGRADED), True
    if verdict is Verdict.DEGRADED:
        nearest = result.high if threshold.below else result.low
        surely = nearest is None or _reaches(threshold, nearest, threshold.drifted)
        verdict = verdict if surely else Verdict.WARNING
    text = f"{check.name} = {result.statistic:.4g}"
    if result.low is not None and result.high is not None:
        text += f" (95 % interval {result.low:.4g} to {result.high:.4g})"
    text += f", {_limit(threshold, verdict if surely else Verdict.DEGRADED)}"
    text += "" if surely else ", which the interval does not exclude"
    return verdict, f"{text}; {_count(result.n_current)} with known truth"


def _limit(threshold: Threshold, verdict: Verdict) -> str:
    """The limit that the verdict is about, in words."""
    warns = verdict is Verdict.WARNING and threshold.warning is not None
    limit = threshold.warning if warns else threshold.drifted
    return f"{'floor' if threshold.below else 'limit'} {limit:.4g}"


def _count(records: int) -> str:
    return f"{records:,} record" + ("" if records == 1 else "s")
