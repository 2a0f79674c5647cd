"""Hellinger distance over the bins that the baseline fixed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise
from monitor.stats.grouped import GroupedPair, grouped_columns
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns


@dataclass(frozen=True, slots=True)
class Hellinger:
    """Root of half the sum over bins of (sqrt q - sqrt p)^2: 0 when equal, 1 when no bin is shared; a metric.

    p are the baseline's shares and q the window's (Hellinger 1909), on deciles of the baseline with heavy single values
    apart, or on categories with rare and unseen ones together; the distance on these bins is exact. Unit: none (a
    distance in [0, 1]). A mean shift of d standard deviations of a normal column gives about 0.35 d.

    The p-value is that of Pearson's chi-squared test on the same bins, to which 8 x distance squared / (1/n + 1/m) is
    equal up to third order (Cressie & Read 1984); the default threshold asks for 0.15 *and* p <= 0.001. Use it where a
    bounded number is wanted that answers to rare categories more than `jensen_shannon` does. Do not use it for shifts
    within a tenth of the baseline (take `ks`), nor a fixed limit without its p-value: at n records it is about
    sqrt((bins - 1) / 8n) by chance alone.
    """

    name: ClassVar[str] = "hellinger"
    title: ClassVar[str] = "Hellinger distance"
    unit: ClassVar[str] = "distance (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.15, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the bins; infinities count in the outermost bins, missing values not at all."""
        return _compared(GroupedPair.of(baseline, current))

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, their groups formed at once."""
        return list(map(_compared, grouped_columns(compared)))


def _compared(pair: GroupedPair) -> TestResult:
    if pair.is_empty:
        return pair.nothing()
    before, now = np.sqrt(pair.shares())
    distance = math.sqrt(float(((now - before) ** 2).sum()) / 2)
    return pair.result(min(1.0, distance), pair.homogeneity_p())
