"""Jensen-Shannon distance over the bins that the baseline fixed."""

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.comparable import grouped_counts, shares
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class JensenShannon:
    """Square root of the Jensen-Shannon divergence in bits: 0 when equal, 1 when no bin is shared; a metric.

    The divergence is the mean of KL(p, m) and KL(q, m), m = (p + q) / 2 (Lin 1991; Endres & Schindelin 2003 for the
    root); equal to `scipy.spatial.distance.jensenshannon(p, q, base=2)` on the same bins: deciles of the baseline with
    heavy single values apart, or categories with rare and unseen ones together. Unit: none (a distance in [0, 1]).
    The p-value is that of Pearson's chi-squared test on the same bins, to which 8 x divergence (in nats) / (1/n + 1/m)
    is equal up to third order (Salicru et al. 1994) and which keeps its level at smaller counts; the default threshold
    asks for distance 0.2 *and* p <= 0.001. Use it for categorical columns, and where a bounded number is wanted.
    """

    name: ClassVar[str] = "jensen_shannon"
    title: ClassVar[str] = "Jensen-Shannon distance"
    unit: ClassVar[str] = "distance (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the bins; infinities count in the outermost bins, missing values not at all."""
        counts = grouped_counts(baseline, current)
        n_baseline, n_current = baseline.n_values, current.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        both = shares(counts, n_baseline, n_current)
        middle = (both[0] + both[1]) / 2
        bits = float(special.rel_entr(both, middle).sum()) / (2 * math.log(2))
        distance = math.sqrt(min(max(bits, 0.0), 1.0))
        p_value = pearson(counts, n_baseline, n_current)[2]
        return TestResult(distance, p_value, n_baseline, n_current, detail={"bins": counts.shape[1]})
