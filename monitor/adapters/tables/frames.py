"""Tables that a program holds: data frames, Arrow tables and streams of record batches."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from monitor.adapters.tables.arrow_cells import BATCH_ROWS, cells, encodable, table_batch
from monitor.domain.errors import BaselineError
from monitor.stats.cells import Cells, TableBatch
from monitor.usecases.object_cells import ObjectCells


@runtime_checkable
class ArrowStream(Protocol):
    """What offers itself as a stream of Arrow's record batches: polars, pyarrow, DuckDB and others do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule with the stream."""
        ...


@runtime_checkable
class ArrowArray(Protocol):
    """One record batch of any library."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
        """Two capsules: the schema and the batch."""
        ...


class PandasFrame(Protocol):
    """What we ask of a pandas data frame."""

    @property
    def columns(self) -> Any: ...  # noqa: ANN401, D102 - pandas' index, of any labels
    @property
    def iloc(self) -> Any: ...  # noqa: ANN401, D102 - pandas' own indexer

    def __len__(self) -> int: ...


Table = ArrowStream | PandasFrame | Iterable[ArrowArray | ArrowStream | PandasFrame]
"""A table, or an iterator of its parts, which is read once."""


_PART = "a part of "
_NEARLY = {
    "LazyFrame": "collect() it first",
    "Series": "to_frame() makes a table of it",
    "ndarray": "a data frame gives its columns names: pandas.DataFrame(array)",
    "dict": "a data frame of it is one: pandas.DataFrame(columns)",
}


@dataclass(frozen=True, slots=True)
class FrameTable:
    """A table in memory, or a stream of its parts; a stream can be read once alone."""

    table: Table
    name: str

    @property
    def rows(self) -> int | None:
        """Number of rows, where the table says so."""
        if _is_pandas(self.table):
            return len(self.table)  # type: ignore[arg-type]  # pandas' frames have a length
        rows = getattr(self.table, "num_rows", None)
        return rows if isinstance(rows, int) else None

    def column_groups(self) -> Sequence[frozenset[str] | None]:
        """All at once: the table may be a stream."""
        return [None]

    def read_as_text(self, columns: Collection[str]) -> None:
        """Nothing to do: what is held in memory has its types."""

    def batches(self, columns: Collection[str] | None = None) -> Iterator[TableBatch]:
        """Some rows at a time; BaselineError when this is no table."""
        try:
            yield from _batches(self.table, self.name, columns)
        except pa.ArrowException as error:
            raise BaselineError(f"{self.name} cannot be read as Arrow: {error}{_advice(self.table)}") from error


def _batches(table: object, name: str, columns: Collection[str] | None) -> Iterator[TableBatch]:
    if isinstance(table, np.ndarray):
        raise BaselineError(f"{name} is an array, which has no names of columns{_advice(table)}")
    if _is_pandas(table):
        yield from _pandas_batches(table, columns)
    elif isinstance(table, ArrowStream):
        yield from _stream_batches(pa.RecordBatchReader.from_stream(table), columns)
    elif isinstance(table, ArrowArray):
        yield table_batch(pa.record_batch(table), columns)
    elif isinstance(table, Iterable) and not isinstance(table, str | bytes | dict):
        for part in table:
            yield from _batches(part, name if name.startswith(_PART) else f"{_PART}{name}", columns)
    else:
        raise BaselineError(
            f"{name} is a {type(table).__name__}, which is no table: give a pandas, polars or pyarrow table, "
            f"anything with __arrow_c_stream__, or an iterator of such parts{_advice(table)}"
        )


def _advice(table: object) -> str:
    """How to make a table of what is nearly one."""
    return next((f"; {what}" for name, what in _NEARLY.items() if type(table).__name__ == name), "")


def _stream_batches(stream: pa.RecordBatchReader, columns: Collection[str] | None) -> Iterator[TableBatch]:
    for batch in stream:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield table_batch(batch.slice(start, BATCH_ROWS), columns)


def _is_pandas(table: object) -> bool:
    """Without loading pandas: whoever has a frame has loaded it."""
    return type(table).__module__.partition(".")[0] == "pandas" and hasattr(table, "iloc") and hasattr(table, "columns")


def _pandas_batches(frame: Any, columns: Collection[str] | None) -> Iterator[TableBatch]:  # noqa: ANN401 - pandas'
    """Column by column, so that one of mixed types spoils no other; labels that are no text are taken as text."""
    names = [str(label) for label in frame.columns]
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        made = {
            name: _series_cells(part.iloc[:, place])
            for place, name in enumerate(names)
            if names.count(name) == 1 and (columns is None or name in columns)
        }
        yield TableBatch(len(part), made, names)


def _series_cells(series: Any) -> Cells:  # noqa: ANN401 - a pandas series
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowException, OverflowError, TypeError, UnicodeEncodeError):
        absent = series.isna().tolist()
        values = map(encodable, series.tolist())
        return ObjectCells([None if gone else value for value, gone in zip(values, absent, strict=True)])
    return cells(array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array)
