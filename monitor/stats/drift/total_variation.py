"""Total variation distance over the bins that the baseline fixed."""

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
class TotalVariation:
    """Half the sum over bins of |q - p|, the share of records that would have to change their bin: 0 when equal, 1
    when no bin is shared.

    p are the baseline's shares and q the window's, on deciles of the baseline with heavy single values apart, or on
    categories with rare and unseen ones together; the distance on these bins is exact (Levin, Peres & Wilmer 2009).
    Unit: none (a share in [0, 1]). A mean shift of d standard deviations of a normal column gives about 0.4 d.

    The p-value is that of Pearson's chi-squared test on the same bins; no permutations are drawn. The default threshold
    asks for 0.15 *and* p <= 0.001. Use it where the number must be explained to people. Do not use it to watch a rare
    category: one that grows from 0.1 to 1 % moves it by 0.009; take `hellinger` or `proportion`.
    """

    name: ClassVar[str] = "total_variation"
    title: ClassVar[str] = "Total variation distance"
    unit: ClassVar[str] = "share of the records (0 to 1)"
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
    before, now = pair.shares()
    return pair.result(min(1.0, float(np.abs(now - before).sum()) / 2), pair.homogeneity_p())
