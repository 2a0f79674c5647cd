"""Two-sample Anderson-Darling test from bins, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair
from monitor.stats.bridge import bridge_p
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.layouts import Profile

LARGEST = 8 * math.log(2) - 4
"""The integral of two disjoint samples."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, slots=True)
class AndersonDarling:
    """Distance between the two distribution functions F and G with weight on the tails: 0 when equal, 1 when disjoint.

    The root of the mean of (F - G)^2 / H(1 - H), H = (F + G) / 2, over the values of both samples at equal weight, over
    that of disjoint samples; ties are broken evenly. `low` and `high` bound that of the raw values: inside a bin with
    shares p and q the distance is known to p + q. Unit: none (scaled to [0, 1]). A mean shift of d standard deviations
    of a normal column gives about 0.55 d.

    The p-value is that of the two-sample A^2 (Pettitt 1976; with ties Scholz & Stephens 1987, who evaluate right of
    them), `a_squared` in the detail, from which `scipy.stats.anderson_ksamp` without mid-ranks has its statistic. It is
    not cut at 0.001 and 0.25: under no drift A^2 tends to a weighted sum of squared normals, whose weights are computed
    for the ties that the bins make. The default threshold asks for 0.15 *and* p <= 0.001. Use it for numeric columns
    whose tails matter. Do not use it for single extreme values: take `out_of_range`.
    """

    name: ClassVar[str] = "anderson_darling"
    title: ClassVar[str] = "Anderson-Darling test"
    unit: ClassVar[str] = "distance (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.15, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the distribution functions; infinities are the largest and smallest values."""
        pair = BinnedPair.of(baseline, current)
        if pair is None:
            return nothing_to_compare(baseline.n_values, current.n_values)
        statistic, low, high = _effect(pair)
        together, below = pair.pooled()
        inside = (below > 0) & (below < 1)
        level, weight = below[inside], together[inside] / (below[inside] * (1 - below[inside]))
        a_squared = pair.effective * float(weight @ pair.end[inside] ** 2)
        p_value = bridge_p(a_squared, level, weight)
        detail = {"a_squared": a_squared}
        return TestResult(statistic, p_value, pair.n_baseline, pair.n_current, low, high, detail)


def _effect(pair: BinnedPair) -> tuple[float, float, float]:
    """The statistic and its bounds."""
    filled = pair.shares.sum(axis=0) > 0
    mass = pair.shares.sum(axis=0)[filled] / 2
    above = mass.cumsum()
    above = np.minimum(above / above[-1], 1.0)
    along = (NODES + 1) / 2
    level = (above - mass)[:, np.newaxis] + np.multiply.outer(mass, along)
    weight = mass[:, np.newaxis] * WEIGHTS / 2 / (level * (1 - level)).clip(1e-300)
    start, end = pair.start[filled], pair.end[filled]
    gap = start[:, np.newaxis] + np.multiply.outer(end - start, along)
    reach = 2 * np.minimum(level, 1 - level)  # |F - G| cannot exceed this
    smallest, largest = pair.smallest[filled][:, np.newaxis], pair.largest[filled][:, np.newaxis]
    statistic, low, high = (_root(weight, part) for part in (gap, smallest, np.minimum(largest, reach)))
    return statistic, min(low, statistic), max(high, statistic)


def _root(weight: Floats, distance: Floats) -> float:
    return math.sqrt(min(1.0, float((weight * distance**2).sum()) / LARGEST))
