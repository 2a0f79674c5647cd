"""Metrics as one typed list, kept in a registry of our own; structured logs with secrets scrubbed."""

import logging
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from structlog.typing import Processor


class MetricKind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name without the prefix `driftline_`, what it means, and its labels."""

    name: str
    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()


_C, _G, _H = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

METRICS: tuple[Metric, ...] = (
    Metric("records_total", _C, "Records read, good and refused.", ("kind",)),
    Metric("rejected_total", _C, "Records refused, by reason.", ("reason",)),
    Metric("late_total", _C, "Records counted in a window after its close."),
    Metric("duplicates_total", _C, "Records not counted because their event id was seen before.", ("model",)),
    Metric("lag_records", _G, "Records of the partition that wait to be read.", ("topic", "partition")),
    Metric("staleness_seconds", _G, "Time since everything in the partition was surely read.", ("topic", "partition")),
    Metric("model_behind_seconds", _G, "Wall clock less the instant up to which windows are closed.", ("model",)),
    Metric("watermark_age_seconds", _G, "Wall clock less event time of the watermark.", ("topic", "partition")),
    Metric("partitions_assigned", _G, "Partitions that this process reads."),
    Metric("submissions_total", _C, "Requests with records, by the status of the answer.", ("status",)),
    Metric("submitted_records_total", _C, "Records of requests: stored, duplicate, refused.", ("outcome",)),
    Metric("submission_seconds", _H, "Time from a request's body to its durable answer."),
    Metric("truth_rows_total", _C, "Rows of truth sources that were new.", ("source",)),
    Metric("truth_poll_failures_total", _C, "Times a truth source could not be read.", ("source",)),
    Metric("truth_source_age_seconds", _G, "Time since a truth source was last read to its end.", ("source",)),
    Metric("source_rebuilds_total", _C, "Times the source was closed and built again after an error."),
    Metric("store_refusals_total", _C, "Times the database could not serve.", ("role",)),
    Metric("windows_judged_total", _C, "Windows judged.", ("model",)),
    Metric("findings_total", _C, "Findings saved, by verdict.", ("verdict",)),
    Metric("flush_seconds", _H, "Time to save shares and offsets."),
    Metric("evaluation_seconds", _H, "Time of one evaluation knock that judged something."),
    Metric("alert_events_total", _C, "Alert events handed to the alerts package."),
    Metric("deliveries", _G, "Notifications, by state.", ("state",)),
    Metric("retraining_jobs", _G, "Retraining jobs, by phase.", ("phase",)),
    Metric("scheduler_missed_total", _C, "Knocks that were missed or skipped.", ("job",)),
    Metric("scheduler_errors_total", _C, "Knocks that ended in an error.", ("job",)),
    Metric("role_moved_seconds_ago", _G, "Time since the role last did something.", ("role",)),
    Metric("retention_deleted_total", _C, "Rows forgotten, by table.", ("table",)),
)
"""Everything that /metrics shows, each with the prefix `driftline_`."""

_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The process's metrics. An unknown name or label is a KeyError or ValueError: a mistake of the caller."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series a counter, which nobody reads
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            self._register(metric)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def show(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def has_shown(self, name: str) -> bool:
        """Whether a gauge without labels stands above zero."""
        value = self._registry.get_sample_value(f"driftline_{name}")
        return value is not None and value > 0

    def observe(self, name: str, seconds: float) -> None:
        """Add an observation to a histogram."""
        self._histograms[name].observe(seconds)

    def page(self) -> bytes:
        """Everything in the text format that Prometheus scrapes."""
        return generate_latest(self._registry)

    def _register(self, metric: Metric) -> None:
        name, meaning, labels, registry = f"driftline_{metric.name}", metric.meaning, metric.labels, self._registry
        if metric.kind is MetricKind.COUNTER:
            self._counters[metric.name] = Counter(name, meaning, labels, registry=registry)
        elif metric.kind is MetricKind.GAUGE:
            self._gauges[metric.name] = Gauge(name, meaning, labels, registry=registry)
        else:
            self._histograms[metric.name] = Histogram(name, meaning, labels, registry=registry, buckets=_BUCKETS)


_HIDDEN = "[secret]"
_SHORTEST_SECRET = 4
_MINUTE_S = 60.0


class Scrubber:
    """Replaces known secrets wherever they appear in a log event."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def __call__(self, _: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
        """A structlog processor."""
        for key, value in event.items():
            event[key] = self.scrub(value)
        return event

    def scrub(self, value: object) -> object:
        """The value without secrets; texts inside lists and mappings included."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _HIDDEN)
            return value
        if isinstance(value, Mapping):
            return {key: self.scrub(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub(part) for part in value]
        return value


class OnceAMinute(logging.Filter):
    """Lets each kind of message of a chatty library pass once a minute, and its tracebacks never.

    While a broker is away, kafka-python says so hundreds of times a minute, in a dozen ways.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic, silent: Collection[str] = ()) -> None:
        super().__init__()
        self._timer, self._silent = timer, silent
        self._passed_s: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        if not record.name.startswith("kafka") or record.levelno >= logging.CRITICAL:
            return True
        kind, now_s = (record.name, str(record.msg)), self._timer()
        if record.name in self._silent or now_s - self._passed_s.get(kind, -_MINUTE_S) < _MINUTE_S:
            return False
        self._passed_s[kind] = now_s
        record.exc_info = record.exc_text = None
        return True


def configure_logs(
    level: str = "info", style: str = "auto", file: Path | None = None, secrets: Iterable[str] = ()
) -> None:
    """Send structlog's events and the libraries' log records to standard error or a file, as JSON or for a terminal."""
    stream: IO[str] = file.open("a", encoding="utf-8") if file else sys.stderr
    is_console = style == "console" or (style == "auto" and file is None and stream.isatty())
    renderer: Processor = structlog.processors.JSONRenderer(sort_keys=True, default=str)
    if is_console:
        plain = structlog.dev.plain_traceback  # the traceback was formatted, and scrubbed, before
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    tail: list[Processor] = [structlog.processors.StackInfoRenderer(), structlog.processors.format_exc_info]
    scrub = Scrubber(secrets)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail, scrub, renderer],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(OnceAMinute(silent={"kafka.net.selector"}))  # it complains of every pause of our process
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("driftline").setLevel(level.upper())
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # our listener says the same, in our words
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
