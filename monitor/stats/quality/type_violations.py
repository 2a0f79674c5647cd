"""Share of records whose value has another type than the column's."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import excess_p


@dataclass(frozen=True, slots=True)
class TypeViolations:
    """Share of records whose value the type of the column refuses: 0 to 100.

    invalid / n, both of the window: text or a boolean where a number is due ("1.5" is no number), an object or array
    anywhere. Such values are counted in no bin, and `missing_rate` counts them among the missing ones. Unit: percent of
    the records. The p-value is that of a larger share than the baseline's, one-sided: the pooled z-test, or the
    conditional binomial test where few are expected (Przyborowski & Wilenski 1940). The default threshold asks for
    1 % *and* p <= 0.001. Use it for every column: a producer that changed its types does so in one release.
    """

    name: ClassVar[str] = "type_violations"
    title: ClassVar[str] = "Values of another type"
    unit: ClassVar[str] = "percent"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, warning=0.1, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the share of refused values with the baseline's."""
        n_baseline, n_current = baseline.n, current.n
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        invalid = current.invalid
        p_value = excess_p(baseline.invalid, n_baseline, invalid, n_current) if invalid else 1.0
        detail = {"invalid": invalid, "baseline_share": baseline.invalid / n_baseline}
        return TestResult(100 * invalid / n_current, p_value, n_baseline, n_current, detail=detail)
