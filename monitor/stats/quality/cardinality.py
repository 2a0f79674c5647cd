"""Change of the number of distinct categories."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import SAYS, nothing_to_compare
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.unseen import CAPACITY


@dataclass(frozen=True, slots=True)
class Cardinality:
    """How many times over the number of distinct values has doubled, or halved: 0 when equal, no upper bound.

    log2 of (more + 1) / (fewer + 1), both numbers as of equally many values: the larger sample is cut down to the size
    of the smaller by rarefaction, the sum of q_i = 1 - C(N - N_i, m) / C(N, m) over its values (Hurlbert 1971), or a
    window of an hour would always have fewer than a baseline of a year. Values that the baseline does not know are
    counted exactly up to 64 of them, beyond that by estimate (within 13 %). Unit: doublings. The p-value is two-sided,
    by the normal law with the variance sum q_i (1 - q_i) of such a count in either sample, and that of the estimate.
    The default threshold asks for twice or half as many *and* p <= 0.001. Use it for categorical columns: an id that
    leaks into a category, or codes that collapse into one.
    """

    name: ClassVar[str] = "cardinality"
    title: ClassVar[str] = "Number of distinct values"
    unit: ClassVar[str] = "doublings"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.CATEGORIES})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, warning=0.5, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the numbers of distinct values; missing values do not count."""
        first, second = pair(CategoricalProfile, baseline, current)
        n_baseline, n_current = first.n_values, second.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        size = min(n_baseline, n_current)
        (expected, spread), (distinct, other) = (_rarefied(*_frequencies(side), size) for side in (first, second))
        expected, distinct = min(expected, size), min(distinct, size)  # an estimate may say more than there can be
        variance = spread + other
        gap = max(0.0, abs(distinct - expected) - 0.5)  # whole numbers against a continuous law
        p_value = float(2 * special.ndtr(-gap / math.sqrt(variance + 0.25)))
        doublings = math.log2((max(distinct, expected) + 1) / (min(distinct, expected) + 1))
        says = f"{distinct:,.0f} distinct values where {expected:,.0f} are expected"
        detail = {"distinct": round(distinct, 1), "expected": round(expected, 1), "of_values": size, SAYS: says}
        return TestResult(doublings, min(1.0, p_value), n_baseline, n_current, detail=detail)


def _frequencies(profile: CategoricalProfile) -> tuple[Floats, Floats]:
    """How often values came, and how many values that often; last the unseen ones, taken as equally frequent."""
    often, values = np.unique(profile.counts[profile.counts > 0], return_counts=True)
    distinct = max(1, profile.sample.distinct())
    return np.append(often, profile.unseen / distinct), np.append(values, float(distinct) if profile.unseen else 0.0)


def _rarefied(often: Floats, values: Floats, size: int) -> tuple[float, float]:
    """Expected number of distinct ones among so many values drawn without replacement, and a bound of its variance."""
    n = float(often @ values)
    left = n - often
    there = np.ones(len(often))
    may_lack = left >= size
    some = left[may_lack]
    lacking = special.gammaln(some + 1) - special.gammaln(some - size + 1)
    lacking += special.gammaln(n - size + 1) - special.gammaln(n + 1)
    there[may_lack] = -np.expm1(np.minimum(lacking, 0.0))
    spread = float(values @ (there * (1 - there)))
    if values[-1] >= CAPACITY:  # the unseen ones are not counted, but estimated
        spread += float(values[-1] * there[-1]) ** 2 / (CAPACITY - 2)
    return float(values @ there), spread
