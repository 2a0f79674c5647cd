"""Area under the curve of precision over recall."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.influence import share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import precision_recall_area, scored_groups


@dataclass(frozen=True, slots=True)
class PrAuc:
    """Average precision: mean over positive records of the precision at their score, 0 to 1.

    The share of positives is what guessing reaches. The interval is by the influence of each record, symmetric in the
    log-odds (after Boyd, Eng & Page 2013). Rows without score are left out.
    """

    name: ClassVar[str] = "pr_auc"
    title: ClassVar[str] = "PR AUC"
    unit: ClassVar[str] = "mean precision"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores, without a configured positive label, or with one class only."""
        scored = np.isfinite(judged.scores)
        if positive is None or not scored.any():
            return None
        truth = judged.is_label(positive)[scored]
        groups = scored_groups(truth, judged.scores[scored])
        area = precision_recall_area(*groups)
        if area is None:
            return None
        return share_result(area.value, standard_error(area.influence, groups), len(truth))
