"""Largest change of the share of a bin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise
from monitor.stats.grouped import GroupedPair, grouped_columns
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns


@dataclass(frozen=True, slots=True)
class LInfinity:
    """Largest |q - p| among the bins, p the baseline's shares and q the window's: 0 when equal, at most 1.

    Bins are deciles of the baseline with heavy single values apart, or categories with rare and unseen ones together;
    the distance on them is exact. Unit: none (a difference of shares in [0, 1]).

    The p-value is the sum over the bins of the chance that one of its size moves by as much, two-sided and by the
    normal law with the correction of Yates (1934) for counts: a bound, all but exact where it is small (Bonferroni
    1936). The default threshold asks for 0.1 *and* p <= 0.001. Use it for a categorical column with few values, where a
    single one may take over. Do not use it for numbers, whose changes spread over many bins: take `ks` or `psi`.
    """

    name: ClassVar[str] = "l_infinity"
    title: ClassVar[str] = "L-infinity distance"
    unit: ClassVar[str] = "difference of shares (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.1, warning=0.05, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE})

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
    largest = float(np.abs(now - before).max())
    together = pair.counts.sum(axis=0) / (pair.n_baseline + pair.n_current)
    step = 1 / min(pair.n_baseline, pair.n_current)
    p_value = _p_value(largest - step / 2, together, 1 / pair.n_baseline + 1 / pair.n_current)
    return pair.result(largest, p_value)


def _p_value(largest: float, together: Floats, noise: float) -> float:
    deviation = np.sqrt(together * (1 - together) * noise)
    moving = deviation[deviation > 0]
    if largest <= 0 or not len(moving):
        return 1.0
    return min(1.0, 2 * math.fsum(special.ndtr(-largest / moving).tolist()))
