"""Share of values outside the baseline's usual range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Ints
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.side_by_side import ComparedColumns, WindowBlocks, heads, numeric_layouts, usual_counts
from monitor.stats.proportions import excess_p, excess_ps


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
        n_baseline, n_current, before, now = first.n_values, second.n_values, first.outside(), second.outside()
        p_value = excess_p(before + 1, n_baseline, now, n_current) if n_baseline and n_current else 1.0
        extremes = second.min, second.max
        return _result(_range(first.layout), n_baseline, n_current, before, now, extremes, p_value)

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, most operations on all of them at once."""
        known = [_Baseline.of(one) for one in compared]
        n_current, now = _outside(compared)
        extremes = [one.current.extremes[its.rows].tolist() for one, its in zip(compared, known, strict=True)]
        usual, lowest = (chain.from_iterable(of_all) for of_all in ([its.ranges for its in known], extremes))
        n_baseline, before = (np.concatenate(part) for part in zip(*((i.sizes, i.outside) for i in known), strict=True))
        p_values = excess_ps(before + 1, np.maximum(n_baseline, 1), now, np.maximum(n_current, 1))
        numbers = (part.tolist() for part in (n_baseline, n_current, before, now))
        return list(map(_result, usual, *numbers, lowest, p_values.tolist()))


Range = tuple[float, float] | None
"""The smallest and the largest usual value; None where the baseline has no finite one."""


@dataclass(frozen=True, slots=True, eq=False)
class _Baseline:
    """What is known of columns before any window comes: `rows` are their places among the extremes of numbers."""

    ranges: Sequence[Range]
    sizes: Ints
    outside: Ints
    rows: Sequence[int]

    @classmethod
    def of(cls, compared: ComparedColumns) -> "_Baseline":
        """Kept with the baseline."""
        baseline, names = compared.baseline, compared.names
        kept = baseline.derived.get(("usual", names))
        if not isinstance(kept, _Baseline):
            ranges = [_range(layout) for layout in numeric_layouts(baseline.layouts, names)]
            counts = _outside([ComparedColumns(baseline, baseline, names)])
            kept = cls(ranges, *counts, [baseline.layouts.numeric[name] for name in names])
            baseline.derived["usual", names] = kept
        return kept


def _outside(compared: Sequence[ComparedColumns]) -> tuple[Ints, Ints]:
    """How many values each column has in its window, and how many of them lie outside the usual range."""
    blocks = WindowBlocks.of(compared)
    sizes = blocks.values(blocks.places([heads(one.baseline.layouts, one.names) for one in compared]))
    return sizes, sizes - usual_counts(blocks, compared)


def _range(layout: NumericLayout) -> Range:
    return (layout.low, math.nextafter(layout.high, -math.inf)) if len(layout.edges) else None


def _result(  # noqa: PLR0917 - two sides of each
    usual: Range, n_baseline: int, n_current: int, before: int, now: int, extremes: Sequence[float], p_value: float
) -> TestResult:
    """Numbers of values, and of those outside, in the baseline and in the window; the extremes are the window's."""
    if not n_baseline or not n_current or usual is None:
        return nothing_to_compare(n_baseline, n_current)
    (low, high), (lowest, highest) = usual, extremes
    detail: dict[str, object] = {"low": low, "high": high, "baseline_share": before / n_baseline}
    if lowest <= highest:
        detail["minimum"], detail["maximum"] = lowest, highest
    return TestResult(100 * now / n_current, p_value, n_baseline, n_current, None, None, detail)
