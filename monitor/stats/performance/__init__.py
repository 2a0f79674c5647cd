"""Performance metrics, one family a file, each with its sampling error."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.performance.classification import F1, Accuracy, Precision, Recall
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.performance.regression import MeanAbsoluteError, RootMeanSquareError
from monitor.stats.performance.roc_auc import RocAuc

_SHIPPED: tuple[PerformanceMetric, ...] = (
    Accuracy(),
    Precision(),
    Recall(),
    F1(),
    RocAuc(),
    MeanAbsoluteError(),
    RootMeanSquareError(),
)

PERFORMANCE_METRICS: Mapping[str, PerformanceMetric] = MappingProxyType({metric.name: metric for metric in _SHIPPED})
"""The shipped metrics by name."""
