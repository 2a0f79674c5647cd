"""Area under the ROC curve."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.many_classes import class_roc_auc
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import roc_area
from monitor.stats.performance.scored_area import scored_area


@dataclass(frozen=True, slots=True)
class RocAuc:
    """Chance that a positive record scores higher than a negative one, ties counting half: 0.5 is guessing, 1 perfect.

    The interval is by the influence of each record (DeLong, DeLong & Clarke-Pearson 1988), symmetric in the log-odds.
    Rows without score are left out.

    Of many classes, whose records have `scores` of all of them: by `scheme` the mean over classes of each against the
    rest (`ovr`), or over pairs of classes of both directions (`ovo`: Hand & Till 2001), each counting the same or, with
    `average` = `weighted`, as often as its records occur. Classes that no truth names are left out. `detail` has each
    class against the rest.
    """

    name: ClassVar[str] = "roc_auc"
    title: ClassVar[str] = "ROC AUC"
    unit: ClassVar[str] = "probability"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY, Task.MULTICLASS})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    scheme: str = "ovr"
    average: str = "macro"

    def __post_init__(self) -> None:
        """ValueError for a scheme or an average that there is none of."""
        if self.scheme not in {"ovr", "ovo"} or self.average not in {"macro", "weighted"}:
            raise ValueError(f"scheme is ovr or ovo and average macro or weighted, not {self.scheme}, {self.average}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores (of the positive label, or of all classes), or with one class only."""
        if positive is None:
            return class_roc_auc(judged, self.scheme, is_weighted=self.average == "weighted")
        return scored_area(judged, positive, roc_area)
