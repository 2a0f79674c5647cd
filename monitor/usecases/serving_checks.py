"""The checks of how a model is served, from its configuration."""

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.domain.checks import RECORDS, Check, CheckSpec
from monitor.domain.models import MonitoredModel
from monitor.stats.drift_test import with_parameters
from monitor.stats.proposals import EVERY_COLUMN
from monitor.stats.serving import SERVING_METRICS
from monitor.stats.serving.metric import ServingMetric
from monitor.usecases.metric_limits import limit_of


@dataclass(frozen=True, slots=True)
class ServingCheck:
    """A check of serving with its metric; `is_limited` is False when it is measured and never judged bad."""

    check: Check
    metric: ServingMetric
    is_limited: bool


def serving_checks(model: MonitoredModel) -> tuple[ServingCheck, ...]:
    """Those that the model's configuration asks for; of two for one column and segment the later holds."""
    bound = (one for spec in model.checks if spec.test in SERVING_METRICS for one in _bind(model, spec))
    return tuple({one.check.name: one for one in bound}.values())


def counted_latencies(model: MonitoredModel) -> frozenset[str]:
    """Columns whose latencies are asked for: they are counted whether training data tells of them or not."""
    asked = (one.check.column for one in serving_checks(model) if one.metric.column not in {"", RECORDS})
    return frozenset(asked)


def _bind(model: MonitoredModel, spec: CheckSpec) -> Iterator[ServingCheck]:
    metric = with_parameters(SERVING_METRICS[spec.test], spec.test, spec.parameters)
    threshold, is_limited = limit_of(spec.threshold, higher_is_better=metric.higher_is_better)
    if metric.column == RECORDS:
        least = spec.min_records or 0
    else:
        least = max(metric.least, model.min_records if spec.min_records is None else spec.min_records)
    columns = spec.columns if spec.columns != (EVERY_COLUMN,) else (metric.column,)
    for column in columns:
        check = Check(spec.test, column, spec.segment, threshold, least, spec.parameters)
        yield ServingCheck(check, metric, is_limited)
