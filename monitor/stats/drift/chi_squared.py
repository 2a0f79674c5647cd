"""Chi-squared test of homogeneity of two samples of categories."""

import math
from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import LACKS, Promise, nothing_to_compare
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import categorical_groups, not_told_apart, pair, shares
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """Cramer's V of the two samples at equal weight, sqrt(sum (p - q)^2 / (p + q) / 2): 0 when equal, 1 when disjoint.

    The p-value is Pearson's, of the 2 x k table of counts of *both* samples, equal to
    `scipy.stats.chi2_contingency(table, correction=False)`: the baseline is a sample, too, not the truth. Chi-squared
    itself grows with the number of records and is no measure of drift, so it stands in the detail (with its degrees of
    freedom) and the statistic is the effect: V (Cramer 1946) as it would be if both samples had the same size, so that
    it depends neither on the window's size nor on the baseline's. Unit: none (an effect size in [0, 1]).

    Categories with an expected count below 5 in the smaller sample are counted together, unseen ones with them (Cochran
    1954); where that leaves one group, nothing can be told, unless one value is 99 % of both. The default threshold
    asks for V of 0.2 *and* p <= 0.001; two categories that go from 50:50 to 70:30 have V = 0.2. Use it for
    categorical columns. Do not use it to watch one rare category (take `proportion`), nor new ones (take
    `unseen_category`).
    """

    name: ClassVar[str] = "chi_squared"
    title: ClassVar[str] = "Chi-squared test"
    unit: ClassVar[str] = "Cramer's V (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.CATEGORIES})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the categories; missing values do not count."""
        counts = categorical_groups(*pair(CategoricalProfile, baseline, current))
        n_baseline, n_current = baseline.n_values, current.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        p, q = shares(counts, n_baseline, n_current)
        chi_squared, df, p_value = pearson(counts, n_baseline, n_current)
        effect = min(1.0, math.sqrt(float((p - q) ** 2 @ (1 / (p + q))) / 2))
        detail: dict[str, object] = {"chi_squared": chi_squared, "degrees_of_freedom": df}
        if lacking := not_told_apart(baseline, current, df + 1):
            detail[LACKS] = lacking
        return TestResult(effect, p_value, n_baseline, n_current, detail=detail)
