"""Performance before truth comes: what is learned from training rows, and the estimates that follow for a window."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.domain.checks import Threshold
from monitor.domain.models import Task
from monitor.stats.performance import PERFORMANCE_METRICS

_BINARY = frozenset({Task.BINARY})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_NUMBERS = frozenset({Task.REGRESSION, Task.FORECAST})


@dataclass(frozen=True, slots=True)
class EstimatedMetric:
    """What is estimated before truth comes, mostly a performance metric (`of`); checks call the estimate `name`.

    `apart` is the title of a quantity that is no metric: it is estimated where a check asks for it.
    """

    of: str
    tasks: frozenset[Task]
    apart: str = ""

    @property
    def name(self) -> str:
        """What checks call it."""
        return f"estimated_{self.of}"

    @property
    def error_name(self) -> str:
        """What the check is called that holds the estimate against the truth: estimate - truth."""
        return f"estimate_error_{self.of}"

    @property
    def change_name(self) -> str:
        """What the finding is called that says where a change of the metric comes from: truth - baseline, in parts."""
        return f"change_of_{self.of}"

    @property
    def higher_is_better(self) -> bool:
        """As of the metric; less of anything else is better."""
        return not self.apart and PERFORMANCE_METRICS[self.of].higher_is_better

    @property
    def title(self) -> str:
        """What is estimated, in words."""
        return self.apart or PERFORMANCE_METRICS[self.of].title

    @property
    def unit(self) -> str:
        """As of the metric; anything else is a share."""
        return "share of the records" if self.apart else PERFORMANCE_METRICS[self.of].unit

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that it can have."""
        if self.tasks == _NUMBERS:
            return 0.0, math.inf
        return (-1.0 if self.of == "mcc" else 0.0), 1.0

    @property
    def default_threshold(self) -> Threshold | None:
        """Without a limit in the configuration an estimate is shown and never judged bad."""
        return None


_SHIPPED = (
    *(EstimatedMetric(name, _CLASSES) for name in ("accuracy", "precision", "recall", "f1", "mcc")),
    *(EstimatedMetric(name, _BINARY) for name in ("specificity", "roc_auc", "pr_auc")),
    *(EstimatedMetric(name, _NUMBERS) for name in ("mae", "rmse", "mape")),
    EstimatedMetric("label_shift", _CLASSES, "Largest change in the share of a true class"),
)

ESTIMATED_METRICS: Mapping[str, EstimatedMetric] = MappingProxyType({metric.name: metric for metric in _SHIPPED})
"""By the names of the estimates."""

ESTIMATE_ERRORS: Mapping[str, EstimatedMetric] = MappingProxyType(
    {metric.error_name: metric for metric in _SHIPPED if not metric.apart}
)
"""By the names of the checks that hold estimates against the truth."""

CHANGES: Mapping[str, EstimatedMetric] = MappingProxyType(
    {metric.change_name: metric for metric in _SHIPPED if not metric.apart}
)
"""By the names of the findings that say where a change comes from."""

ESTIMATES_DISAGREE = "estimates_disagree"
"""The check that holds estimates against those from rows that were weighted to look like the window."""
