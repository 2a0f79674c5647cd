"""Area under the ROC curve."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.metric import Z95, Judged


@dataclass(frozen=True, slots=True)
class RocAuc:
    """Chance that a positive record scores higher than a negative one, ties counting half: 0.5 is guessing, 1 perfect.

    The interval uses the standard error of Hanley & McNeil (1982), cut to [0, 1]. Rows without score are left out.
    """

    name: ClassVar[str] = "roc_auc"
    title: ClassVar[str] = "ROC AUC"
    unit: ClassVar[str] = "probability"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores, without a configured positive label, or with one class only."""
        scored = np.isfinite(judged.scores)
        if positive is None or not scored.any():
            return None
        truth, scores = judged.is_label(positive)[scored], judged.scores[scored]
        n1, n0 = int(truth.sum()), int((~truth).sum())
        if not n1 or not n0:
            return None
        ranks = stats.rankdata(scores)
        auc = float((ranks[truth].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
        q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
        spread = auc * (1 - auc) + (n1 - 1) * (q1 - auc * auc) + (n0 - 1) * (q2 - auc * auc)
        error = float(np.sqrt(max(spread, 0.0) / (n1 * n0)))
        low, high = max(0.0, auc - Z95 * error), min(1.0, auc + Z95 * error)
        return TestResult(auc, None, n1 + n0, n1 + n0, low, high)
