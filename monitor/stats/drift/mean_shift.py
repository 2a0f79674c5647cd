"""Shift of the mean, with its interval."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise
from monitor.stats.mean_difference import mean_difference
from monitor.stats.moments import apart, at_least_two, bounded
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class MeanShift:
    """Size of the difference of the means over the baseline's spread: 0 when equal, no upper bound.

    The spread is the standard deviation of the baseline within its 0.1 to 99.9 % range, the same for every window.
    Unit: standard deviations of the baseline; for a constant baseline, its value (or 1, if that is 0). The detail has
    the difference in the column's own unit with its sign and its 95 % interval for sampling (Welch 1947). Values of a
    bin are taken for its middle; `low` and `high` bound the statistic of the raw values, wherever in their bins they
    lie.

    The p-value is that of Welch's t-test, two-sided. The default threshold asks for 0.3 *and* p <= 0.001. Use it where
    people ask by how much the mean moved, and for sums and totals. Do not use it on heavy tails, whose extreme values
    rule the mean: take `quantile_shift`.
    """

    name: ClassVar[str] = "mean_shift"
    title: ClassVar[str] = "Shift of the mean"
    unit: ClassVar[str] = "baseline standard deviations"
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
        bounds = apart(first.mean_bounds(), second.mean_bounds())
        return bounded(abs(found.difference), found.p_value, sides, bounds, found.detail(baseline))
