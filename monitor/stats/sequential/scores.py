"""Values of a column as the baseline ranks them: the only scale on which a sequential detector looks at a value."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from monitor.stats.columns import Floats, Mask
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.sequential.detector import Codes

PSEUDO_COUNT = 0.5
"""Records added to every bin: a bin without records in the baseline is rare, not impossible."""

LEAST_BASELINE = 500
"""Below so many values the law of the baseline is not known well enough to state a run length."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The law of a column in the baseline, bin by bin.

    `masses` are the bins' probabilities, `ranks` the middle of each bin on the scale from 0 to 1, `normal` the same as
    standard deviations of a normal law (mean 0, variance 1 under `masses`). `n` values of the baseline stand behind it.
    Ranks know no units and no outliers: a value a million times too large is as far out as the largest of the baseline.
    """

    edges: Floats
    masses: Floats
    ranks: Floats
    normal: Floats
    n: int

    @classmethod
    def of(cls, layout: NumericLayout, profile: NumericProfile) -> "Scores | None":
        """From a column of a baseline; None where it has too few values, or only one, to compare with."""
        return cls.from_counts(layout.edges, profile.counts)

    @classmethod
    def from_counts(cls, edges: Floats, counts: np.ndarray) -> "Scores | None":
        """The same from the number of finite values in each bin."""
        n = int(counts.sum())
        if n < LEAST_BASELINE or np.count_nonzero(counts) < 2:
            return None
        masses = (counts + PSEUDO_COUNT) / (n + PSEUDO_COUNT * len(counts))
        ranks = np.cumsum(masses) - masses / 2
        normal = ndtri(ranks)
        normal = normal - masses @ normal
        return cls(edges, masses, ranks, normal / math.sqrt(masses @ normal**2), n)

    @property
    def margin(self) -> float:
        """Two standard errors of the baseline's own mean, in standard deviations: so far off nothing adds up."""
        return 2 / math.sqrt(self.n)

    def code(self, values: Floats) -> tuple[Codes, Mask]:
        """The bins of the finite values, and which ones these were; NaN and infinities have no bin."""
        finite = np.isfinite(values)
        kept = values if finite.all() else values[finite]
        return np.searchsorted(self.edges, kept, side="right").astype(np.uint16), finite
