"""Share of records without a value in a column that never lacked one."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import excess_p


@dataclass(frozen=True, slots=True)
class NewlyMissing:
    """Share of records without a value where every record of the baseline has one: 0 to 100, and 0 where not.

    missing / n, both of the window. A value is missing when it is null, NaN or absent. Unit: percent of the records.
    The p-value is that of a larger share than the baseline's none, one-sided: the conditional binomial test
    (Przyborowski & Wilenski 1940), so that a baseline of ten rows proves little. A column that was always there is
    usually one that the model cannot do without, so the default threshold is stricter than that of `missing_rate`: it
    asks for 1 % *and* p <= 0.001. Use it for every column; of those that lacked values before, `missing_rate` tells.
    """

    name: ClassVar[str] = "newly_missing"
    title: ClassVar[str] = "Newly missing values"
    unit: ClassVar[str] = "percent"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, warning=0.1, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the share of missing values with none."""
        n_baseline, n_current = baseline.n, current.n
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        missing = current.missing
        if baseline.missing or not missing:
            return TestResult(0.0, 1.0, n_baseline, n_current)
        p_value = excess_p(0, n_baseline, missing, n_current)
        return TestResult(100 * missing / n_current, p_value, n_baseline, n_current, detail={"missing": missing})
