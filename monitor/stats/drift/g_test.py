"""G-test of homogeneity of two samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import Promise
from monitor.stats.grouped import GroupedPair, grouped_columns
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns


@dataclass(frozen=True, slots=True)
class GTest:
    """Cramer's V of the two samples at equal weight, as `chi_squared` has it: 0 when equal, 1 when disjoint.

    The p-value is that of the likelihood ratio G = 2 sum of observed x ln(observed / expected) over the 2 x k table of
    *both* samples, whatever their sizes; G itself (`g` in the detail) is that of
    `scipy.stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")`. For the p-value it is divided by
    the correction of Williams (1976), without which small samples are rejected too often. Unit: none (an effect size in
    [0, 1]).

    Groups are deciles of the baseline with heavy single values apart, or categories, those with an expected count below
    5 together. The default threshold asks for V of 0.2 *and* p <= 0.001. Use it where others report G. Do not use it
    where many expected counts are below 10: `chi_squared` keeps its level better.
    """

    name: ClassVar[str] = "g_test"
    title: ClassVar[str] = "G-test"
    unit: ClassVar[str] = "Cramer's V (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of the groups; missing values do not count."""
        return _compared(GroupedPair.of(baseline, current))

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, their groups formed at once."""
        return list(map(_compared, grouped_columns(compared)))


def _compared(pair: GroupedPair) -> TestResult:
    if pair.is_empty:
        return pair.nothing()
    p, q = pair.shares()
    effect = min(1.0, math.sqrt(float((p - q) ** 2 @ (1 / (p + q))) / 2))
    n, m, df = pair.n_baseline, pair.n_current, pair.groups - 1
    together = pair.counts.sum(axis=0) / (n + m)
    g = 2 * (n * _divergence(p, together) + m * _divergence(q, together))
    p_value = float(special.chdtrc(df, g / _williams(pair, together))) if df else 1.0
    return pair.result(effect, p_value, g=g, degrees_of_freedom=df)


def _divergence(shares: Floats, middle: Floats) -> float:
    return max(0.0, float(special.rel_entr(shares, middle).sum()))


def _williams(pair: GroupedPair, together: Floats) -> float:
    n, m = pair.n_baseline, pair.n_current
    rows, columns = (n + m) * (1 / n + 1 / m) - 1, float((1 / together).sum()) - 1
    return 1 + rows * columns / (6 * (n + m) * max(1, pair.groups - 1))
