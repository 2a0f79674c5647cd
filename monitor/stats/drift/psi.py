"""Population Stability Index over the bins that the baseline fixed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats, Ints
from monitor.stats.drift_test import LACKS, Promise, nothing_to_compare
from monitor.stats.profiles.comparable import grouped_pairs, not_told_apart
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns, SideBySide, side_by_side, why_not_told_apart


@dataclass(frozen=True, slots=True)
class Psi:
    """Sum over bins of (q - p) ln(q / p), p the baseline's shares and q the window's: 0 when equal, no upper bound.

    Bins are the deciles of the baseline, heavy single values apart; categories stand for themselves, rare and unseen
    ones together. Unit: nats. A mean shift of d standard deviations of a normal column gives about d squared; custom
    calls 0.1 noticeable and 0.2 to 0.25 large, whatever the sample size. Under no drift PSI / (1/n + 1/m) tends to a
    chi-squared law with bins - 1 degrees of freedom (Yurdakul & Naranjo 2020), which gives the p-value: the default
    threshold asks for a large effect *and* p <= 0.001, so that small windows do not alarm on noise.

    `pseudo_count`, in records, is added to every bin: an empty bin must not make the result depend on a tiny number.
    Use it as the general test of any column. Do not use it for shifts within a tenth of the baseline: take `ks`.
    """

    name: ClassVar[str] = "psi"
    title: ClassVar[str] = "Population Stability Index"
    unit: ClassVar[str] = "nats"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    pseudo_count: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a pseudo-count that leaves empty bins empty."""
        if not 0 < self.pseudo_count <= 1_000:
            raise ValueError(f"pseudo_count is {self.pseudo_count}; it must be above 0 and at most 1000 records")

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the bins; infinities count in the outermost bins, missing values not at all."""
        n_baseline, n_current = baseline.n_values, current.n_values
        groups = grouped_pairs(baseline, current)
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        bins, extra, statistic = len(groups), self.pseudo_count, 0.0
        all_before, all_now = n_baseline + bins * extra, n_current + bins * extra
        for before, now in groups:
            p, q = (before + extra) / all_before, (now + extra) / all_now
            statistic += (q - p) * math.log(q / p)
        p_value = float(special.chdtrc(bins - 1, statistic / (1 / n_baseline + 1 / n_current))) if bins > 1 else 1.0
        return _result(statistic, p_value, (n_baseline, n_current), bins, not_told_apart(baseline, current, bins))

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, most operations on all of them at once."""
        columns = side_by_side(compared)
        bins, (n_baseline, n_current) = np.diff(columns.bounds), columns.sizes
        statistics = self._statistics(columns, bins)
        noise = 1 / np.maximum(n_baseline, 1) + 1 / np.maximum(n_current, 1)
        p_values = np.where(bins > 1, special.chdtrc(np.maximum(bins - 1, 1), statistics / noise), 1.0)
        why = why_not_told_apart(compared, columns)
        parts = (statistics.tolist(), p_values.tolist(), columns.sizes.T.tolist(), bins.tolist(), why)
        return columns.in_given_order(map(_result, *parts))

    def _statistics(self, columns: SideBySide, bins: Ints) -> Floats:
        """The sums of `run`, to the last bit: `xlogy` calls the logarithm of `math`, which numpy's is not, and
        `bincount` adds one term after the other, which numpy's sums do not.
        """
        totals = columns.sizes + bins * self.pseudo_count
        p, q = (columns.counts + self.pseudo_count) / totals.repeat(bins, axis=1)
        terms: Floats = special.xlogy(q - p, q / p)
        return np.bincount(np.arange(len(bins)).repeat(bins), terms, len(bins)).astype(np.float64)


def _result(statistic: float, p_value: float, sizes: Sequence[int], bins: int, lacking: str) -> TestResult:
    n_baseline, n_current = sizes
    if not n_baseline or not n_current:
        return nothing_to_compare(n_baseline, n_current)
    detail: dict[str, object] = {"bins": bins}
    if lacking:
        detail[LACKS] = lacking
    return TestResult(statistic, p_value, n_baseline, n_current, None, None, detail)
