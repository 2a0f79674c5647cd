"""Performance before truth comes: what is learned from training rows, and the estimates that follow for a window."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.domain.checks import Threshold
from monitor.domain.models import Task
from monitor.stats.performance import PERFORMANCE_METRICS

_BINARY = frozenset({Task.BINARY})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_NUMBERS = frozenset({Task.REGRESSION})


@dataclass(frozen=True, slots=True)
class EstimatedMetric:
    """A performance metric (`of`) as it is estimated before truth comes; `name` is what checks call the estimate."""

    of: str
    tasks: frozenset[Task]

    @property
    def name(self) -> str:
        """What checks call it."""
        return f"estimated_{self.of}"

    @property
    def error_name(self) -> str:
        """What the check is called that holds the estimate against the truth: estimate - truth."""
        return f"estimate_error_{self.of}"

    @property
    def higher_is_better(self) -> bool:
        """As of the metric."""
        return PERFORMANCE_METRICS[self.of].higher_is_better

    @property
    def default_threshold(self) -> Threshold | None:
        """Without a limit in the configuration an estimate is shown and never judged bad."""
        return None


_SHIPPED = (
    *(EstimatedMetric(name, _CLASSES) for name in ("accuracy", "precision", "recall", "f1", "mcc")),
    *(EstimatedMetric(name, _BINARY) for name in ("specificity", "roc_auc", "pr_auc")),
    *(EstimatedMetric(name, _NUMBERS) for name in ("mae", "rmse", "mape")),
)

ESTIMATED_METRICS: Mapping[str, EstimatedMetric] = MappingProxyType({metric.name: metric for metric in _SHIPPED})
"""By the names of the estimates."""

ESTIMATE_ERRORS: Mapping[str, EstimatedMetric] = MappingProxyType({m.error_name: m for m in _SHIPPED})
"""By the names of the checks that hold estimates against the truth."""
