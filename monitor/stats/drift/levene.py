"""Brown and Forsythe's test of equal spread (Levene's about the medians) from bins, with a certified interval."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise
from monitor.stats.moments import BinnedValues, apart, at_least_two, bounded
from monitor.stats.profiles.layouts import Profile

LARGEST = 1e300
"""Stands for W where deviations are constant on both sides and differ."""


@dataclass(frozen=True, slots=True)
class Levene:
    """Size of the difference of the mean absolute deviations from the median, over the baseline's spread: 0 when equal,
    no upper bound.

    Each side's deviations are from its own median, so that a shift alone changes nothing; the spread is the standard
    deviation of the baseline within its 0.1 to 99.9 % range. Unit: standard deviations of the baseline; for a constant
    baseline, its value (or 1, if that is 0). A normal column whose standard deviation grows by 25 % gives 0.2. Values
    of a bin are taken for its middle; `low` and `high` bound the statistic of the raw values, whose mean deviation is
    the integral of min(F, 1 - F).

    The p-value is that of W, the analysis of variance of the deviations (Levene 1960; about medians Brown & Forsythe
    1974), which is in the detail and equal to `scipy.stats.levene(center="median")` where bins hold single values. The
    default threshold asks for 0.2 *and* p <= 0.001. Use it for changes of spread. Do not use it for columns of which
    more than half is one value: take `psi`.
    """

    name: ClassVar[str] = "levene"
    title: ClassVar[str] = "Brown-Forsythe test"
    unit: ClassVar[str] = "baseline standard deviations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the deviations; infinities count as the farthest finite value seen, missing values not at all."""
        sides = at_least_two(baseline, current)
        if isinstance(sides, TestResult):
            return sides
        first, second = sides
        before, now = _deviations(first), _deviations(second)
        statistic = abs(float(second.shares @ now) - float(first.shares @ before))
        bounds = apart(first.deviation_bounds(), second.deviation_bounds())
        w = _w(first, second, before, now)
        p_value = float(special.fdtrc(1, first.n + second.n - 2, w))
        return bounded(statistic, p_value, sides, bounds, {"w": w})


def _deviations(side: BinnedValues) -> Floats:
    """Absolute deviation of each bin from the median."""
    return np.abs(side.middle - side.quantile(0.5))


def _w(first: BinnedValues, second: BinnedValues, before: Floats, now: Floats) -> float:
    n, m = first.n, second.n
    mean_before, mean_now = float(first.shares @ before), float(second.shares @ now)
    within = n * float(first.shares @ (before - mean_before) ** 2) + m * float(second.shares @ (now - mean_now) ** 2)
    between = n / (n + m) * m * (mean_now - mean_before) ** 2
    if not between:
        return 0.0
    return min(LARGEST, between / within * (n + m - 2)) if within else LARGEST
