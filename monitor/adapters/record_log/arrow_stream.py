"""Arrow IPC streams from strangers as canonical JSON records."""

import struct
from collections.abc import Iterator

import pyarrow as pa

from monitor.adapters.record_rows import record_json
from monitor.domain.errors import SubmissionFault, SubmissionRefused

_ROWS_AT_A_TIME = 500
_COMPRESSION_FIELD = 3  # of the flatbuffers table RecordBatch in Arrow's Message.fbs
_HEADER_FIELD = 2  # of the table Message
_PLAIN_TYPES = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_timestamp,
    pa.types.is_null,
)


def arrow_records(content: bytes, most_bytes: int, most_records: int) -> list[bytes]:
    """A JSON record for each row; SubmissionRefused when the stream is broken, too large or of unfit types.

    Every buffer is checked before it is used. Buffers that are compressed inside the stream are refused: how much they
    unpack to is only known afterwards.
    """
    records: list[bytes] = []
    room = most_bytes
    try:
        for row in _rows(content, most_records):
            records.append(record_json(row))
            room -= len(records[-1])
            if room < 0:
                raise SubmissionRefused(SubmissionFault.TOO_LARGE, f"as JSON more than {most_bytes:,} bytes")
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        detail = f"the body is no readable Arrow stream: {str(error).splitlines()[0] if str(error) else error!r}"
        raise SubmissionRefused(SubmissionFault.MALFORMED, detail) from error
    return records


def _rows(content: bytes, most_records: int) -> Iterator[dict[str, object]]:
    _refuse_compressed_buffers(content)
    with pa.ipc.open_stream(content) as stream:
        _refuse_unfit_types(stream.schema)
        room = most_records
        for batch in stream:
            batch.validate(full=True)
            room -= batch.num_rows
            if room < 0:
                detail = f"more than {most_records:,} rows; send fewer in a request"
                raise SubmissionRefused(SubmissionFault.TOO_LARGE, detail)
            for start in range(0, batch.num_rows, _ROWS_AT_A_TIME):
                yield from batch.slice(start, _ROWS_AT_A_TIME).to_pylist()


def _refuse_unfit_types(schema: pa.Schema) -> None:
    """Numbers, text, booleans, instants, dictionaries of these, and structs of them: what a record can hold."""
    unfit = [field.name for field in schema if not _fits(field.type)]
    if unfit:
        detail = f"column {unfit[0]!r:.100} is of type {schema.field(unfit[0]).type}; a record has no place for it"
        raise SubmissionRefused(SubmissionFault.UNSUPPORTED, detail)


def _fits(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return all(_fits(field.type) for field in kind)
    if pa.types.is_dictionary(kind):
        return _fits(kind.value_type)
    return any(is_kind(kind) for is_kind in _PLAIN_TYPES)


def _refuse_compressed_buffers(content: bytes) -> None:
    with pa.BufferReader(content) as file:
        for message in pa.ipc.MessageReader.open_stream(file):
            if message.type == "record batch" and _has_field(message.metadata.to_pybytes(), _COMPRESSION_FIELD):
                detail = "the stream's buffers are compressed; leave them plain and send with Content-Encoding: zstd"
                raise SubmissionRefused(SubmissionFault.UNSUPPORTED, detail)


def _has_field(message: bytes, field: int) -> bool:
    """Whether the header table of a Message (flatbuffers) has the field."""
    (root,) = struct.unpack_from("<I", message)
    header = root + _field_offset(message, root, _HEADER_FIELD)
    (jump,) = struct.unpack_from("<I", message, header)
    return _field_offset(message, header + jump, field) != 0


def _field_offset(message: bytes, table: int, field: int) -> int:
    """Where a field is, from its table's start; 0 when the table has none."""
    (back,) = struct.unpack_from("<i", message, table)
    (size,) = struct.unpack_from("<H", message, table - back)
    place = 4 + 2 * field
    if place >= size:
        return 0
    (offset,) = struct.unpack_from("<H", message, table - back + place)
    return int(offset)
