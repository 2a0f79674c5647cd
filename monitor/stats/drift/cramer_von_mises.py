"""Two-sample Cramer-von Mises test from bins, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair
from monitor.stats.bridge import bridge_p
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class CramerVonMises:
    """Root mean square distance between the two distribution functions F and G, sqrt(3 x mean of (F - G)^2): 0 when
    equal, 1 when disjoint.

    The mean is over the values of both samples at equal weight, ties broken evenly, so that the number depends on no
    sample size. `low` and `high` bound that of the raw values: inside a bin with shares p and q the distance is known
    to p + q, and a baseline bin holds less than 2/256. Unit: none (a difference of probabilities, scaled to [0, 1]). A
    mean shift of d standard deviations of a normal column gives about 0.5 d.

    The p-value is that of T = nm/N^2 x sum of (F - G)^2 over all N = n + m values (Anderson 1962), `t` in the detail:
    equal to `scipy.stats.cramervonmises_2samp` without ties. Under no drift T tends to a weighted sum of squared
    normals, whose weights are computed for the ties that the bins make, so that its level holds for discrete columns,
    too, where tables do not. The default threshold asks for 0.15 *and* p <= 0.001. Use it for numeric columns: it sees
    shifts sooner than `ks`. Do not use it for changes of the tails: take `anderson_darling`, or `out_of_range`.
    """

    name: ClassVar[str] = "cramer_von_mises"
    title: ClassVar[str] = "Cramer-von Mises test"
    unit: ClassVar[str] = "difference of probabilities (0 to 1)"
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
        mass = pair.shares.sum(axis=0)  # twice that of both at equal weight
        squares = (pair.start**2 + pair.start * pair.end + pair.end**2) / 3
        parts = (squares, pair.smallest**2, pair.largest**2)
        statistic, low, high = (math.sqrt(min(1.0, 1.5 * float(mass @ part))) for part in parts)
        low, high = min(low, statistic), max(high, statistic)
        together, below = pair.pooled()
        t = pair.effective * float(together @ pair.end**2)
        inside = below < 1
        p_value = bridge_p(t, below[inside], together[inside])
        return TestResult(statistic, p_value, pair.n_baseline, pair.n_current, low, high, {"t": t})
