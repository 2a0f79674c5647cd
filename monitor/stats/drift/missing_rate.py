"""Change of the share of records without a usable value."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import two_sided_p


@dataclass(frozen=True, slots=True)
class MissingRate:
    """Difference between the shares of records without a value, up or down: 0 when equal, at most 100.

    A value is missing when it is null, NaN, absent, or of another type than the baseline's (`invalid_share` in the
    detail tells how many were that). Unit: percentage points. The p-value is that of two proportions, two-sided: the
    pooled z-test, or the conditional binomial test where few are expected (Przyborowski & Wilenski 1940). The default
    threshold asks for 5 points *and* p <= 0.001. Use it for every column: other tests leave missing values out.
    """

    name: ClassVar[str] = "missing_rate"
    title: ClassVar[str] = "Missing values"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=5.0, warning=2.0, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of missing and invalid values among all records."""
        n_baseline, n_current = baseline.n, current.n
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        invalid = current.invalid
        before, now = baseline.missing + baseline.invalid, current.missing + invalid
        p_value = two_sided_p(before, n_baseline, now, n_current) if before or now else 1.0
        share_before, share_now = before / n_baseline, now / n_current
        detail = {"baseline_share": share_before, "share": share_now, "invalid_share": invalid / n_current}
        return TestResult(100 * abs(share_now - share_before), p_value, n_baseline, n_current, detail=detail)
