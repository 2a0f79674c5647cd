"""Difference of two means with Welch's test and interval."""

import math
from dataclasses import dataclass

from scipy import special

from monitor.stats.binned import in_column_unit
from monitor.stats.moments import BinnedValues
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile

LARGEST = 1e300
"""Stands for t where means of constants differ."""


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """Window less baseline, in units; `error` is its standard error."""

    difference: float
    error: float
    degrees_of_freedom: float

    @property
    def t(self) -> float:
        """The difference in standard errors."""
        if not self.error:
            return math.copysign(LARGEST, self.difference) if self.difference else 0.0
        return min(max(self.difference / self.error, -LARGEST), LARGEST)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of Welch's test."""
        return float(2 * special.stdtr(self.degrees_of_freedom, -abs(self.t))) if self.difference else 1.0

    def detail(self, baseline: Profile) -> dict[str, object]:
        """What stands beside the result: the difference in the column's unit, its 95 % interval, t."""
        assert isinstance(baseline, NumericProfile)  # noqa: S101 - its values were taken
        half = float(special.stdtrit(self.degrees_of_freedom, 0.975)) * self.error
        ends = (self.difference, self.difference - half, self.difference + half)
        difference, low, high = (in_column_unit(end, baseline.layout) for end in ends)
        found = {"difference": difference, "interval": [low, high]}
        return found | {"t": self.t, "degrees_of_freedom": self.degrees_of_freedom}


def mean_difference(baseline: BinnedValues, current: BinnedValues) -> MeanDifference:
    """Of two sides with at least two values each (Welch 1947)."""
    parts = [side.variance() / side.n for side in (baseline, current)]
    total = sum(parts)
    least = min(baseline.n, current.n) - 1.0
    if not total:
        return MeanDifference(current.mean() - baseline.mean(), 0.0, least)
    weights = [part / total for part in parts]
    freedom = 1 / sum(w**2 / (side.n - 1) for w, side in zip(weights, (baseline, current), strict=True))
    return MeanDifference(current.mean() - baseline.mean(), math.sqrt(total), freedom)
