"""Mean, variance and spread of a numeric column from its bins, with bounds that hold for the raw values."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.binned import extent, positions
from monitor.stats.columns import Floats, Ints
from monitor.stats.drift_test import nothing_to_compare, too_few_values
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BinnedValues:
    """The values of one side: `counts` of them in bins [low, high], in units from the baseline's median.

    A bin of a single value is [value, value]. Infinities stand for the farthest finite value of both sides.
    """

    counts: Ints
    low: Floats
    high: Floats

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def shares(self) -> Floats:
        """Shares of the bins."""
        return self.counts / self.n

    @property
    def middle(self) -> Floats:
        """What the values of each bin are taken for."""
        return (self.low + self.high) / 2

    def mean(self) -> float:
        """Mean in units from the baseline's median."""
        return float(self.shares @ self.middle)

    def mean_bounds(self) -> Bounds:
        """Between what the mean of the raw values must lie."""
        return float(self.shares @ self.low), float(self.shares @ self.high)

    def central(self, power: int) -> float:
        """Mean of (value - mean)^power."""
        return float(self.shares @ (self.middle - self.mean()) ** power)

    def variance(self) -> float:
        """Unbiased variance, in squared units; 0 of a single value."""
        return self.central(2) * self.n / max(1, self.n - 1)

    def variance_bounds(self) -> Bounds:
        """Between what the variance of the raw values must lie."""
        mean, (least, most) = self.mean(), self.mean_bounds()
        below, above = self.low - mean, self.high - mean
        nearest = np.maximum(np.maximum(below, -above), 0.0)
        farthest = np.maximum(np.abs(below), np.abs(above))
        shift = max(mean - least, most - mean)
        scale = self.n / max(1, self.n - 1)
        smallest = max(0.0, float(self.shares @ nearest**2) - shift**2)
        return smallest * scale, float(self.shares @ farthest**2) * scale

    def deviation_bounds(self) -> Bounds:
        """Between what the mean absolute deviation from the median must lie: the integral of min(F, 1 - F)."""
        above = np.minimum(self.shares.cumsum(), 1.0)
        ends = np.array((np.concatenate(([0.0], above[:-1])), above))
        least = np.minimum(ends, 1 - ends)
        holds_median = (ends[0] < 0.5) & (ends[1] > 0.5)
        widths = self.high - self.low
        return float(widths @ least.min(axis=0)), float(widths @ np.where(holds_median, 0.5, least.max(axis=0)))

    def quantile(self, share: float) -> float:
        """The quantile as `numpy.quantile` defines it, values taken as evenly spread inside a bin."""
        return self._at_rank(share, self._spread_evenly)

    def quantile_bounds(self, share: float) -> Bounds:
        """Between what this quantile of the raw values must lie."""
        return self._at_rank(share, lambda j, _: float(self.low[j])), self._at_rank(
            share, lambda j, _: float(self.high[j])
        )

    def _at_rank(self, share: float, place: Callable[[int, int], float]) -> float:
        """The quantile, where `place` tells the value of a rank that falls into a bin."""
        rank = (self.n - 1) * min(max(share, 0.0), 1.0)
        first = math.floor(rank)
        below = self.counts.cumsum()
        bins = np.searchsorted(below, (first, min(first + 1, self.n - 1)), side="right").tolist()
        low, high = place(bins[0], first), place(bins[1], min(first + 1, self.n - 1))
        return low + (high - low) * (rank - first)

    def _spread_evenly(self, j: int, rank: int) -> float:
        within = rank - int(self.counts[:j].sum()) + 0.5
        return float(self.low[j] + (self.high[j] - self.low[j]) * within / int(self.counts[j]))


Sides = tuple[BinnedValues, BinnedValues]


def apart(one: Bounds, other: Bounds) -> Bounds:
    """Bounds of |x - y| where x and y lie in these."""
    low, high = one[0] - other[1], one[1] - other[0]
    return max(0.0, low, -high), max(high, -low)


def at_least_two(baseline: Profile, current: Profile) -> Sides | TestResult:
    """Baseline and window for a test of moments, which takes two values on either side; else why there is none."""
    sides = both_values(baseline, current)
    if sides is None:
        return nothing_to_compare(baseline.n_values, current.n_values)
    first, second = sides
    return too_few_values(first.n, second.n, 2) if min(first.n, second.n) < 2 else sides


def bounded(statistic: float, p_value: float, sides: Sides, bounds: Bounds, detail: Mapping[str, object]) -> TestResult:
    """The result of such a test with the bounds of its statistic on raw values, which hold it in spite of rounding."""
    first, second = sides
    low, high = min(bounds[0], statistic), max(bounds[1], statistic)
    return TestResult(statistic, p_value, first.n, second.n, low, high, detail)


def both_values(baseline: Profile, current: Profile) -> Sides | None:
    """Baseline and window; None where either has no values, or the baseline no finite one."""
    first, second = pair(NumericProfile, baseline, current)
    if not first.n_values or not second.n_values or not np.isfinite(first.layout.median):
        return None
    return _values(first, second), _values(second, first)


def _values(one: NumericProfile, other: NumericProfile) -> BinnedValues:
    finite = not (one.neg_inf or one.pos_inf)
    low, high = (one.min, one.max) if finite else extent(one, other)
    at = positions(one.layout, low, high)
    upper = np.where(one.layout.atoms, at[:-1], at[1:])
    return BinnedValues(one.binned(), at[:-1], upper)
