"""By how much one model is better than another on the same records, with an interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.columns import Rows
from monitor.stats.performance.metric import Judged, PerformanceMetric

_GROUPS, _SEED = 50, 42
_NEVER_SEEN = 3.7
"""-ln(0.025): what 95 % sure to be seen at least once in n records happens less often than this, divided by n."""


@dataclass(frozen=True, slots=True)
class PairedGain:
    """Both values of the metric, and the gain of the second over the first in [low, high]; positive is better."""

    first: float
    second: float
    gain: float
    low: float
    high: float


def paired_gain(
    metric: PerformanceMetric, first: Judged, second: Judged, positive: str | None, confidence: float
) -> PairedGain | None:
    """Compare two models' predictions of the same records, row by row; None where the metric is not defined.

    The standard error is that of the jackknife that leaves out one of 50 groups at a time (Shao & Tu 1995). Groups are
    drawn with a fixed seed: ids in a row may have a rhythm that every 50th record would follow. It takes any metric as
    it is, and counts the records on which both agree as what they are, no evidence for either. Where no group moves the
    difference, the interval is what n records without a disagreement leave open. Deterministic in the order of rows.
    """
    run = _values(metric, first, second, positive)
    everything = run(np.arange(first.n))
    if everything is None:
        return None
    sign = 1.0 if metric.higher_is_better else -1.0
    gain = sign * (everything[1] - everything[0])
    groups = min(_GROUPS, first.n)
    group = np.random.default_rng(_SEED).permutation(first.n) % groups
    left_out = [run(np.flatnonzero(group != k)) for k in range(groups)] if groups > 1 else [None]
    known = [sign * (values[1] - values[0]) for values in left_out if values is not None]
    if len(known) < groups:  # a class so rare that one group holds all of it: no interval can be trusted
        return None
    spread = np.array(known) - np.mean(known)
    error = float(np.sqrt((groups - 1) / groups * np.sum(spread**2)))
    half = float(special.stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    half = half or _NEVER_SEEN / first.n
    return PairedGain(*everything, gain, gain - half, gain + half)


def _values(
    metric: PerformanceMetric, first: Judged, second: Judged, positive: str | None
) -> Callable[[Rows], tuple[float, float] | None]:
    def run(rows: Rows) -> tuple[float, float] | None:
        values = []
        for judged in (first, second):
            result = metric.run(judged.take(rows), positive)
            if result is None:
                return None
            values.append(float(result.statistic))
        return values[0], values[1]

    return run
