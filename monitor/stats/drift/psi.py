"""Population Stability Index over the bins that the baseline fixed."""

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.comparable import grouped_pairs
from monitor.stats.profiles.layouts import Profile


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
        return TestResult(statistic, p_value, n_baseline, n_current, detail={"bins": bins})
