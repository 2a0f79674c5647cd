"""Two-sample Kuiper test from bins, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.layouts import Profile

TERMS = np.arange(1, 101)


@dataclass(frozen=True, slots=True)
class Kuiper:
    """Largest excess of one distribution function over the other, plus that of the other over it: 0 when equal, 1 when
    disjoint.

    V = max(F - G) + max(G - F) (Kuiper 1960), at the edges of the bins, where the functions are known exactly. `low`
    and `high` bound that of the raw values: `low` is the statistic itself, and a bin that holds shares p and q adds
    at most p on one side and q on the other. Unit: none (a difference of probabilities in [0, 1]). A mean shift of d
    standard deviations of a normal column gives about 0.4 d, as `ks`; a change of spread gives twice what `ks` gives.

    The p-value is the asymptotic one with the correction of Stephens (1970) for small samples, at `low`: bins and ties
    can only lower the statistic, hence never add a false alarm. The default threshold asks for 0.15 *and* p <= 0.001.
    Use it for changes of spread, and for what is cyclic (hours, angles), because V does not depend on where the circle
    is cut. Do not use it for columns with few values: it is too quiet there; take `cramer_von_mises` or `psi`.
    """

    name: ClassVar[str] = "kuiper"
    title: ClassVar[str] = "Kuiper test"
    unit: ClassVar[str] = "difference of probabilities (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.15, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the distribution functions; infinities are the largest and smallest values."""
        pair = BinnedPair.of(baseline, current)
        if pair is None:
            return nothing_to_compare(baseline.n_values, current.n_values)
        low = min(1.0, max(0.0, float(pair.end.max())) - min(0.0, float(pair.end.min())))
        high = min(1.0, max(0.0, float(pair.highest.max())) - min(0.0, float(pair.lowest.min())))
        p_value = _p_value(low, math.sqrt(pair.effective))
        return TestResult(low, p_value, pair.n_baseline, pair.n_current, low, max(low, high))


def _p_value(v: float, root: float) -> float:
    scaled = v * (root + 0.155 + 0.24 / root)
    if scaled < 0.4:
        return 1.0
    squares = (TERMS * scaled) ** 2
    return min(1.0, float(2 * ((4 * squares - 1) * np.exp(-2 * squares)).sum()))
