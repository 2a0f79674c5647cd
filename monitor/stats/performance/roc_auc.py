"""Area under the ROC curve."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import roc_area
from monitor.stats.performance.scored_area import scored_area


@dataclass(frozen=True, slots=True)
class RocAuc:
    """Chance that a positive record scores higher than a negative one, ties counting half: 0.5 is guessing, 1 perfect.

    The interval is by the influence of each record (DeLong, DeLong & Clarke-Pearson 1988), symmetric in the log-odds.
    Rows without score are left out.
    """

    name: ClassVar[str] = "roc_auc"
    title: ClassVar[str] = "ROC AUC"
    unit: ClassVar[str] = "probability"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores, without a configured positive label, or with one class only."""
        return scored_area(judged, positive, roc_area)
