"""Columns that go missing together, and did not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import SAYS
from monitor.stats.left_out import with_left_out
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.together import Together
from monitor.stats.proportions import two_sided_p
from monitor.stats.window_test import WindowData

NAMED = 5


@dataclass(frozen=True, slots=True)
class MissingPattern:
    """Change of the share of records that lack two columns at once, beyond what each column's own share explains.

    Of every pair of up to 64 columns: e = P(both missing) - P(one missing) P(the other missing), and the statistic is
    the largest |e now - e in the baseline|, up or down: 0 when equal, at most 50. A join that fails takes all of its
    columns along; each alone may look like a few missing values more. Of more than 64 columns it takes the most
    important, then numbers before others, by name, and says how many it did not look at. Unit: percentage points. The
    p-value is that of equal shares of records that lack both (Przyborowski & Wilenski 1940 where few do), times the
    number of pairs (Bonferroni 1936). The default threshold asks for 2 points *and* p <= 0.001. Use it for every model:
    the finding names the columns that belong together.
    """

    name: ClassVar[str] = "missing_pattern"
    title: ClassVar[str] = "Columns missing together"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 50.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=2.0, warning=1.0, alpha=0.001)
    level: float = 0.001

    def suits(self, baseline: ModelProfile) -> bool:
        """Where the baseline keeps sums over pairs."""
        return baseline.layouts.together is not None

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """Compare all pairs; only those that changed by some tenth of a point are tested."""
        layout, current = baseline.layouts.together, window.profile
        if layout is None or not baseline.n or not current.n:
            return TestResult(0.0, None, baseline.n if layout else 0, current.n)
        before = Together.of(layout, baseline.sums, baseline.n)
        now = Together.of(layout, current.sums, current.n)
        change = 100 * np.abs(now.excess_missing() - before.excess_missing())
        pairs = len(layout.names) * (len(layout.names) - 1) // 2
        counts = before.both_missing(), now.both_missing()
        found = []
        for i, j in np.argwhere(np.triu(change, 1) >= 0.1).tolist():
            both = round(counts[0][i, j]), round(counts[1][i, j])
            p_value = min(1.0, pairs * two_sided_p(both[0], baseline.n, both[1], current.n)) if any(both) else 1.0
            found.append((p_value <= self.level, float(change[i, j]), p_value, i, j))
        if not found:
            nothing = with_left_out({}, "columns", len(layout.names), layout.unpaired)
            return TestResult(float(np.triu(change, 1).max(initial=0.0)), 1.0, baseline.n, current.n, detail=nothing)
        found.sort(reverse=True)
        told = [(i, j) for is_sure, points, _, i, j in found if is_sure and points >= found[0][1] / 2]
        detail: dict[str, object] = {"pairs": pairs}
        if told:
            names = sorted({layout.names[k] for pair in told for k in pair})
            share = counts[1][told[0]] / current.n, counts[0][told[0]] / baseline.n
            detail |= {"columns": names, "share": share[0], "baseline_share": share[1]}
            detail[SAYS] = (
                f"{_listed(names)} are missing together in {share[0]:.1%} of the records, usually {share[1]:.1%}"
            )
        detail = with_left_out(detail, "columns", len(layout.names), layout.unpaired)
        return TestResult(min(50.0, found[0][1]), found[0][2], baseline.n, current.n, detail=detail)


def _listed(names: Iterable[str]) -> str:
    kept = list(names)
    return ", ".join(kept[:NAMED]) + (f" and {len(kept) - NAMED} more" if len(kept) > NAMED else "")
