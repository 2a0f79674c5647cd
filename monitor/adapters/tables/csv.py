"""CSV files: types are those of the first rows, until a later row says otherwise.

An empty cell has no value, whatever the column holds. In a column of text nothing else is missing: `NA` is Namibia, and
`null` a word; in one of numbers they are missing, as Arrow has it. Whether an empty cell stands in quotes says nothing:
who quotes every cell (pandas' QUOTE_ALL) writes what is missing as `""`.
"""

import codecs
import csv as csv_rows
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from monitor.adapters.tables.arrow_cells import BYTES, NOT_UTF_8, table_batch
from monitor.domain.errors import BaselineError
from monitor.stats.cells import OtherCells, TableBatch
from monitor.usecases.table_reader import ReadAgain

_BLOCK_BYTES = 4 << 20
_SEPARATORS = (";", "\t", "|")
"""What others put where a comma is meant."""

_HEAD_BYTES = 1 << 16
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PADDED = r"^0[0-9]+$"

_WRONG_VALUE = re.compile(r"In CSV column #(\d+):.*conversion error")
_WIDER: dict[pa.DataType, pa.DataType] = {
    pa.null(): pa.float64(),
    pa.int64(): pa.float64(),
    pa.string(): pa.binary(),
}
"""What to try next where a value has not the type that the first rows promised; otherwise text. Bytes can be all."""


def csv_batches(
    path: Path, columns: Collection[str] | None, column_types: dict[str, pa.DataType]
) -> Iterator[TableBatch]:
    """Rows of the file. `column_types` grows by what is text, and by what turned out: raises ReadAgain then."""
    require_readable(path)
    read = csv.ReadOptions(block_size=_BLOCK_BYTES)
    convert = csv.ConvertOptions(column_types=column_types)
    with csv.open_csv(path, read_options=read, convert_options=convert) as file:
        schema = file.schema
        column_types |= {field.name: field.type for field in schema if pa.types.is_string(field.type)}
        try:
            yield from (_table_batch(batch, columns) for batch in file)
        except pa.ArrowInvalid as error:
            found = _WRONG_VALUE.search(str(error))
            if found is None:
                raise
            field = schema.field(int(found[1]))
            column_types[field.name] = _WIDER.get(field.type, pa.string())
            raise ReadAgain(f"{field.name} turned out not to be {field.type}") from error


def _table_batch(batch: pa.RecordBatch, columns: Collection[str] | None) -> TableBatch:
    """Bytes are what is left of texts in another encoding."""
    made = table_batch(without_empty_texts(batch), columns, is_typed=False)
    columns_or_bytes = {
        name: OtherCells(NOT_UTF_8, cells.missing) if isinstance(cells, OtherCells) and cells.kind == BYTES else cells
        for name, cells in made.columns.items()
    }
    return TableBatch(made.rows, columns_or_bytes, made.names)


def without_empty_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with nothing where an empty text was read."""
    texts = [place for place, field in enumerate(batch.schema) if pa.types.is_string(field.type)]
    arrays = batch.columns
    for place in texts:
        is_present = pc.binary_length(arrays[place]).cast(pa.bool_())  # to compare with "" would load pandas
        arrays[place] = pc.if_else(is_present, arrays[place], pa.nulls(batch.num_rows, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema) if texts else batch


def padded_columns(paths: Iterable[Path], names: Collection[str]) -> set[str]:
    """Those of the named columns that hold a whole number with a zero before it, as `007`: they spell codes.

    Reads all rows of the named columns.
    """
    asked = csv.ConvertOptions(
        include_columns=sorted(names), include_missing_columns=True, column_types=dict.fromkeys(names, pa.binary())
    )
    found: set[str] = set()
    for path in paths:
        require_readable(path)
        with csv.open_csv(path, read_options=csv.ReadOptions(block_size=_BLOCK_BYTES), convert_options=asked) as file:
            for batch in file:
                found |= {name for name in names if name not in found and _is_padded(batch.column(name))}
    return found


def _is_padded(texts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, _PADDED)).as_py())


def require_readable(path: Path) -> None:
    """BaselineError for a file in UTF-16, or one whose header is separated by other than commas.

    The latter has all columns in one, under one name, and would be taken for a table that has lost every column; with
    commas in its numbers it would be taken for a broken one.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_UTF_16) or b"\0" in head[:2]:
        raise BaselineError(f"{path} is UTF-16, and CSV is read as UTF-8: write it again in UTF-8")
    header = head.decode("utf-8-sig", "replace").lstrip("\r\n").splitlines()[:1]
    names = next(csv_rows.reader(header), [])
    found = next((one for one in _SEPARATORS if len(names) == 1 and one in names[0]), None)
    if found is not None:
        raise BaselineError(f"{path} has one column, {names[0]!r}: separate columns by commas instead of {found!r}")
