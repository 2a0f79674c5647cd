"""Welch's t-test from bins, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise
from monitor.stats.mean_difference import mean_difference
from monitor.stats.moments import apart, at_least_two, bounded
from monitor.stats.profiles.layouts import Profile

LARGEST = 1e300
"""Bound of an effect whose standard deviation may be zero."""


@dataclass(frozen=True, slots=True)
class WelchT:
    """Cohen's d, the difference of the means over the standard deviation of both samples: 0 when equal, no upper bound.

    The standard deviation is the root of the mean of both variances (Cohen 1988), so that neither sample's size
    matters; where both are constant, the baseline's size. Unit: standard deviations. Means and variances take the
    values of a bin for its middle; `low` and `high` bound d of the raw values, wherever in their bins they lie.

    The p-value is Welch's (1947), which does not ask for equal variances, two-sided; `t` and its degrees of freedom are
    in the detail and equal to `scipy.stats.ttest_ind(equal_var=False)` where bins hold single values, with the
    difference in the column's unit and its 95 % interval. The default threshold asks for 0.3 *and* p <= 0.001. Use it
    where the mean itself matters. Do not use it on heavy tails, whose extreme values rule it: take `mann_whitney`.
    """

    name: ClassVar[str] = "welch_t"
    title: ClassVar[str] = "Welch's t-test"
    unit: ClassVar[str] = "standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.3, warning=0.15, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the means; infinities count as the farthest finite value seen, missing values not at all."""
        sides = at_least_two(baseline, current)
        if isinstance(sides, TestResult):
            return sides
        first, second = sides
        found = mean_difference(first, second)
        deviation = math.sqrt((first.variance() + second.variance()) / 2)
        least, most = (
            math.sqrt((one + other) / 2)
            for one, other in zip(first.variance_bounds(), second.variance_bounds(), strict=True)
        )
        nearest, farthest = apart(first.mean_bounds(), second.mean_bounds())
        statistic = abs(found.difference) / (deviation or 1.0)
        low = nearest / (most or 1.0)
        high = min(LARGEST, farthest / least) if least else LARGEST if most else farthest
        return bounded(statistic, found.p_value, sides, (low, high), found.detail(baseline))
