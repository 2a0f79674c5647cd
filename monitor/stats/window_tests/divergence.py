"""How far all columns together have moved, and which of them, in parts that add up."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.attribution.attribution import attribute, comparable_columns
from monitor.stats.attribution.words import as_document, carried_by
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.comparable import grouped_counts, not_told_apart
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proportions import two_sided_p
from monitor.stats.window_test import WindowData


@dataclass(frozen=True, slots=True)
class Divergence:
    """Sum over all columns of their Jensen-Shannon divergence: 0 when nothing moved, at most 1 for each column.

    The divergence of a column is a sum over its groups, sum (p log2(p/m) + q log2(q/m)) / 2 with m = (p + q) / 2 (Lin
    1991): deciles of the baseline with heavy values apart, or categories with rare and new ones together, and the
    records without a usable value. No term is negative, so the statistic is shared out exactly: the detail has the
    part of every column and group, and the sentence names the largest. What chance gives to independent records,
    (groups - 1) (1/n + 1/m) / (8 ln 2), is taken off each column in proportion; one that is not above it by three
    standard deviations adds nothing. Unit: bits. The p-value is the smallest of the columns' (Pearson's chi-squared
    test, and that of two proportions for missing values) times their number (Bonferroni 1936). The default threshold
    asks for 0.04 bits, what one column at a Jensen-Shannon distance of 0.2 has, *and* p <= 0.001. Use it to see how
    much a model's input has moved as a whole, and what moved it. It runs where a check asks for it; alerts,
    `driftline compare` and `driftline attribution` tell the parts without it.
    """

    name: ClassVar[str] = "divergence"
    title: ClassVar[str] = "Divergence of all columns"
    unit: ClassVar[str] = "bits"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.04, warning=0.01, alpha=0.001)
    is_proposed: ClassVar[bool] = False

    def suits(self, baseline: ModelProfile) -> bool:
        """Wherever there are columns."""
        return bool(baseline.layouts)

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """Compare every column, and share out what moved."""
        current = window.profile
        found = attribute(baseline, current)
        result = TestResult(found.bits, None, baseline.n, current.n)
        if found.lacking:
            return replace(result, detail={LACKS: found.lacking})
        names = comparable_columns(baseline)
        p_values = (_p_value(baseline.columns[name], current.columns[name]) for name in names)
        p_value = min(1.0, len(names) * min(p_values, default=1.0))
        if p_value == 1 and (why := _in_one_group([part.column for part in found.columns], baseline, current)):
            return replace(result, detail={LACKS: why})
        detail = as_document(found)
        if said := carried_by(found):
            detail[SAYS] = f"carried by {said}"
        return replace(result, p_value=p_value, detail=detail)


def _in_one_group(names: list[str], baseline: ModelProfile, current: ModelProfile) -> str:
    """Why nothing is known of the columns that moved: each has too few records to be told apart; else empty."""
    lacking = []
    for name in names:
        before, now = baseline.columns[name], current.columns[name]
        lacking.append(not_told_apart(before, now, grouped_counts(before, now).shape[1]))
    return f"{names[0]}: {lacking[0]}" if lacking and all(lacking) else ""


def _p_value(baseline: Profile, current: Profile) -> float:
    """That of values and of missing ones together, twice the smaller."""
    lacking = baseline.missing + baseline.invalid, current.missing + current.invalid
    of_missing = two_sided_p(lacking[0], baseline.n, lacking[1], current.n) if any(lacking) else 1.0
    sizes = baseline.n_values, current.n_values
    of_values = pearson(grouped_counts(baseline, current), *sizes)[2] if all(sizes) else 1.0
    return min(1.0, 2 * min(of_missing, of_values))
