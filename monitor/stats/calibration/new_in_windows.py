"""Windows that have categories which no window of the baseline had.

Where records depend on each other, all hits of a window may be one cluster, and what a cluster of values that were
never seen looks like, no baseline tells. How many of the last windows have any needs no law of clusters: of windows
that come in any order with equal probability, so many of the next have hits, where none of the baseline's had, with the
probability that Polya's urn gives (a beta-binomial law; Jeffreys' prior on the rate).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from monitor.stats.calibration.calibration import SUMMED, Calibration, inflation
from monitor.stats.calibration.components import Components
from monitor.stats.calibration.counts import Hits
from monitor.stats.calibration.sudden import LEAST_HITS
from monitor.stats.columns import Floats, Ints, Mask

DEPENDENT = 2.0
"""From so many times the variance of independent records on, a column's hits may be one cluster."""

_LEAST_WINDOWS = 2
"""A single window is the window test's."""


@dataclass(frozen=True, slots=True, eq=False)
class NewInWindows:
    """Of each column: `without` (columns,) is how many windows of the baseline had no hits to speak of.

    0: it is not asked, as records do not depend on each other, or some window had hits. `alike` (columns,) is how many
    neighbouring windows count as one (at least 1), by the serial correlation of scores.
    """

    without: Floats
    alike: Floats

    @classmethod
    def of(cls, components: Components, calibration: Calibration) -> "NewInWindows":
        """Of one model."""
        is_new = ~components.grouping.is_numeric & (calibration.most_beyond < LEAST_HITS)
        is_new &= inflation(components, calibration.variance) >= DEPENDENT
        without = np.where(is_new, calibration.windows, 0.0)
        return cls(without, np.full(len(without), calibration.serial**2))

    @classmethod
    def joined(cls, parts: "Sequence[NewInWindows]") -> "NewInWindows":
        """Of all columns of several models."""
        without = np.concatenate([part.without for part in parts])
        return cls(without, np.concatenate([part.alike for part in parts]))

    @property
    def tests(self) -> Ints:
        """How many tests share the error of a column: that of sums, and this one where it is asked; (columns,)."""
        found: Ints = 1 + (self.without > 0).astype(np.int64)
        return found

    def raise_to(self, rarity: Floats, hits: Hits, records: Ints, is_large: Mask) -> None:
        """Raise the `rarity` (columns,) of columns that this test finds rarer.

        `hits` and `records` (windows, columns) are those of the last windows, newest first; `is_large` (spans, columns)
        where hits over the spans are enough to matter.
        """
        for column in np.flatnonzero((self.without > 0) & is_large.any(axis=0)).tolist():
            has_hits, is_there = hits[:, column] >= LEAST_HITS, records[:, column] > 0
            for place, span in enumerate(SUMMED):
                of_those, having = int(is_there[:span].sum()), int(has_hits[:span].sum())
                if is_large[place, column] and having >= _LEAST_WINDOWS:
                    p = p_of_windows(having, of_those, float(self.without[column]), float(self.alike[column]))
                    rarity[column] = max(rarity[column], -np.log(min(1.0, p * len(SUMMED) * 2)))


@lru_cache(maxsize=4_096)
def p_of_windows(having: int, windows: int, without: float, alike: float) -> float:
    """P(at least so many of the next windows have hits), where none of `without` had, `alike` of which count as one.

    >>> round(p_of_windows(2, 2, 168.0, 1.0), 7)  # 0.5 / 169 * 1.5 / 170
    2.61e-05
    """
    k, of, free = int(having / alike), max(1, round(windows / alike)), without / alike + 0.5
    if k == 0:
        return 1.0
    ks = np.arange(k, max(k, of) + 1)
    of = max(k, of)
    return float((special.binom(of, ks) * special.beta(ks + 0.5, of - ks + free)).sum() / special.beta(0.5, free))
