"""Change of the standard deviation, with the interval of its ratio."""

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise
from monitor.stats.moments import BinnedValues, Bounds, apart, at_least_two, bounded
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import Z95


@dataclass(frozen=True, slots=True)
class VarianceShift:
    """Size of the difference of the standard deviations over the baseline's spread: 0 when equal, no upper bound.

    The spread is the standard deviation of the baseline within its 0.1 to 99.9 % range. Unit: standard deviations of
    the baseline; for a constant baseline, its value (or 1, if that is 0). A normal column whose variance grows by 44 %
    gives 0.2. The detail has the ratio of the standard deviations, window to baseline, and its 95 % interval (Bonett
    2006). Values of a bin are taken for its middle; `low` and `high` bound the statistic of the raw values.

    The p-value is that of the difference of the variances under their pooled kurtosis (after Layard 1973), two-sided:
    unlike Bartlett's or the F-test it does not take the column for normal. The default threshold asks for 0.2 *and*
    p <= 0.001. Use it where noise itself matters: sensors, prices. Do not use it on heavy tails, whose extreme values
    rule the variance: take `levene`.
    """

    name: ClassVar[str] = "variance_shift"
    title: ClassVar[str] = "Shift of the variance"
    unit: ClassVar[str] = "baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the variances; infinities count as the farthest finite value seen, missing values not at all."""
        sides = at_least_two(baseline, current)
        if isinstance(sides, TestResult):
            return sides
        first, second = sides
        before, now = math.sqrt(first.variance()), math.sqrt(second.variance())
        bounds = apart(_roots(first.variance_bounds()), _roots(second.variance_bounds()))
        relative = _relative_error(first, second)
        p_value = _p_value(first, second, relative)
        detail: dict[str, object] = {}
        if before and now:
            ratio, factor = now / before, math.exp(min(100.0, Z95 * relative / 2))
            detail = {"ratio": ratio, "interval": [ratio / factor, ratio * factor]}
        return bounded(abs(now - before), p_value, sides, bounds, detail)


def _roots(bounds: Bounds) -> Bounds:
    return math.sqrt(bounds[0]), math.sqrt(bounds[1])


def _pooled(first: BinnedValues, second: BinnedValues, power: int) -> float:
    return (first.n * first.central(power) + second.n * second.central(power)) / (first.n + second.n)


def _relative_error(first: BinnedValues, second: BinnedValues) -> float:
    """Standard error of the difference of the logarithms of the variances, if there is no drift."""
    variance = _pooled(first, second, 2)
    if not variance:
        return 0.0
    kurtosis = max(1.0, _pooled(first, second, 4) / variance**2)
    return math.sqrt((kurtosis - 1) * (1 / first.n + 1 / second.n))


def _p_value(first: BinnedValues, second: BinnedValues, relative: float) -> float:
    gap = abs(second.variance() - first.variance())
    if not gap:
        return 1.0
    error = relative * _pooled(first, second, 2)
    return float(2 * special.ndtr(-gap / error)) if error else 0.0
