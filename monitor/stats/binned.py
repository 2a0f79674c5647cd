"""Two samples of a numeric column counted in the same bins: what that tells of their distribution functions."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile

FARTHEST = 1e12
"""Positions are cut at so many units from the baseline's median, so that no input makes a result infinite."""

LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, eq=False)
class BinnedPair:
    """Baseline (first row) and window on the bins of one layout; infinities count in the outermost bins.

    `start` and `end`, shape (bins,), are the differences of the two distribution functions, F - G, at the edges of each
    bin, where they are known exactly. `lowest` and `highest` bound the difference anywhere inside: the values of a bin
    that holds the shares p and q may all come first or last. Bins of a single value (`atoms`) have no inside.
    """

    counts: Ints
    shares: Floats
    start: Floats
    end: Floats
    atoms: Mask

    @classmethod
    def of(cls, baseline: Profile, current: Profile) -> "BinnedPair | None":
        """Of two numeric profiles; None where either has no values. LayoutMismatch when they were counted otherwise."""
        first, second = pair(NumericProfile, baseline, current)
        counts = np.array((first.binned(), second.binned()))
        sizes = counts.sum(axis=1, keepdims=True)
        if not sizes.all():
            return None
        below = counts.cumsum(axis=1) / sizes
        end = below[0] - below[1]
        return cls(counts, counts / sizes, np.concatenate(([0.0], end[:-1])), end, first.layout.atoms)

    @property
    def n_baseline(self) -> int:
        """Number of values in the baseline."""
        return int(self.counts[0].sum())

    @property
    def n_current(self) -> int:
        """Number of values in the window."""
        return int(self.counts[1].sum())

    @property
    def lowest(self) -> Floats:
        """Lower bound of F - G inside each bin."""
        return np.minimum(np.where(self.atoms, self.end, self.start - self.shares[1]), self.start)

    @property
    def highest(self) -> Floats:
        """Upper bound of F - G inside each bin."""
        return np.maximum(np.where(self.atoms, self.end, self.start + self.shares[0]), self.start)

    @property
    def smallest(self) -> Floats:
        """Lower bound of |F - G| inside each bin."""
        return np.maximum(np.maximum(self.lowest, -self.highest), 0.0)

    @property
    def largest(self) -> Floats:
        """Upper bound of |F - G| inside each bin."""
        return np.maximum(self.highest, -self.lowest)

    @property
    def effective(self) -> float:
        """Size n m / (n + m): squared differences of distribution functions shrink with it under no drift."""
        n, m = self.n_baseline, self.n_current
        return n / (n + m) * m

    def pooled(self) -> tuple[Floats, Floats]:
        """Share of both samples together in each bin, and up to its upper edge; the last bin has 1.0."""
        counts = self.counts.sum(axis=0)
        below = counts.cumsum()
        return counts / below[-1], below / below[-1]


def unit_of(layout: NumericLayout) -> float:
    """What distances are measured in: the baseline's spread, or the size of its one value, or 1."""
    return layout.spread or abs(layout.median) or 1.0


def extent(first: NumericProfile, second: NumericProfile) -> tuple[float, float]:
    """Smallest and largest finite value of both; those of the whole baseline where neither has any."""
    low, high = min(first.min, second.min), max(first.max, second.max)
    return (low, high) if low <= high else (first.layout.minimum, first.layout.maximum)


def positions(layout: NumericLayout, low: float, high: float) -> Floats:
    """Ends and edges of the bins of values within [low, high], in units from the median; shape (bins + 1,)."""
    at = np.concatenate(([low], np.clip(layout.edges, low, high), [high]))
    with np.errstate(over="ignore"):
        return np.clip((at - layout.median) / unit_of(layout), -FARTHEST, FARTHEST)


def in_column_unit(distance: float, layout: NumericLayout) -> float:
    """A distance in units as one of the column; the largest float where it would be larger."""
    return min(max(distance * unit_of(layout), -LARGEST), LARGEST)


def value_at(position: float, layout: NumericLayout) -> float:
    """The value at a position in units from the median; finite."""
    return min(max(layout.median + in_column_unit(position, layout), -LARGEST), LARGEST)
