"""Standard errors by influence: how much each record moves a number, and an interval from that.

A metric that is a smooth function of shares moves by the mean influence of the records, so its standard error is the
standard deviation of the influences over the root of n (Hampel 1974). Cells stand for records that are alike: `weights`
are their numbers, not necessarily whole.
"""

import math

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.proportions import Z95


def standard_error(influence: Floats, weights: Floats) -> float:
    """Of a number whose value moves by the mean influence of the weighted cells; 0 for nothing."""
    n = float(weights.sum())
    if n <= 0.0:
        return 0.0
    mean = float((weights * influence).sum()) / n
    return math.sqrt(max(0.0, float((weights * (influence - mean) ** 2).sum()) / n / n))


def mean_result(values: Floats, least: float = -math.inf) -> TestResult:
    """The mean of one number a record, its 95 % interval by the central limit theorem, cut below at `least`."""
    mean, n = float(values.mean()), len(values)
    half = Z95 * float(values.std(ddof=1)) / n**0.5 if n > 1 else abs(mean)
    return TestResult(mean, None, n, n, max(least, mean - half), mean + half)


def share_result(value: float, error: float, n: int) -> TestResult:
    """A number in [0, 1] with the 95 % interval that is symmetric in its log-odds: it never leaves [0, 1].

    At 0 and 1, where the log-odds end and the error vanishes, the far bound is the one that no case in n allows.
    """
    none = 1 - 0.025 ** (1 / n)
    if value <= 0.0 or value >= 1.0:
        return TestResult(value, None, n, n, max(0.0, value - none), min(1.0, value + none))
    centre, half = math.log(value / (1 - value)), Z95 * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -at))) for at in (centre - half, centre + half))
    return TestResult(value, None, n, n, low, high)


def correlation_result(value: float, error: float, n: int) -> TestResult:
    """A number in [-1, 1] with the 95 % interval that is symmetric in Fisher's z (1915)."""
    if abs(value) >= 1.0:
        return TestResult(value, None, n, n, value, value)
    centre, half = math.atanh(value), Z95 * error / (1 - value * value)
    return TestResult(value, None, n, n, math.tanh(centre - half), math.tanh(centre + half))
