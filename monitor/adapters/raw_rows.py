"""Raw rows of a window and of its baseline, for tests that look at rows: both are kept where the model keeps rows."""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample, places
from monitor.adapters.archive.writer import joined
from monitor.adapters.training_sample import EVENT_TIME, sample_path
from monitor.domain.findings import content_id
from monitor.domain.models import ALL_TRAFFIC, LATENCY, ColumnKind, ColumnSpec, ModelRef, MonitoredModel, Segment
from monitor.domain.ports import Records
from monitor.domain.windows import Window
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stats.row_test import JointRows, RawRows
from monitor.stream.batch import category_text

MOST_ROWS = 5_000
"""Of a window so many rows are read: those whose ids have the smallest hashes, whatever the order they came in."""

_BASELINES_AT_HAND = 4


class ArchivedRows:
    """Reads the archive; StoreUnavailable when it cannot serve."""

    def __init__(self, location: Callable[[], ArchiveLocation], records: Records) -> None:
        """The location is opened when it is needed: its driver may be missing where no model keeps rows."""
        self._location, self._records = location, records
        self._sample = lru_cache(maxsize=_BASELINES_AT_HAND)(self._read_sample)

    def joint(  # noqa: PLR0917 - which rows, of what, compared with what
        self,
        model: MonitoredModel,
        ref: ModelRef,
        window: Window,
        segment: str,
        baseline_id: str,
        schema: Sequence[ColumnSpec],
    ) -> JointRows | str:
        """The rows of both sides, latency left out; in words why they cannot be had.

        The window's are a function of the set of archived rows, and the seed one of what is compared, so that a finding
        can be computed again to the last bit.
        """
        if model.archive is None:
            return "the model keeps no raw rows: set `archive: true`"
        part = next((one for one in model.segments if one.name == segment), None)
        if part is not None and part.column in model.archive.personal:
            return f"the segment's column {part.column} is personal, and hidden in raw rows"
        sample = self._sample(baseline_id)
        if sample is None:
            return "no training rows are kept for the baseline: build it again with this program, with `archive` set"
        table = self._window(ref, window)
        if table is None:
            return f"no archived rows of {ref} in the window"
        about = [baseline_id, ref.name, ref.version, str(window), segment]
        size_ms = model.windows.size_ms
        compared = [spec for spec in schema if spec.name != LATENCY]
        reference = _raw_rows(_of_segment(sample, part), compared, size_ms)
        current = _raw_rows(_of_segment(table, part), compared, size_ms)
        return JointRows(reference, current, int(content_id(about)[:12], 16))

    def _read_sample(self, baseline_id: str) -> pa.Table | None:
        try:
            return pq.read_table(BytesIO(self._location().read(sample_path(baseline_id))))
        except FileNotFoundError:
            return None

    def _window(self, ref: ModelRef, window: Window) -> pa.Table | None:
        """The rows that are kept of the window, all with the same probability, each once."""
        files = self._records.archive(ref, window.start_ms, window.end_ms)
        rate, location = min((file.rate for file in files), default=1.0), self._location()
        tables = [_some_of(pq.read_table(BytesIO(location.read(file.path))), window, rate) for file in files]
        return _first_by_hash(joined(tables)) if tables else None


def _some_of(table: pa.Table, window: Window, rate: float) -> pa.Table:
    times = table.column("event_time")
    since, until = (pa.scalar(at, pa.timestamp("ms", tz="UTC")) for at in (window.start, window.end))
    table = table.filter(pc.and_(pc.greater_equal(times, since), pc.less(times, until)))
    kept = table.filter(pa.array(in_sample(table.column("event_id").to_pylist(), rate)))
    return _first_by_hash(kept)


def _first_by_hash(table: pa.Table) -> pa.Table:
    """In the order of the ids' hashes; of rows with one id the first."""
    _, first = np.unique(places(table.column("event_id").to_pylist()), return_index=True)
    return table.take(pa.array(first[:MOST_ROWS]))


def _of_segment(table: pa.Table, segment: Segment | None) -> pa.Table:
    if segment is None or segment.name == ALL_TRAFFIC:
        return table
    if segment.column not in table.column_names:
        return table.slice(0, 0)
    return table.filter(
        pa.array([value == segment.value for value in _texts(table.column(segment.column))], pa.bool_())
    )


def _raw_rows(table: pa.Table, schema: Collection[ColumnSpec], size_ms: int) -> RawRows:
    columns = {spec.name: _column(table.column(spec.name), spec.kind) for spec in schema if _has(table, spec)}
    times = table.column(EVENT_TIME) if EVENT_TIME in table.column_names else None
    return RawRows(columns, None if times is None else _window_numbers(times, size_ms))


def _has(table: pa.Table, spec: ColumnSpec) -> bool:
    """A column that should hold numbers and holds text cannot be compared."""
    if spec.name not in table.column_names:
        return False
    kind = table.schema.field(spec.name).type
    return spec.kind is not ColumnKind.NUMERIC or pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _column(values: pa.ChunkedArray, kind: ColumnKind) -> Column:
    if kind is ColumnKind.NUMERIC:
        return NumericColumn(np.array(pc.cast(values, pa.float64()).to_numpy(), np.float64))
    return CategoricalColumn(_texts(values))


def _texts(values: pa.ChunkedArray) -> list[str | None]:
    return [None if value is None else category_text(value) for value in values.to_pylist()]


def _window_numbers(times: pa.ChunkedArray, size_ms: int) -> Ints:
    milliseconds = pc.fill_null(pc.cast(times, pa.int64()), -1).to_numpy()
    return np.where(milliseconds < 0, -1, milliseconds // size_ms).astype(np.int64)
