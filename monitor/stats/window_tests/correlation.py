"""Numbers that went together and do not, or the other way round."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.left_out import with_left_out
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.together import Together
from monitor.stats.window_test import WindowData

NAMED = 3
_WORTH_A_WORD = 0.1
_ALMOST = 0.999
_LEAST = 72
"""Records in which ranks that are spread evenly vary enough (`Together.correlations`)."""

_LACKING = (
    f"no two numeric columns vary enough, on both sides, to tell a correlation, which takes {_LEAST} records or more"
)


@dataclass(frozen=True, slots=True)
class Correlation:
    """Largest change of the rank correlation of two numeric columns: 0 when none changed, at most 2.

    Ranks are the quartiles of the baseline (0 to 3), so that sums of small whole numbers are all there is to keep, and
    an extreme value weighs no more than others. Every pair of up to 32 columns is compared, which no test of one column
    can: a change of what goes with what may leave every distribution as it was. Of more columns it takes the most
    important, then the first by name, and says how many it did not look at. Unit: none (a difference of
    correlations). The p-value is that of Fisher's z with the variance (1 + r^2 / 2) / (n - 3) of rank correlations
    (Bonett & Wright 2000), two-sided, times the number of pairs (Bonferroni 1936). The default threshold asks for 0.2
    *and* p <= 0.001. Where the distributions have moved, too, a change may be no more than that: read those findings
    first. Use it for every model with several numeric columns.
    """

    name: ClassVar[str] = "correlation"
    title: ClassVar[str] = "Correlations of columns"
    unit: ClassVar[str] = "difference of correlations"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 2.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.2, warning=0.1, alpha=0.001)
    level: float = 0.001

    def suits(self, baseline: ModelProfile) -> bool:
        """Where the baseline keeps sums over pairs, and the correlation of some pair can be told from it."""
        layout = baseline.layouts.together
        if layout is None:
            return False
        known, _ = Together.of(layout, baseline.sums, baseline.n).correlations()
        return bool(np.isfinite(known[np.triu_indices(len(known), 1)]).any())

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """Compare all pairs; those of which too few records vary, on either side, are left out."""
        layout, current = baseline.layouts.together, window.profile
        if layout is None or not baseline.n or not current.n:
            return TestResult(0.0, None, baseline.n if layout else 0, current.n, detail={LACKS: _LACKING})
        upper = np.triu_indices(len(layout.ranked), 1)
        (before, n_before), (now, n_now) = (
            [part[upper] for part in Together.of(layout, one.sums, one.n).correlations()] for one in (baseline, current)
        )
        told = np.flatnonzero(np.isfinite(before) & np.isfinite(now))
        if not len(told):
            return TestResult(0.0, None, baseline.n, current.n, detail={LACKS: _LACKING})
        before, now = before[told], now[told]
        p_values = np.minimum(1.0, len(told) * _p_values(before, now, n_before[told], n_now[told]))
        change = np.abs(now - before)
        order = np.lexsort((-change, p_values > self.level))
        names = [(layout.ranked[i], layout.ranked[j]) for i, j in zip(*(side[told] for side in upper), strict=True)]
        words = [
            f"{names[k][0]} with {names[k][1]} {now[k]:+.2f}, usually {before[k]:+.2f}"
            for k in order[:NAMED].tolist()
            if p_values[k] <= self.level and change[k] >= _WORTH_A_WORD
        ]
        detail: dict[str, object] = {"pairs": len(told)} | ({SAYS: "; ".join(words)} if words else {})
        detail = with_left_out(detail, "numeric columns", len(layout.ranked), layout.unranked)
        worst = int(order[0])
        return TestResult(float(change[worst]), float(p_values[worst]), baseline.n, current.n, detail=detail)


def _p_values(before: Floats, now: Floats, n_before: Floats, n_now: Floats) -> Floats:
    """Of equal correlations, two-sided, for each pair."""
    spread = (1 + ((before + now) / 2) ** 2 / 2) * (1 / (n_before - 3) + 1 / (n_now - 3))
    z = (np.arctanh(np.clip(now, -_ALMOST, _ALMOST)) - np.arctanh(np.clip(before, -_ALMOST, _ALMOST))) / np.sqrt(spread)
    found: Floats = 2 * special.ndtr(-np.abs(z))
    return found
