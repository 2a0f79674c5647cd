"""What a binary model's scores would be worth with another cut, whatever label its records say it predicted."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Mask
from monitor.stats.performance.classification import proportion
from monitor.stats.performance.metric import Judged

BINARY = frozenset({Task.BINARY})


def _truth_and_above(judged: Judged, positive: str | None, cut: float) -> tuple[Mask, Mask] | None:
    """Whether the truth is the positive label and the score at least `cut`, of rows with a score; None without any."""
    scored = np.isfinite(judged.scores)
    if positive is None or not scored.any():
        return None
    return judged.is_label(positive)[scored], judged.scores[scored] >= cut


@dataclass(frozen=True, slots=True)
class PrecisionAt:
    """Share of the records with a score of at least `cut` whose truth is positive, 0 to 1; Wilson interval (1927)."""

    name: ClassVar[str] = "precision_at"
    title: ClassVar[str] = "Precision at a cut"
    unit: ClassVar[str] = "share of scores above the cut"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    cut: float = 0.5

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without a score at or above the cut, or a configured positive label."""
        both = _truth_and_above(judged, positive, self.cut)
        if both is None:
            return None
        truth, above = both
        return proportion(int((truth & above).sum()), int(above.sum()))


@dataclass(frozen=True, slots=True)
class RecallAt:
    """Share of the truly positive whose score is at least `cut`, 0 to 1; Wilson interval (1927)."""

    name: ClassVar[str] = "recall_at"
    title: ClassVar[str] = "Recall at a cut"
    unit: ClassVar[str] = "share of positive truths"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    cut: float = 0.5

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when no truth with a score is positive, or without a configured positive label."""
        both = _truth_and_above(judged, positive, self.cut)
        if both is None:
            return None
        truth, above = both
        return proportion(int((truth & above).sum()), int(truth.sum()))
