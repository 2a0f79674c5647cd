"""Share of values outside the baseline's usual range."""

import math
from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.proportions import excess_p


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """Share of values below the 0.1 % or above the 99.9 % quantile of the baseline: 0 to 100.

    The bounds are quantiles and not the smallest and largest value, which a single wrong training row can move
    anywhere; both are in the detail, with the share of the baseline itself outside (0.2 % at most) and the extremes
    seen. Infinities are outside. Unit: percent of the values. The p-value is that of a larger share than the
    baseline's, one-sided: the pooled z-test, or the conditional binomial test where few are expected (Przyborowski &
    Wilenski 1940), which is the exact law of what lies beyond order statistics once one record is added to the
    baseline's count. The default threshold asks for 2 % *and* p <= 0.001. Use it for every numeric column: it sees a
    unit change in a few percent of the records, which PSI and KS do not.
    """

    name: ClassVar[str] = "out_of_range"
    title: ClassVar[str] = "Out of range"
    unit: ClassVar[str] = "percent"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=2.0, warning=1.0, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the share of values outside with the baseline's; missing values do not count."""
        first, second = pair(NumericProfile, baseline, current)
        n_baseline, n_current = first.n_values, second.n_values
        if not n_baseline or not n_current or not len(first.layout.edges):
            return nothing_to_compare(n_baseline, n_current)
        before, now = first.outside(), second.outside()
        p_value = excess_p(before + 1, n_baseline, now, n_current) if now else 1.0
        detail: dict[str, object] = {
            "low": first.layout.low,
            "high": math.nextafter(first.layout.high, -math.inf),
            "baseline_share": before / n_baseline,
        }
        if second.min <= second.max:
            detail |= {"minimum": second.min, "maximum": second.max}
        return TestResult(100 * now / n_current, p_value, n_baseline, n_current, detail=detail)
