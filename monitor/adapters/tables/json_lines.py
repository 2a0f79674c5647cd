"""JSON lines, a few megabytes at a time: types may differ from part to part, and within a part."""

import io
import json as json_text
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow import json

from monitor.adapters.tables.arrow_cells import encodable, table_batch
from monitor.domain.errors import BaselineError
from monitor.stats.cells import TableBatch
from monitor.usecases.object_cells import ObjectCells

_PART_BYTES = 4 << 20


def json_batches(path: Path, columns: Collection[str] | None) -> Iterator[TableBatch]:
    """Rows of the file; what Arrow cannot read as columns of one type is read value by value."""
    first = 1
    with path.open("rb") as file:
        while lines := file.readlines(_PART_BYTES):
            try:
                parsed = json.read_json(io.BytesIO(b"".join(lines)), json.ReadOptions(block_size=2 * _PART_BYTES))
            except pa.ArrowInvalid:
                yield _value_by_value(path, lines, first, columns)
            else:
                yield from (table_batch(batch, columns) for batch in parsed.combine_chunks().to_batches())
            first += len(lines)


def _value_by_value(path: Path, lines: list[bytes], first: int, columns: Collection[str] | None) -> TableBatch:
    rows = [_row(path, line, first + place) for place, line in enumerate(lines) if line.strip()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    wanted = [name for name in names if columns is None or name in columns]
    return TableBatch(len(rows), {name: ObjectCells([row.get(name) for row in rows]) for name in wanted}, names)


def _row(path: Path, line: bytes, number: int) -> dict[str, object]:
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except msgspec.MsgspecError as error:
        if (row := _with_half_characters(line)) is not None:
            return row
        raise BaselineError(f"{path}, line {number} is no JSON object ({error}): mend or remove the line") from error


def _with_half_characters(line: bytes) -> dict[str, object] | None:
    """The object of a line that is refused for lone surrogates alone, without them; None of any other line."""
    try:
        text = json_text.dumps(json_text.loads(line), ensure_ascii=False)
        return msgspec.json.decode(str(encodable(text)), type=dict[str, object])
    except (ValueError, RecursionError):
        return None
