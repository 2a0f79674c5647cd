"""From a statistic and its check to a verdict with a sentence."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.drift_test import LACKS, SAYS

WORDS = 1_024
"""So many phrases with numbers are kept at hand."""


LEAST_BASELINE = 10
"""Of fewer values in the baseline nearly every window could come: an `ok` would be a guess."""

_EMPTY, _NEEDS, _INTERVAL = "empty", "needs", "interval"
_UNFIT = frozenset((LACKS, _EMPTY, _NEEDS))
"""In the detail of a result of which nothing can be told."""

_SPECIAL = _UNFIT | {SAYS, _INTERVAL}
"""In the detail of a result that has more to tell than its numbers."""

_OK = Verdict.OK


def judge(check: Check, result: TestResult, *, bad: Verdict = Verdict.DRIFTED) -> tuple[Verdict, str]:
    """The verdict on one result, and why in a sentence with its numbers.

    Fewer records than the check asks for are *insufficient data*, as is a baseline without values, or with fewer than
    `LEAST_BASELINE` where the test has a p-value. Otherwise the statistic decides, and where the threshold has an
    `alpha` and the test a p-value, both must speak: effect and significance. `bad` is what reaching the limit is
    called. For performance it is `degraded`, and a metric beyond its limit is that only if its whole 95 % interval is;
    otherwise it is a warning.
    """
    if short := _short(check, result, bad):
        return Verdict.INSUFFICIENT_DATA, f"{check.name}: {short}"
    if bad is Verdict.DEGRADED:
        verdict, text = judge_metric(check, result)
        return verdict, f"{text}; {_count(result.n_current)} with known truth"
    verdict, text = _told(check.threshold, result, bad)
    return verdict, check.name + text


def judge_columns(
    names: Iterable[str], checks: Iterable[Check], results: Iterable[TestResult]
) -> list[tuple[Verdict, str]]:
    """`judge` of checks of one test, each of a column, that have these names.

    A window has dozens: words that columns have in common are made once, and a result with nothing to it but that it
    is no significant one, as nearly all are, takes few steps.
    """
    found: list[tuple[Verdict, str]] = []
    of: TestResult | None = None
    by: Threshold | None = None
    alpha: float | None = None
    limit = not_below = text = ""
    verdict, is_fit = _OK, False
    for name, check, result in zip(names, checks, results, strict=True):
        threshold = check.threshold
        if result is not of or threshold is not by:
            if threshold is not by:
                by, alpha, limit = threshold, threshold.alpha, _limit_of(threshold.below, threshold.drifted)
                not_below = "" if alpha is None else _not_below(alpha)
            of, p_value = result, result.p_value
            is_plain = _SPECIAL.isdisjoint(result.detail)
            is_fit = result.n_baseline >= LEAST_BASELINE and result.n_current >= 1 and (is_plain or _is_fit(result))
            if is_plain and result.low is None and alpha is not None and p_value is not None and p_value > alpha:
                sizes = _against(result.n_current, result.n_baseline)
                verdict, text = _OK, f" = {result.statistic:.4g}, {limit}; p = {p_value:.2g}{not_below}; {sizes}"
            else:
                verdict, text = _told(threshold, result, Verdict.DRIFTED)
        if (not is_fit or result.n_current < check.min_records) and (short := _short(check, result, Verdict.DRIFTED)):
            found.append((Verdict.INSUFFICIENT_DATA, f"{name}: {short}"))
        else:
            found.append((verdict, name + text))
    return found


def _is_fit(result: TestResult) -> bool:
    """Whether there is enough for a verdict, whatever number of records the check asks for."""
    return result.n_baseline >= LEAST_BASELINE and result.n_current >= 1 and _UNFIT.isdisjoint(result.detail)


def _short(check: Check, result: TestResult, bad: Verdict) -> str:
    """What there is too little of for a verdict; empty where there is enough."""
    if _is_fit(result) and result.n_current >= check.min_records:
        return ""
    if short := _too_few(check, result):
        return short
    return _thin(result) if result.n_baseline < LEAST_BASELINE and bad is not Verdict.DEGRADED else ""


def _too_few(check: Check, result: TestResult) -> str:
    n_current = result.n_current
    if n_current < check.min_records:
        return f"{_count(n_current)} in the window, at least {check.min_records:,} are needed"
    if result.n_baseline >= 1 <= n_current and _UNFIT.isdisjoint(result.detail):
        return ""
    if lacking := result.detail.get(LACKS):
        return str(lacking)
    if result.n_baseline < 1:
        return "no values in the baseline to compare with"
    return "no values in the window" if result.n_current < 1 else _unfit(result)


def _thin(result: TestResult) -> str:
    return (
        ""
        if result.p_value is None
        else f"{_count(result.n_baseline)} in the baseline, at least {LEAST_BASELINE} are needed"
    )


def _unfit(result: TestResult) -> str:
    if _EMPTY in result.detail:
        return "no finite value in the baseline to compare with"
    if _NEEDS in result.detail:
        fewer = _count(min(result.n_baseline, result.n_current))
        return f"{fewer} on one side, at least {result.detail[_NEEDS]} needed"
    return ""


def _told(threshold: Threshold, result: TestResult, bad: Verdict) -> tuple[Verdict, str]:
    """The verdict, and the sentence with its numbers behind the name of the check.

    A window says this dozens of times, so it takes few steps.
    """
    p_value, alpha, detail = result.p_value, threshold.alpha, result.detail
    verdict, limit, more = _OK, threshold.drifted, ""
    if result.low is not None and result.high is not None and result.high > result.low:
        more = f" (exactly: {result.low:.4g} to {result.high:.4g})"
    if _INTERVAL in detail:
        more += _sampled(detail)
    if p_value is not None:
        more += f"; p = {p_value:.2g}" if p_value else "; p < 1e-300"
    if alpha is not None and p_value is not None and not p_value <= alpha:
        more += _not_below(alpha)
    else:
        verdict = _verdict(threshold, result, bad)
        if verdict is Verdict.WARNING and threshold.warning is not None:
            limit = threshold.warning
    if SAYS in detail and (says := detail[SAYS]):
        more += f"; {says}"
    sizes = _against(result.n_current, result.n_baseline)
    return verdict, f" = {result.statistic:.4g}, {_limit_of(threshold.below, limit)}{more}; {sizes}"


def _verdict(threshold: Threshold, result: TestResult, bad: Verdict) -> Verdict:
    alpha, p_value = threshold.alpha, result.p_value
    if alpha is not None and p_value is not None and not p_value <= alpha:
        return Verdict.OK
    if _reaches(threshold, result.statistic, threshold.drifted):
        return bad
    if threshold.warning is not None and _reaches(threshold, result.statistic, threshold.warning):
        return Verdict.WARNING
    return Verdict.OK


def _reaches(threshold: Threshold, statistic: float, limit: float) -> bool:
    return statistic <= limit if threshold.below else statistic >= limit


def _sampled(detail: Mapping[str, object]) -> str:
    """By how much, with sign and sampling error, where the test tells."""
    match detail:
        case {"difference": float(size), "interval": [float(low), float(high)]}:
            name = "difference"
        case {"ratio": float(size), "interval": [float(low), float(high)]}:
            name = "ratio"
        case _:
            return ""
    return f"; {name} {size:.4g} (95 % interval {low:.4g} to {high:.4g})"


def judge_metric(check: Check, result: TestResult) -> tuple[Verdict, str]:
    """The verdict on a metric that is known, and its value with the limit; the caller adds what it rests on."""
    threshold = check.threshold
    verdict, surely = _verdict(threshold, result, Verdict.DEGRADED), True
    if verdict is Verdict.DEGRADED:
        nearest = result.high if threshold.below else result.low
        surely = nearest is None or _reaches(threshold, nearest, threshold.drifted)
        verdict = verdict if surely else Verdict.WARNING
    text = f"{measured(check, result)}, {_limit(threshold, verdict if surely else Verdict.DEGRADED)}"
    text += "" if surely else ", which the interval does not exclude"
    return verdict, text


def measured(check: Check, result: TestResult) -> str:
    """The value of a metric, with its interval where it has one."""
    text = f"{check.name} = {result.statistic:.4g}"
    if result.low is None or result.high is None:
        return text
    return f"{text} (95 % interval {result.low:.4g} to {result.high:.4g})"


def _limit(threshold: Threshold, verdict: Verdict) -> str:
    """The limit that the verdict is about, in words."""
    warns = verdict is Verdict.WARNING and threshold.warning is not None
    return _limit_of(threshold.below, threshold.warning if warns else threshold.drifted)


# A window has many checks with few limits and few numbers of records: their words are kept.


@lru_cache(maxsize=WORDS)
def _limit_of(below: bool, limit: float) -> str:  # noqa: FBT001 - as positions they are one key
    return f"{'floor' if below else 'limit'} {limit:.4g}"


@lru_cache(maxsize=WORDS)
def _not_below(alpha: float) -> str:
    return f", not below {alpha:g}"


@lru_cache(maxsize=WORDS)
def _count(records: int) -> str:
    return f"{records:,} record" + ("" if records == 1 else "s")


@lru_cache(maxsize=WORDS)
def _against(records: int, n_baseline: int) -> str:
    return f"{_count(records)} against {n_baseline:,} in the baseline"
