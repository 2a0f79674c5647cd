"""A column that varied, and has one value only."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import SAYS, nothing_to_compare
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile


@dataclass(frozen=True, slots=True)
class Constant:
    """Whether all values of the window are the same one, where the baseline has several: 1 if so, otherwise 0.

    A number is constant when its smallest and largest value are equal, a category when no other was counted. Unit:
    none (1 or 0). The p-value is the probability q^n of n values being all the same by chance, where q is the
    share of the baseline in that value's bin, (count + 1) / (n + 1) of it (the rule of succession: Laplace 1814), so
    that a flag that is nearly always false stays quiet. The default threshold asks for 1 *and* p <= 0.001. Use it for
    every column: a sensor that is stuck inside its usual range violates nothing else.
    """

    name: ClassVar[str] = "constant"
    title: ClassVar[str] = "Constant column"
    unit: ClassVar[str] = "1 if constant"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Look for a second value; missing values do not count."""
        n_baseline, n_current = baseline.n_values, current.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        found = _numeric(baseline, current) if isinstance(baseline, NumericProfile) else _category(baseline, current)
        if found is None:
            return TestResult(0.0, 1.0, n_baseline, n_current)
        value, before = found
        p_value = ((before + 1) / (n_baseline + 1)) ** n_current
        detail = {"value": value, "baseline_share": before / n_baseline, SAYS: f"every value is {value}"}
        return TestResult(1.0, min(1.0, p_value), n_baseline, n_current, detail=detail)


def _numeric(baseline: Profile, current: Profile) -> tuple[str, int] | None:
    """The only number of the window, and how many of the baseline share its bin; None where either is not so."""
    first, second = pair(NumericProfile, baseline, current)
    if _varies(second) or not _varies(first):
        return None
    if second.neg_inf or second.pos_inf:
        return ("inf", first.pos_inf) if second.pos_inf else ("-inf", first.neg_inf)
    place = int(first.layout.edges.searchsorted(second.min, side="right"))
    return f"{second.min:.6g}", int(first.counts[place])


def _varies(profile: NumericProfile) -> bool:
    low, high = profile.extremes.tolist()
    if low < high:
        return True
    kinds = [low] if low == high else []
    kinds += [math.inf] * bool(profile.pos_inf) + [-math.inf] * bool(profile.neg_inf)
    return len(kinds) > 1


def _category(baseline: Profile, current: Profile) -> tuple[str, int] | None:
    first, second = pair(CategoricalProfile, baseline, current)
    if _distinct(second) != 1 or _distinct(first) < 2:
        return None
    if second.unseen:
        return next(iter(second.sample.counts)), 0
    place = int(second.counts.argmax())
    return first.layout.categories[place], int(first.counts[place])


def _distinct(profile: CategoricalProfile) -> int:
    return int(np.count_nonzero(profile.counts)) + profile.sample.distinct()
