"""CSV files: types are those of the first rows, until a later row says otherwise."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from monitor.adapters.tables.arrow_cells import table_batch
from monitor.domain.errors import BaselineError
from monitor.stats.cells import TableBatch
from monitor.usecases.table_reader import ReadAgain

_BLOCK_BYTES = 4 << 20
_SEPARATORS = (";", "\t", "|")
"""What others put where a comma is meant."""

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
    read = csv.ReadOptions(block_size=_BLOCK_BYTES)
    convert = csv.ConvertOptions(column_types=column_types)
    with csv.open_csv(path, read_options=read, convert_options=convert) as file:
        schema = file.schema
        _refuse_other_separators(path, schema.names)
        column_types |= {field.name: field.type for field in schema if pa.types.is_string(field.type)}
        try:
            yield from (table_batch(batch, columns, is_typed=False) for batch in file)
        except pa.ArrowInvalid as error:
            found = _WRONG_VALUE.search(str(error))
            if found is None:
                raise
            field = schema.field(int(found[1]))
            column_types[field.name] = _WIDER.get(field.type, pa.string())
            raise ReadAgain(f"{field.name} turned out not to be {field.type}") from error


def _refuse_other_separators(path: Path, names: Collection[str]) -> None:
    """All columns in one, under one name, would be taken for a table that has lost every column."""
    found = next((one for one in _SEPARATORS if len(names) == 1 and any(one in name for name in names)), None)
    if found is not None:
        (name,) = names
        raise BaselineError(f"{path} has one column, {name!r}: separate columns by commas instead of {found!r}")
