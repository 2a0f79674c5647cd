"""Runs the worker that computes metrics of Evidently, and brings back what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from monitor.adapters.evidently.companion import Companion
from monitor.domain.checks import Parameter
from monitor.domain.evidently import EVIDENTLY_METRICS, EvidentlyAnswer, EvidentlySpec
from monitor.stats.columns import NumericColumn
from monitor.stats.row_test import JointRows, RawRows

_WORKER = "monitor.adapters.evidently.metrics_worker"


@dataclass(frozen=True, slots=True)
class WantedMetric:
    """A metric by the name and with the parameters that Evidently knows; `is_share`: the share counts, not the count.

    `column` is the one that it is about, if it is about one.
    """

    metric: str
    parameters: Mapping[str, Parameter | Sequence[Parameter]]
    column: str | None
    is_share: bool


@dataclass(frozen=True, slots=True)
class MetricsJob:
    """Metrics, and the rows of both sides as Arrow streams: numbers as float64, categories as text."""

    wanted: tuple[WantedMetric, ...]
    reference: bytes
    current: bytes


class EvidentlyMetrics:
    """Computes the metrics of a window at once, beside our process, with a deadline in seconds.

    The rows go through a pipe and touch no disk. Not thread-safe.
    """

    def __init__(self, deadline_s: float = 120.0) -> None:
        self._companion = Companion(_WORKER, deadline_s)

    def measure(self, rows: JointRows, wanted: Sequence[EvidentlySpec]) -> Sequence[EvidentlyAnswer]:
        """An answer for each, in their order; ReportFailed when the process could give none."""
        job = MetricsJob(tuple(map(_wanted, wanted)), _stream(rows.reference), _stream(rows.current))
        return msgspec.msgpack.decode(self._companion.ask(msgspec.msgpack.encode(job)), type=list[EvidentlyAnswer])


def _wanted(spec: EvidentlySpec) -> WantedMetric:
    return WantedMetric(spec.metric, spec.parameters, spec.column, EVIDENTLY_METRICS[spec.metric].is_share)


def _stream(rows: RawRows) -> bytes:
    table = pa.table(
        {
            name: pa.array(column.values, pa.float64() if isinstance(column, NumericColumn) else pa.string())
            for name, column in rows.columns.items()
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream
