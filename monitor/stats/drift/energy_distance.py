"""Energy distance from bins, in the baseline's spread, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair, extent, positions, unit_of
from monitor.stats.bridge import bridge_p
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.comparable import pair as paired
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile


@dataclass(frozen=True, slots=True)
class EnergyDistance:
    """Root of twice the integral of (F - G)^2, over the root of the baseline's spread: 0 when equal, no upper bound.

    F and G are the two distribution functions (Szekely & Rizzo 2004). The column's own number, `raw` in the detail, is
    that of `scipy.stats.energy_distance`, which has the unit of a *root* of the column's; here the integral is divided
    by the standard deviation of the baseline within its 0.1 to 99.9 % range first, so that thousands and millions give
    the same. Values are taken as evenly spread inside a bin; `low` and `high` bound the statistic of the raw values,
    wherever in their bins they lie. Infinities count as the largest finite value seen. Unit: none (for a constant
    baseline its value, or 1 if that is 0, stands for the spread). A mean shift of d standard deviations of a normal
    column gives about 0.75 d.

    Under no drift nm / (n + m) times the integral tends to a weighted sum of squared normals, whose weights are
    computed from the pooled counts and give the p-value. The default threshold asks for 0.25 *and* p <= 0.001. Use it
    where both a shift and its size matter. Do not use it on columns of infinite variance: take `cramer_von_mises`.
    """

    name: ClassVar[str] = "energy_distance"
    title: ClassVar[str] = "Energy distance"
    unit: ClassVar[str] = "root of baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.25, warning=0.15, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the distribution functions; missing values do not count."""
        first, second = paired(NumericProfile, baseline, current)
        pair = BinnedPair.of(first, second)
        if pair is None or not np.isfinite(first.layout.median):
            return nothing_to_compare(first.n_values, second.n_values)
        widths = np.diff(positions(first.layout, *extent(first, second)))
        squares = (pair.start**2 + pair.start * pair.end + pair.end**2) / 3
        statistic, low, high = (_root(widths, part) for part in (squares, pair.smallest**2, pair.largest**2))
        unit = unit_of(first.layout)
        detail = {"raw": statistic * math.sqrt(unit), "unit": unit}
        low, high = min(low, statistic), max(high, statistic)
        return TestResult(statistic, _p_value(pair, widths), pair.n_baseline, pair.n_current, low, high, detail)


def _root(widths: Floats, squares: Floats) -> float:
    return math.sqrt(2 * float(widths @ squares))


def _p_value(pair: BinnedPair, widths: Floats) -> float:
    """By the trapezoid rule, on both the integral and its null law."""
    weight = (widths[:-1] + widths[1:]) / 2
    level = pair.pooled()[1][:-1]
    inside = (level > 0) & (level < 1)
    integral = pair.effective * float(weight[inside] @ pair.end[:-1][inside] ** 2)
    return bridge_p(integral, level[inside], weight[inside])
