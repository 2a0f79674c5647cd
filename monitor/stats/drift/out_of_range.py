"""Share of values outside the baseline's usual range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.side_by_side import heads, numeric_layouts, same_layouts, usual_counts, values
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
        sizes, outside = (first.n_values, second.n_values), (first.outside(), second.outside())
        return _compared(first.layout, sizes, outside, (second.min, second.max))

    def run_columns(self, baseline: ModelProfile, current: ModelProfile, names: tuple[str, ...]) -> list[TestResult]:
        """`run` of every column, most operations on all of them at once."""
        layouts, sides = numeric_layouts(baseline.layouts, names), same_layouts(baseline, current)
        at = heads(baseline.layouts, names)
        sizes = np.array([values(side, at) for side in sides])
        usual = np.array([usual_counts(side, baseline.layouts, names) for side in sides])
        extremes = current.extremes[[current.layouts.numeric[name] for name in names]]
        columns = (sizes.T.tolist(), (sizes - usual).T.tolist(), extremes.tolist())
        return list(map(_compared, layouts, *columns))


def _compared(
    layout: NumericLayout, sizes: Sequence[int], outside: Sequence[int], extremes: Sequence[float]
) -> TestResult:
    """Numbers of values, and of those outside, in the baseline and in the window; the extremes are the window's."""
    (n_baseline, n_current), (before, now), (lowest, highest) = sizes, outside, extremes
    if not n_baseline or not n_current or not len(layout.edges):
        return nothing_to_compare(n_baseline, n_current)
    p_value = excess_p(before + 1, n_baseline, now, n_current) if now else 1.0
    high = math.nextafter(layout.high, -math.inf)
    detail: dict[str, object] = {"low": layout.low, "high": high, "baseline_share": before / n_baseline}
    if lowest <= highest:
        detail |= {"minimum": lowest, "maximum": highest}
    return TestResult(100 * now / n_current, p_value, n_baseline, n_current, None, None, detail)
