"""How much richer in positives the highest scores are than all records."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.influence import standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.proportions import Z95, wilson

_NEAR = 0.25
"""The rate of positives at the cut is that of the records whose ranks are this share of the top away from it."""


@dataclass(frozen=True, slots=True)
class Lift:
    """Share of positives among the `top` percent of the records with the highest scores, over that of all, from 0.

    1 is guessing; at most 100 / `top`. Of records that tie at the cut the right part counts, each as their mean. The
    interval is by the influence of each record, that on the cut included (the influence of a trimmed mean: Huber 1981),
    symmetric in the logarithm; with no positive in the top it is the Wilson interval (1927). Rows without score are
    left out.
    """

    name: ClassVar[str] = "lift"
    title: ClassVar[str] = "Lift"
    unit: ClassVar[str] = "times the share of all"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    top: float = 10.0

    def __post_init__(self) -> None:
        """ValueError unless the top is a part of the records."""
        if not 0.0 < self.top < 100.0:
            raise ValueError(f"top must be above 0 and below 100 percent, not {self.top:g}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores, a positive truth or a configured positive label, or where the top is no whole record."""
        scored = np.isfinite(judged.scores)
        if positive is None or not scored.any():
            return None
        truth, scores = judged.is_label(positive)[scored].astype(np.float64), judged.scores[scored]
        n, share = len(truth), self.top / 100
        if n * share < 1.0 or not truth.any():
            return None
        rate, part = float(truth.mean()), _share_above(scores, n * share)
        value = float(truth @ part) / (n * share) / rate
        low, high = self._interval(value, truth, part, _rate_at_cut(truth, scores, n * share))
        return TestResult(value, None, n, n, low, high, {"rate": rate, "records_in_top": n * share})

    def _interval(self, value: float, truth: Floats, part: Floats, at_cut: float) -> tuple[float, float]:
        n, share, rate = len(truth), self.top / 100, float(truth.mean())
        if value == 0.0:
            return 0.0, min(100 / self.top, wilson(0, max(1, round(n * share)))[1] / rate)
        influence = (truth * part - at_cut * (part - share)) / (share * rate) - value * truth / rate
        half = Z95 * standard_error(influence, np.ones(n)) / value
        return value * math.exp(-half), min(100 / self.top, value * math.exp(half))


def _share_above(scores: Floats, many: float) -> Floats:
    """Which share of each record is among the `many` highest: 1 above the cut, 0 below, a part of those that tie."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    above = counts[::-1].cumsum()[::-1] - counts
    part: Floats = np.clip((many - above) / counts, 0.0, 1.0)
    return part[group]


def _rate_at_cut(truth: Floats, scores: Floats, many: float) -> float:
    """Share of positives among records whose scores rank next to the cut."""
    ordered = truth[np.argsort(-scores, kind="stable")]
    reach = max(10.0, _NEAR * many)
    first, last = max(0, math.floor(many - reach)), min(len(ordered), math.ceil(many + reach))
    return float(ordered[first:last].mean())
