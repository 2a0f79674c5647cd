"""Jensen-Shannon distance over the bins that the baseline fixed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import LACKS, Promise, nothing_to_compare
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.comparable import grouped_counts, not_told_apart, shares
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns, are_categorical, side_by_side, why_not_told_apart
from monitor.stats.stretches import stacked


@dataclass(frozen=True, slots=True)
class JensenShannon:
    """Square root of the Jensen-Shannon divergence in bits: 0 when equal, 1 when no bin is shared; a metric.

    The divergence is the mean of KL(p, m) and KL(q, m), m = (p + q) / 2 (Lin 1991; Endres & Schindelin 2003 for the
    root); equal to `scipy.spatial.distance.jensenshannon(p, q, base=2)` on the same bins: deciles of the baseline with
    heavy single values apart, or categories with rare and unseen ones together. Unit: none (a distance in [0, 1]).
    The p-value is that of Pearson's chi-squared test on the same bins, to which 8 x divergence (in nats) / (1/n + 1/m)
    is equal up to third order (Salicru et al. 1994) and which keeps its level at smaller counts; the default threshold
    asks for distance 0.2 *and* p <= 0.001. Use it for categorical columns, and where a bounded number is wanted. Do not
    use it for shifts within a tenth of the baseline (take `ks`), nor a limit without its p-value: it is above 0 by
    chance, the more the fewer the records and the more the bins.
    """

    name: ClassVar[str] = "jensen_shannon"
    title: ClassVar[str] = "Jensen-Shannon distance"
    unit: ClassVar[str] = "distance (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the bins; infinities count in the outermost bins, missing values not at all."""
        counts = grouped_counts(baseline, current)
        n_baseline, n_current = baseline.n_values, current.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        both = shares(counts, n_baseline, n_current)
        bits = float(special.rel_entr(both, (both[0] + both[1]) / 2).sum()) / (2 * math.log(2))
        p_value = pearson(counts, n_baseline, n_current)[2]
        return _result(
            bits, p_value, (n_baseline, n_current), counts.shape[1], not_told_apart(baseline, current, counts.shape[1])
        )

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, most operations on all categorical ones at once."""
        if not are_categorical(compared):
            return [self.run(*pair) for one in compared for pair in one.pairs()]
        columns = side_by_side(compared)
        bins = np.diff(columns.bounds)
        both = columns.counts / np.maximum(columns.sizes, 1).repeat(bins, axis=1)
        entropies, gap = special.rel_entr(both, (both[0] + both[1]) / 2), both[0] - both[1]
        weights = gap / (columns.counts[0] + columns.counts[1])
        divergences, chi_squared = np.empty((2, len(bins)))
        for which, places in stacked(columns.bounds):
            of_sides = entropies[:, places].swapaxes(0, 1).reshape(len(which), -1)  # added up as one row, see `run`
            divergences[which] = np.add.reduce(of_sides, axis=1)
            chi_squared[which] = np.vecdot(weights[places], gap[places])
        bits, sizes = divergences / (2 * math.log(2)), columns.sizes
        chi_squared *= sizes[0]
        chi_squared *= sizes[1]
        p_values = special.chdtrc(np.maximum(bins - 1, 1), chi_squared).tolist()
        why = why_not_told_apart(compared, columns)
        return columns.in_given_order(map(_result, bits.tolist(), p_values, sizes.T.tolist(), bins.tolist(), why))


def _result(bits: float, p_value: float, sizes: Sequence[int], bins: int, lacking: str) -> TestResult:
    n_baseline, n_current = sizes
    if not n_baseline or not n_current:
        return nothing_to_compare(n_baseline, n_current)
    distance = math.sqrt(min(max(bits, 0.0), 1.0))
    detail: dict[str, object] = {"bins": bins}
    if lacking:
        detail[LACKS] = lacking
    return TestResult(distance, p_value if bins > 1 else 1.0, n_baseline, n_current, None, None, detail)
