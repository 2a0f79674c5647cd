"""Wasserstein distance of order one from bins, in standard deviations of the baseline."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair, extent, in_column_unit, positions, unit_of
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.comparable import pair as paired
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile

CELLS = 64
"""Resolution of the null law."""


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Area between the two distribution functions over the baseline's spread: 0 when equal, no upper bound.

    The distance in the column's own unit (`raw` in the detail, equal to `scipy.stats.wasserstein_distance` within
    about 2 %: values are taken as evenly spread inside a bin, and infinities as the largest finite value seen) is
    divided by the standard deviation of the baseline within its 0.1 to 99.9 % range, so that one extreme training value
    does not blind the test. Unit: standard deviations of the baseline; for a constant baseline, its value (or 1, if
    that is 0). A mean shift of d standard deviations gives d. `low` and `high` bound the statistic of the raw values:
    inside a bin with shares p and q the functions are known to p + q. With `scaled` off all are in the column's own
    unit, and so must be the check's threshold.

    Under no drift sqrt(nm / (n + m)) times the distance tends to the integral of an absolute Brownian bridge (del
    Barrio, Gine & Matran 1999), whose first two moments are exact; the p-value is that of the gamma law with these
    moments. The default threshold asks for 0.3 *and* p <= 0.001. Use it where the size of a shift matters in the
    column's own unit. Do not use it on columns of infinite variance, which are noise to it: take `psi` or `ks`.
    """

    name: ClassVar[str] = "wasserstein"
    title: ClassVar[str] = "Wasserstein distance"
    unit: ClassVar[str] = "baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.3, warning=0.15, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    scaled: bool = True

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the distribution functions; missing values do not count."""
        first, second = paired(NumericProfile, baseline, current)
        pair = BinnedPair.of(first, second)
        if pair is None or not np.isfinite(first.layout.median):
            return nothing_to_compare(first.n_values, second.n_values)
        widths = np.diff(positions(first.layout, *extent(first, second)))
        gap = np.append(pair.start, 0.0)
        distance = _area(gap, widths)
        low = min(distance, float(pair.smallest @ widths))
        high = max(distance, float(pair.largest @ widths))
        pooled = np.concatenate(([0.0], pair.pooled()[1]))
        p_value = _p_value(distance * math.sqrt(pair.effective), pooled, widths)
        unit = unit_of(first.layout)
        raw, raw_low, raw_high = (in_column_unit(one, first.layout) for one in (distance, low, high))
        statistic, low, high = (distance, low, high) if self.scaled else (raw, raw_low, raw_high)
        detail = {"raw": raw, "unit": unit, "shift": _mean_shift(gap, widths)}
        return TestResult(statistic, p_value, pair.n_baseline, pair.n_current, low, high, detail)


def _area(gap: Floats, widths: Floats) -> float:
    """Integral of |gap|, which is straight between positions and may cross zero there."""
    left, right = np.abs(gap[:-1]), np.abs(gap[1:])
    total = left + right
    crosses = gap[:-1] * gap[1:] < 0
    heights = np.where(crosses, (left**2 + right**2) / np.where(crosses, total, 1.0), total) / 2
    return float((heights * widths).sum())


def _mean_shift(gap: Floats, widths: Floats) -> float:
    """Integral of the signed gap: how far the mean moved, up positive, in the unit of the statistic."""
    return float(((gap[:-1] + gap[1:]) / 2 * widths).sum())


def _p_value(scaled: float, below: Floats, widths: Floats) -> float:
    """P(integral of |Brownian bridge at F(x)| dx >= scaled), by a gamma law with the exact mean and variance."""
    middle = (below[:-1] + below[1:]) / 2
    weights = np.sqrt(middle * (1 - middle)) * widths
    if scaled <= 0 or not weights.any():
        return 1.0
    keep = np.flatnonzero(weights > 0)
    cells = keep[np.unique(np.searchsorted(middle[keep], np.arange(CELLS) / CELLS).clip(0, len(keep) - 1))]
    weight = np.add.reduceat(weights, cells)
    level = (np.add.reduceat(weights * middle, cells) / weight).clip(1e-12, 1 - 1e-12)
    lower, upper = np.minimum.outer(level, level), np.maximum.outer(level, level)
    r = np.sqrt(lower * (1 - upper) / (upper * (1 - lower))).clip(0.0, 1.0)
    covariance = 2 / np.pi * (np.sqrt(1 - r * r) + r * np.arcsin(r) - 1)
    mean, variance = math.sqrt(2 / np.pi) * weight.sum(), weight @ covariance @ weight
    return float(special.gammaincc(mean**2 / variance, scaled * mean / variance))
