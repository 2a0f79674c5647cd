"""Raw rows in Parquet files: what reports, re-baselining and replays read."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.domain.errors import StoreUnavailable
from monitor.domain.models import LATENCY, OUTPUT_COLUMNS, PREDICTION, SCORE, ModelRef, MonitoredModel
from monitor.domain.records import PartitionId
from monitor.domain.stream import ArchiveFile
from monitor.domain.time import from_ms
from monitor.stats.columns import Column, NumericColumn
from monitor.stream.batch import RecordBatch

ID_COLUMNS = ("event_id", "event_time")


class ParquetArchive:
    """Writes one file for each model version, pane of event time and save.

    Path: `model/version/start of the pane/topic-partition-first offset-next offset.parquet` under `folder`. A name says
    what is in the file, so writing it again is harmless and a worker that lost its partition cannot spoil a file of its
    successor. A file is complete and on disk before it has its name. Files that a crash left without an entry in the
    store are never read.

    Columns: event_id, event_time (UTC, milliseconds), prediction, score, latency_ms where the baseline has it, and the
    features. Missing and invalid values are null; infinities are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(
        self, partition: PartitionId, batches: Sequence[RecordBatch], models: Mapping[str, MonitoredModel]
    ) -> list[ArchiveFile]:
        """Write all rows; StoreUnavailable when the folder cannot take them."""
        groups: dict[tuple[ModelRef, int], list[RecordBatch]] = defaultdict(list)
        for batch in batches:
            pane_ms = models[batch.ref.name].windows.slide_ms
            for start_ms, part in _by_pane(batch, pane_ms):
                groups[batch.ref, start_ms].append(part)
        try:
            return [
                self._write_file(partition, start_ms, models[ref.name].windows.slide_ms, parts)
                for (ref, start_ms), parts in groups.items()
            ]
        except OSError as error:
            raise StoreUnavailable(
                f"the archive {self._folder} cannot be written: {error.strerror or error}"
            ) from error

    def _write_file(
        self, partition: PartitionId, start_ms: int, pane_ms: int, parts: Sequence[RecordBatch]
    ) -> ArchiveFile:
        ref = parts[0].ref
        offsets = np.concatenate([part.offsets for part in parts])
        first, after = int(offsets.min()), int(offsets.max()) + 1
        rows = sum(len(part) for part in parts)
        folder = self._folder / _safe(ref.name) / _safe(ref.version) / f"{from_ms(start_ms):%Y-%m-%dT%H%M%SZ}"
        path = folder / f"{_safe(partition.topic)}-{partition.partition}-{first:012d}-{after:012d}.parquet"
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(path, _table(parts))
        end_ms = start_ms + pane_ms
        return ArchiveFile(str(path), ref.name, ref.version, start_ms, end_ms, rows, partition, first, after)


def _by_pane(batch: RecordBatch, pane_ms: int) -> Iterator[tuple[int, RecordBatch]]:
    panes = batch.event_time_ms // pane_ms * pane_ms
    starts = np.unique(panes).tolist()
    if len(starts) == 1:
        yield starts[0], batch
        return
    for start in starts:
        yield start, batch.take(np.flatnonzero(panes == start))


def _write_whole(path: Path, table: pa.Table) -> None:
    """Under another name first, so that nobody ever sees half a file."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _table(parts: Sequence[RecordBatch]) -> pa.Table:
    tables = [_part_table(part) for part in parts]
    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a guessed schema guessed differently: text holds everything
        return pa.concat_tables([_as_text(table) for table in tables], promote_options="default")


def _part_table(part: RecordBatch) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "event_id": pa.array(list(part.event_ids), pa.string()),
        "event_time": pa.array(part.event_time_ms, pa.timestamp("ms", tz="UTC")),
        PREDICTION: pa.array(list(part.predictions), pa.string()),
        SCORE: pa.array(part.scores, pa.float64(), from_pandas=True),
    }
    for name in OUTPUT_COLUMNS:
        if name in part.columns:
            columns[name] = _array(part.columns[name])
    for name in sorted(part.columns):
        if name not in columns:
            columns[name] = _array(part.columns[name])
    return pa.table(columns)


def _array(column: Column) -> pa.Array:
    if isinstance(column, NumericColumn):
        return pa.array(column.values, pa.float64(), from_pandas=True)
    return pa.array(list(column.values), pa.string())


def _as_text(table: pa.Table) -> pa.Table:
    kept = {*ID_COLUMNS, SCORE, LATENCY}
    fields = [f if f.name in kept else pa.field(f.name, pa.string()) for f in table.schema]
    return table.cast(pa.schema(fields))


def _safe(name: str) -> str:
    """A name as one path segment, never a dot folder."""
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted
