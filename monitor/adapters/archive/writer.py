"""Raw rows in Parquet files: what reports, re-baselining and replays read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample, without_personal
from monitor.domain.derived import TextColumn
from monitor.domain.models import LATENCY, OUTPUT_COLUMNS, PREDICTION, SCORE, ArchivePolicy, ModelRef, MonitoredModel
from monitor.domain.records import PartitionId
from monitor.domain.stream import ArchiveFile
from monitor.domain.time import from_ms
from monitor.stats.columns import Column, NumericColumn
from monitor.stream.batch import RecordBatch

ID_COLUMNS = ("event_id", "event_time")
RATE_KEY = "driftline.sampling_rate"
_ORIGINAL = {"driftline.original": "yes"}


class ParquetArchive:
    """Writes one file for each model version, pane of event time and save.

    Path: `model/version/start of the pane/topic-partition-first offset-next offset.parquet` below the archive's root. A
    name says what is in the file, so writing it again is harmless and a worker that lost its partition cannot spoil a
    file of its successor. A file is complete before it has its name. Files that a crash left without an entry in the
    database are never read.

    Columns: event_id, event_time (UTC, milliseconds), prediction, score, latency_ms where the baseline has it, and the
    features. Missing and invalid values are null; infinities are kept; personal columns are hashed (with `hash_key`)
    or masked as the model's policy says. Texts and vectors that are kept as they came are columns of their own, marked
    as such. The file's metadata tells the sampling rate.
    """

    def __init__(self, location: ArchiveLocation, hash_key: bytes = b"") -> None:
        self._location, self._hash_key = location, hash_key

    def write(
        self, partition: PartitionId, batches: Sequence[RecordBatch], models: Mapping[str, MonitoredModel]
    ) -> list[ArchiveFile]:
        """Write the rows that the models' policies keep; StoreUnavailable when the location cannot take them."""
        groups: dict[tuple[ModelRef, int], list[RecordBatch]] = defaultdict(list)
        for batch in batches:
            model = models[batch.ref.name]
            kept = _sampled(batch, _policy(model).rate)
            for start_ms, part in _by_pane(kept, model.windows.slide_ms):
                groups[batch.ref, start_ms].append(part)
        return [
            self._write_file(partition, start_ms, models[ref.name], parts) for (ref, start_ms), parts in groups.items()
        ]

    def _write_file(
        self, partition: PartitionId, start_ms: int, model: MonitoredModel, parts: Sequence[RecordBatch]
    ) -> ArchiveFile:
        ref, policy = parts[0].ref, _policy(model)
        offsets = np.concatenate([part.offsets for part in parts])
        first, after = int(offsets.min()), int(offsets.max()) + 1
        rows = sum(len(part) for part in parts)
        path = file_path(ref, start_ms, partition, first, after)
        shown = [
            replace(part, columns=without_personal(part.columns, policy.personal, self._hash_key)) for part in parts
        ]
        write_table(self._location, path, _table(shown), policy.rate)
        end_ms = start_ms + model.windows.slide_ms
        return ArchiveFile(path, ref.name, ref.version, start_ms, end_ms, rows, partition, first, after, policy.rate)


def file_path(ref: ModelRef, start_ms: int, partition: PartitionId, first: int, after: int) -> str:
    """The path that says what is in a file: rows of one pane, from the partition's offsets [first, after)."""
    folder = f"{_safe(ref.name)}/{_safe(ref.version)}/{from_ms(start_ms):%Y-%m-%dT%H%M%SZ}"
    return f"{folder}/{_safe(partition.topic)}-{partition.partition}-{first:012d}-{after:012d}.parquet"


def write_table(location: ArchiveLocation, path: str, table: pa.Table, rate: float) -> None:
    """Write a file whose metadata tells the sampling rate, and each of whose pages a checksum."""
    described = table.replace_schema_metadata({RATE_KEY: repr(rate)})

    def fill(file: IO[bytes]) -> None:
        pq.write_table(described, file, compression="zstd", write_page_checksum=True)

    location.write(path, fill)


def _policy(model: MonitoredModel) -> ArchivePolicy:
    return model.archive or ArchivePolicy()


def _sampled(batch: RecordBatch, rate: float) -> RecordBatch:
    return batch if rate >= 1 else batch.take(np.flatnonzero(in_sample(batch.event_ids, rate)))


def _by_pane(batch: RecordBatch, pane_ms: int) -> Iterator[tuple[int, RecordBatch]]:
    panes = batch.event_time_ms // pane_ms * pane_ms
    starts = np.unique(panes).tolist()
    if len(starts) <= 1:
        yield from ((start, batch) for start in starts)
        return
    for start in starts:
        yield start, batch.take(np.flatnonzero(panes == start))


def _table(parts: Sequence[RecordBatch]) -> pa.Table:
    return joined([_part_table(part) for part in parts])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all, in order; columns that one of them lacks are null there."""
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
            columns[name] = column_array(part.columns[name])
    for name in sorted(part.columns):
        if name not in columns:
            columns[name] = column_array(part.columns[name])
    table = pa.table(columns)
    for spec, values in part.originals.items():
        array = _texts(values) if isinstance(spec, TextColumn) else pa.array(values, pa.list_(pa.float64()))
        table = table.append_column(pa.field(spec.column, array.type, metadata=_ORIGINAL), array)
    return table


def _texts(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which no UTF-8 holds
        texts = (value if isinstance(value, str) else None for value in values)
        return pa.array([None if text is None else text.encode(errors="replace").decode() for text in texts])


def is_original(field: pa.Field) -> bool:
    """Whether the column holds texts or vectors as they came, which no test of rows looks at."""
    return b"driftline.original" in (field.metadata or {})


def column_array(column: Column) -> pa.Array:
    """The values as Arrow holds them; missing and invalid ones are null."""
    if isinstance(column, NumericColumn):
        return pa.array(column.values, pa.float64(), from_pandas=True)
    return pa.array(list(column.values), pa.string())


def _as_text(table: pa.Table) -> pa.Table:
    kept = {*ID_COLUMNS, SCORE, LATENCY}
    fields = [f if f.name in kept or is_original(f) else pa.field(f.name, pa.string()) for f in table.schema]
    return table.cast(pa.schema(fields))


def _safe(name: str) -> str:
    """A name as one path segment, never a dot folder."""
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted
