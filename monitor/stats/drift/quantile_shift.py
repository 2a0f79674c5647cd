"""Shift of a quantile, with its interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair, in_column_unit, value_at
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.moments import BinnedValues, Bounds, apart, both_values
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.proportions import Z95, two_sided_p


@dataclass(frozen=True, slots=True)
class QuantileShift:
    """Size of the difference of a quantile, over the baseline's spread: 0 when equal, no upper bound.

    `quantile`, 0 to 1, is the median unless set; quantiles are those of `numpy.quantile`, values taken as evenly spread
    inside a bin. The spread is the standard deviation of the baseline within its 0.1 to 99.9 % range. Unit: standard
    deviations of the baseline; for a constant baseline, its value (or 1, if that is 0). `low` and `high` bound the
    statistic of the raw values, which lie somewhere in the bins of these ranks. The detail has both quantiles in the
    column's own unit, and the 95 % interval of their difference: each by its order statistics (Woodruff 1952), combined
    after Zou & Donner (2008).

    The p-value is that of the two shares of values on either side of the pooled quantile (Mood 1950 for the median), at
    the edge of a bin nearest to it: the pooled z-test, or the conditional binomial test where few are expected. The
    default threshold asks for 0.3 *and* p <= 0.001. Use it for service levels (0.95, 0.99) and for skewed columns. Do
    not use it where the column has few values: a quantile jumps from one to the next.
    """

    name: ClassVar[str] = "quantile_shift"
    title: ClassVar[str] = "Shift of a quantile"
    unit: ClassVar[str] = "baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.3, warning=0.15, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE})

    quantile: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no quantile."""
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile is {self.quantile}; it must be above 0 and below 1, such as 0.95")

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the quantiles; infinities count as the farthest finite value seen, missing values not at all."""
        sides, pair = both_values(baseline, current), BinnedPair.of(baseline, current)
        if sides is None or pair is None:
            return nothing_to_compare(baseline.n_values, current.n_values)
        first, second = sides
        before, now = first.quantile(self.quantile), second.quantile(self.quantile)
        low, high = apart(first.quantile_bounds(self.quantile), second.quantile_bounds(self.quantile))
        statistic = abs(now - before)
        low, high = min(low, statistic), max(high, statistic)
        assert isinstance(baseline, NumericProfile)  # noqa: S101 - its values were taken
        detail = self._detail(baseline.layout, (before, now), sides)
        return TestResult(statistic, self._p_value(pair), first.n, second.n, low, high, detail)

    def _p_value(self, pair: BinnedPair) -> float:
        _, below = pair.pooled()
        cut = int(np.abs(below - self.quantile).argmin())
        hits = pair.counts[:, : cut + 1].sum(axis=1).tolist()
        return two_sided_p(hits[0], pair.n_baseline, hits[1], pair.n_current) if 0 < below[cut] < 1 else 1.0

    def _detail(self, layout: NumericLayout, at: Bounds, sides: tuple[BinnedValues, BinnedValues]) -> dict[str, object]:
        (before, now), ((low, high), (least, most)) = at, (self._interval(side) for side in sides)
        down = math.hypot(now - least, high - before)
        up = math.hypot(most - now, before - low)
        ends = [in_column_unit(end, layout) for end in (now - before - down, now - before + up)]
        found = {"baseline_quantile": value_at(before, layout), "quantile": value_at(now, layout)}
        return found | {"difference": in_column_unit(now - before, layout), "interval": ends}

    def _interval(self, side: BinnedValues) -> Bounds:
        """95 % interval of one side's quantile."""
        half = Z95 * math.sqrt(self.quantile * (1 - self.quantile) / side.n)
        return side.quantile(self.quantile - half), side.quantile(self.quantile + half)
