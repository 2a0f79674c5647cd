"""Metrics of how a model is served, which need neither truth nor training data: latency, errors, throughput."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.serving.error_rate import ErrorRate
from monitor.stats.serving.latency import LatencyP50, LatencyP95, LatencyP99
from monitor.stats.serving.metric import ServingMetric
from monitor.stats.serving.throughput import Throughput

_SHIPPED: tuple[ServingMetric, ...] = (LatencyP50(), LatencyP95(), LatencyP99(), ErrorRate(), Throughput())

SERVING_METRICS: Mapping[str, ServingMetric] = MappingProxyType({metric.name: metric for metric in _SHIPPED})
"""By name."""

LATENCIES: Mapping[float, str] = MappingProxyType({one.p: one.name for one in (LatencyP50, LatencyP95, LatencyP99)})
"""The names of the metrics of latency by the quantile that they tell."""
