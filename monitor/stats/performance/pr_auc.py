"""Area under the curve of precision over recall."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import precision_recall_area
from monitor.stats.performance.scored_area import scored_area


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
        return scored_area(judged, positive, precision_recall_area)
