"""Two-sided Mann-Whitney test from bins, with a certified interval."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.binned import BinnedPair
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class MannWhitney:
    """Size of Cliff's delta, |P(window > baseline) - P(window < baseline)|: 0 when neither is larger, 1 when disjoint.

    The probabilities are those of a random value of each side (Cliff 1993), ties counting for neither; `larger` in the
    detail is P(window > baseline) + half of the ties, so that its direction is known. The values of a bin count as
    tied; `low` and `high` bound the statistic of the raw values: a bin that holds shares p and q can change it by p q.
    Unit: none (a difference of probabilities in [0, 1]). A mean shift of d standard deviations of a normal column gives
    about 0.56 d.

    The p-value is two-sided, by the normal law with the correction for ties (Mann & Whitney 1947; Lehmann 1975), equal
    to `scipy.stats.mannwhitneyu(method="asymptotic", use_continuity=False)` on the bins: up and down count alike. The
    default threshold asks for 0.15 *and* p <= 0.001. Use it for shifts of skewed or heavy-tailed columns. Do not use it
    for changes of shape that shift nothing (it is blind to them: take `kuiper` or `levene`).
    """

    name: ClassVar[str] = "mann_whitney"
    title: ClassVar[str] = "Mann-Whitney test"
    unit: ClassVar[str] = "difference of probabilities (0 to 1)"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.15, warning=0.1, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC, Promise.UNIT_FREE, Promise.CALIBRATED})

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare how the values rank; infinities are the largest and smallest, missing values do not count."""
        pair = BinnedPair.of(baseline, current)
        if pair is None:
            return nothing_to_compare(baseline.n_values, current.n_values)
        p, q = pair.shares
        below = p.cumsum()
        delta = min(1.0, max(-1.0, float(q @ (2 * below - p)) - 1))
        open_ = float(np.where(pair.atoms, 0.0, p) @ q)
        statistic = abs(delta)
        low, high = max(0.0, statistic - open_), min(1.0, statistic + open_)
        detail = {"larger": (1 + delta) / 2}
        return TestResult(statistic, _p_value(pair, delta), pair.n_baseline, pair.n_current, low, high, detail)


def _p_value(pair: BinnedPair, delta: float) -> float:
    """The variance of delta is (N + 1 - sum (t^3 - t) / (N (N - 1))) / (3 n m), t the numbers of tied values."""
    n, m = pair.n_baseline, pair.n_current
    tied = pair.pooled()[0]
    total = n + m
    ties = total / max(1, total - 1) * float(total * (tied**3).sum() - 1 / total)
    variance = (total + 1 - ties) / 3 / n / m
    return float(2 * special.ndtr(-abs(delta) / math.sqrt(variance))) if variance > 0 and delta else 1.0
