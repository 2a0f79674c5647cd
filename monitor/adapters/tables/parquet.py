"""Parquet files, some columns at a time, a few thousand rows in memory."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.adapters.tables.arrow_cells import BATCH_ROWS, table_batch
from monitor.stats.cells import TableBatch

HELD_VALUES = 2_000_000
"""So many values of a baseline's rows are held at once, and columns are read in groups accordingly."""

COLUMNS_AT_ONCE = 3
"""Not more than these, however few the rows: a column that is read takes some megabytes of pages."""

_BUFFER_BYTES = 1 << 20


def parquet_batches(path: Path, columns: Collection[str] | None) -> Iterator[TableBatch]:
    """Only the bytes of the wanted columns are read."""
    schema = pq.read_schema(path)
    names, texts = schema.names, [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False, read_dictionary=texts) as file:
        known = None if columns is None else [name for name in names if name in columns]
        for batch in file.iter_batches(BATCH_ROWS, columns=known, use_threads=False):
            made = table_batch(batch, columns)
            yield TableBatch(made.rows, made.columns, names)


def parquet_rows(path: Path) -> int:
    """From the footer alone."""
    rows: int = pq.read_metadata(path).num_rows
    return rows


def column_groups(paths: Sequence[Path], rows: int) -> list[frozenset[str] | None]:
    """Columns to read together, so that little is held at once; each column once."""
    names = list(dict.fromkeys(name for path in paths for name in pq.read_schema(path).names))
    size = min(COLUMNS_AT_ONCE, max(1, HELD_VALUES // max(1, rows)))
    return [frozenset(names[start : start + size]) for start in range(0, len(names), size)] or [None]


def ipc_batches(path: Path, columns: Collection[str] | None) -> Iterator[TableBatch]:
    """Arrow's own files and streams."""
    with pa.memory_map(str(path)) as source:
        try:
            file = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            source.seek(0)
            yield from (table_batch(batch, columns) for batch in pa.ipc.open_stream(source))
            return
        for place in range(file.num_record_batches):
            yield table_batch(file.get_batch(place), columns)
