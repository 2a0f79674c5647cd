"""Conditions that compare a number, with confidence, with others like it: of training, another version, its past."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from monitor.domain.findings import Finding
from monitor.domain.rules import DropAgainst, Dropped, Trending
from monitor.domain.windows import Window
from monitor.rules.measuring import limit_in_force, matches
from monitor.rules.outcome import Around, Outcome
from monitor.stats.proportions import Z95

ESTIMATED = "estimated_"
"""How the estimate of a performance metric is called: this, and the metric's name."""

ON_TRAINING_DATA = "on_training_data"
"""In the detail of an estimate: what the metric was on the training data."""

LEAST_HISTORY = 3
"""Fewer earlier windows are no history to compare with."""

LEAST_TREND = 4
"""Fewer windows are no trend."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a metric is compared with: its value, the variance of the difference, degrees of freedom, in words."""

    value: float
    variance: float
    freedom: float
    words: str


def dropped(condition: Dropped, findings: Sequence[Finding], around: Around, *, firing: bool) -> Outcome:
    """Whether the metric is worse than its reference by more than the limit, with the asked confidence.

    The difference has the variance of both sides; that of windows before is what they show between them, if that is
    more than their own sampling errors explain.
    """
    now = next((f for f in findings if f.check.test == condition.of and _error(f) is not None), None)
    if now is None or now.result is None:
        return Outcome(None, f"{condition.of} is not known with an interval")
    reference = _reference(condition, now, findings, around)
    if isinstance(reference, str):
        return Outcome(None, reference, looked_at=(now,))
    sign = 1.0 if now.check.threshold.below else -1.0  # a metric of which more is better has its limit below
    drop = sign * (reference.value - now.result.statistic)
    sure_of = drop - _quantile(condition.sure, reference.freedom) * math.sqrt(reference.variance)
    holds = condition.limit.is_crossed(sure_of, firing=firing)
    limit = limit_in_force(condition.limit, firing)
    because = (
        f"{condition.of} = {now.result.statistic:.4g}, worse by {drop:.4g} than {reference.value:.4g} "
        f"{reference.words}; by {sure_of:.4g} at least with {condition.sure:.0%} confidence (limit {limit:.4g})"
    )
    return Outcome(holds, because, (now,) if holds else (), (now,))


def trending(condition: Trending, findings: Sequence[Finding], around: Around, *, firing: bool) -> Outcome:
    """Whether a straight line through the newest windows rises (or falls) by more than the limit, beyond chance."""
    current = [f for f in findings if matches(condition, f) and f.verdict.is_known and f.result is not None]
    lines = [(f, _line(condition, f, around)) for f in current]
    known = [(f, line) for f, line in lines if line is not None]
    if not known:
        return Outcome(None, f"fewer than {condition.over} windows of {condition.test} are judged")
    worst, (change, sure_of) = max(known, key=lambda one: one[1][0])
    holding = [f for f, (by, sure) in known if sure > 0 and condition.limit.is_crossed(by, firing=firing)]
    verb, limit = "fell" if condition.falls else "rose", limit_in_force(condition.limit, firing)
    because = (
        f"{worst.check.name} {verb} by {change:.4g} over {condition.over} windows, by {sure_of:.4g} at least with "
        f"{condition.sure:.0%} confidence (limit {limit:.4g})"
    )
    return Outcome(bool(holding), because, tuple(holding), tuple(current))


def _reference(condition: Dropped, now: Finding, findings: Sequence[Finding], around: Around) -> Reference | str:
    match condition.against:
        case DropAgainst.BASELINE:
            return _training(condition, now, findings)
        case DropAgainst.HISTORY:
            return _history(condition, now, around)
        case DropAgainst.VERSION:
            return _version(condition, now, around)


def _training(condition: Dropped, now: Finding, findings: Sequence[Finding]) -> Reference | str:
    name = condition.of if condition.of.startswith(ESTIMATED) else f"{ESTIMATED}{condition.of}"
    told = (f.result.detail.get(ON_TRAINING_DATA) for f in findings if f.check.test == name and f.result is not None)
    value = next((value for value in told if isinstance(value, int | float)), None)
    if value is None:
        return f"what {condition.of} was on the training data is not known: the baseline has no truths"
    return Reference(float(value), (_error(now) or 0.0) ** 2, math.inf, "on the training data")


def _history(condition: Dropped, now: Finding, around: Around) -> Reference | str:
    past = _apart([f for f in around.past if f.check.name == now.check.name and _error(f) is not None], now.window)
    past = past[: condition.over]
    if len(past) < LEAST_HISTORY:
        return f"{len(past)} earlier windows have {condition.of}, at least {LEAST_HISTORY} are needed"
    mean, spread = _mean_and_variance(past)
    one = max(spread, (_error(now) or 0.0) ** 2)
    return Reference(mean, one * (1 + 1 / len(past)), len(past) - 1, f"in the {len(past)} windows before")


def _version(condition: Dropped, now: Finding, around: Around) -> Reference | str:
    version = condition.version or _served_before(now, around)
    if version is None:
        return "no other version has served before"
    if version == now.model.version:
        return f"version {version} is the one that serves"
    known = [
        f
        for f in (*around.past, *around.others)
        if f.model.version == version and f.check.name == now.check.name and _error(f) is not None
    ]
    same = [f for f in known if f.window == now.window]
    used = same or _apart(known, now.window)[: condition.over]
    if not used:
        return f"version {version} has no {condition.of} with an interval"
    mean, spread = _mean_and_variance(used)
    errors = sum((_error(f) or 0.0) ** 2 for f in used) / len(used)
    variance = max(spread, errors) / len(used) + (_error(now) or 0.0) ** 2
    when = "in the same window" if same else f"in its last {len(used)} windows"
    return Reference(mean, variance, math.inf, f"of version {version} {when}")


def _served_before(now: Finding, around: Around) -> str | None:
    before = [f for f in around.past if f.model.version != now.model.version and f.window.end <= now.window.end]
    return max(before, key=lambda f: f.window.end).model.version if before else None


def _line(condition: Trending, now: Finding, around: Around) -> tuple[float, float] | None:
    """(change over the windows, the least that it is with the asked confidence); None when there are too few."""
    known = [f for f in around.past if f.check.name == now.check.name and f.verdict.is_known and f.result is not None]
    points = [now, *_apart(known, now.window)][: condition.over]
    if len(points) < condition.over:
        return None
    sign = -1.0 if condition.falls else 1.0
    y = [sign * f.result.statistic for f in reversed(points) if f.result is not None]
    n, middle, mean = len(y), (len(y) - 1) / 2, sum(y) / len(y)
    across = n * (n * n - 1) / 12
    slope = sum((k - middle) * value for k, value in enumerate(y)) / across
    rest = sum((value - mean - slope * (k - middle)) ** 2 for k, value in enumerate(y))
    error = math.sqrt(rest / (n - 2) / across)
    return slope * (n - 1), (slope - _quantile(condition.sure, n - 2) * error) * (n - 1)


def _apart(findings: Sequence[Finding], window: Window) -> list[Finding]:
    """Those of windows before this one that overlap neither it nor one another, the newest first.

    Windows that slide share records: their numbers are no independent evidence.
    """
    chosen: list[Finding] = []
    start = window.start
    for finding in sorted(findings, key=lambda f: f.window.end, reverse=True):
        if finding.window.end <= start:
            chosen.append(finding)
            start = finding.window.start
    return chosen


def _mean_and_variance(findings: Sequence[Finding]) -> tuple[float, float]:
    values = [f.result.statistic for f in findings if f.result is not None]
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)


def _error(finding: Finding) -> float | None:
    """The standard error that the 95 % interval of a metric says; None where it has none."""
    result = finding.result
    if result is None or not finding.verdict.is_known or result.low is None or result.high is None:
        return None
    return (result.high - result.low) / (2 * Z95)


def _quantile(sure: float, freedom: float) -> float:
    return float(special.ndtri(sure) if math.isinf(freedom) else special.stdtrit(freedom, sure))
