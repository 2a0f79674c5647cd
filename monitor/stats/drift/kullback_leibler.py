"""Kullback-Leibler divergence over the bins that the baseline fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise
from monitor.stats.grouped import GroupedPair, grouped_columns
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns


@dataclass(frozen=True, slots=True)
class KullbackLeibler:
    """Sum over bins of q ln(q / p), p the baseline's shares and q the window's: 0 when equal, no upper bound.

    The information that the window's values carry against the baseline (Kullback & Leibler 1951), equal to
    `scipy.stats.entropy(q, p)` on the same bins: deciles of the baseline with heavy single values apart, or categories
    with rare and unseen ones together. Unit: nats. A mean shift of d standard deviations of a normal column gives about
    d squared / 2. `pseudo_count`, in records, is added to every bin: a bin that is empty in the baseline must not make
    the result infinite.

    The p-value is that of Pearson's chi-squared test on the same bins, to which 2 x divergence / (1/n + 1/m) is equal
    up to second order; the default threshold asks for 0.1 *and* p <= 0.001. Use it where others report it. Do not use
    it where the two sides should count alike: it is not symmetric; take `psi`, which is the sum of both directions, or
    `jensen_shannon`.
    """

    name: ClassVar[str] = "kullback_leibler"
    title: ClassVar[str] = "Kullback-Leibler divergence"
    unit: ClassVar[str] = "nats"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = float("inf")
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.1, warning=0.05, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.UNIT_FREE, Promise.CALIBRATED})

    pseudo_count: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a pseudo-count that leaves empty bins empty."""
        if not 0 < self.pseudo_count <= 1_000:
            raise ValueError(f"pseudo_count is {self.pseudo_count}; it must be above 0 and at most 1000 records")

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the bins; infinities count in the outermost bins, missing values not at all."""
        return self._compared(GroupedPair.of(baseline, current))

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, their groups formed at once."""
        return list(map(self._compared, grouped_columns(compared)))

    def _compared(self, pair: GroupedPair) -> TestResult:
        if pair.is_empty:
            return pair.nothing()
        before, now = pair.smoothed(self.pseudo_count)
        divergence = float(special.rel_entr(now, before).sum())
        return pair.result(max(0.0, divergence), pair.homogeneity_p())
