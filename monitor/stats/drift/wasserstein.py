"""Wasserstein distance of order one from bins, in standard deviations of the baseline."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile

FARTHEST = 1e12
"""Positions are cut at so many units from the baseline's median, so that no input makes the result infinite."""

CELLS = 64
"""Resolution of the null law."""


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Area between the two distribution functions over the baseline's spread: 0 when equal, no upper bound.

    The distance in the column's own unit (`raw` in the detail, equal to `scipy.stats.wasserstein_distance` within
    about 2 %: values are taken as evenly spread inside a bin, and infinities as the largest finite value seen) is
    divided by the standard deviation of the baseline within its 0.1 to 99.9 % range, so that one extreme training value
    does not blind the test. Unit: standard deviations of the baseline; for a constant baseline, its value (or 1, if
    that is 0). A mean shift of d standard deviations gives d.

    Under no drift sqrt(nm / (n + m)) times the distance tends to the integral of an absolute Brownian bridge (del
    Barrio, Gine & Matran 1999), whose first two moments are exact; the p-value is that of the gamma law with these
    moments. The default threshold asks for 0.3 *and* p <= 0.001. Use it where the size of a shift matters in the
    column's own unit. Columns of infinite variance are noise to it: take `psi` or `ks`.
    """

    name: ClassVar[str] = "wasserstein"
    title: ClassVar[str] = "Wasserstein distance"
    unit: ClassVar[str] = "baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.3, warning=0.15, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the distribution functions; missing values do not count."""
        first, second = pair(NumericProfile, baseline, current)
        counts = np.array((first.binned(), second.binned()))
        n_baseline, n_current = counts.sum(axis=1).tolist()
        if not n_baseline or not n_current or not np.isfinite(first.layout.median):
            return nothing_to_compare(n_baseline, n_current)
        unit = _unit(first.layout)
        at = _positions(first, second, unit)
        below = counts[:, :-1].cumsum(axis=1)
        gap = np.concatenate(([0.0], below[0] / n_baseline - below[1] / n_current, [0.0]))
        statistic = _area(gap, np.diff(at))
        pooled = np.concatenate(([0.0], below.sum(axis=0) / (n_baseline + n_current), [1.0]))
        scale = math.sqrt(n_baseline / (n_baseline + n_current) * n_current)
        p_value = _p_value(statistic * scale, pooled, np.diff(at))
        raw = min(statistic * unit, float(np.finfo(np.float64).max))
        detail = {"raw": raw, "unit": unit, "shift": _mean_shift(gap, np.diff(at))}
        return TestResult(statistic, p_value, n_baseline, n_current, detail=detail)


def _unit(layout: NumericLayout) -> float:
    return layout.spread or abs(layout.median) or 1.0


def _positions(first: NumericProfile, second: NumericProfile, unit: float) -> Floats:
    """Ends and edges of the bins that hold values, as multiples of the unit from the median."""
    low, high = min(first.min, second.min), max(first.max, second.max)
    at = np.concatenate(([low], np.clip(first.layout.edges, low, high), [high]))
    with np.errstate(over="ignore"):
        return np.clip((at - first.layout.median) / unit, -FARTHEST, FARTHEST)


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
