"""Change of the share of one category, by the z-test of two proportions."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.category_share import category_hits
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import difference_interval, two_sided_p


@dataclass(frozen=True, slots=True)
class Proportion:
    """Size of the change of the share of one category: 0 when equal, at most 100.

    `category` is the baseline's most frequent one unless set; all others, unseen ones too, are counted together, so
    that a column with two values is compared whole. Unit: percentage points. The detail has both shares and the 95 %
    interval of their difference, window less baseline (Newcombe 1998).

    The p-value is that of the pooled z-test, two-sided, equal to the chi-squared test of the two-by-two table without
    correction; where fewer than 5 are expected on a side, the conditional binomial test (Przyborowski & Wilenski 1940).
    Both samples may have any size. The default threshold asks for 10 points *and* p <= 0.001. Use it for columns with
    two values, and for a category that matters; set the limit by what matters, such as 1 point for a share of 2 %. Do
    not use it where any category may change: take `chi_squared` or `jensen_shannon`.
    """

    name: ClassVar[str] = "proportion"
    title: ClassVar[str] = "z-test of a proportion"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.CATEGORIES})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=10.0, warning=5.0, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.CALIBRATED})

    category: str = ""

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares among the values; missing values do not count. ConfigError for an unknown category."""
        hits = category_hits(baseline, current, self.category)
        if not hits.n_baseline or not hits.n_current:
            return nothing_to_compare(hits.n_baseline, hits.n_current)
        p_value = two_sided_p(*hits.table)
        low, high = difference_interval(*hits.table)
        detail = hits.detail() | {"interval": [100 * low, 100 * high]}
        return TestResult(hits.points, p_value, hits.n_baseline, hits.n_current, detail=detail)
