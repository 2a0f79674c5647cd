"""Segments of the log: many records as one compressed value."""

from collections.abc import Sequence

import msgspec
import zstandard

from monitor.domain.records import Headers, RawRecord
from monitor.stream.served import NUMBER, PRODUCER, WEIGHT

LENGTH = 1_000
"""Most records of a segment: what a reader must unpack to get at one of them."""

_LEVEL = 1
_FIELD = b'"producer"'


def pack(values: Sequence[bytes]) -> bytes:
    """The values, byte for byte, compressed together."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(values))


def unpack(payload: bytes, first_offset: int, received_at_ms: int) -> list[RawRecord]:
    """The records of a segment with the offsets and the time that they were given when they came.

    What a record's field `producer` says stands in the headers, where a record from Kafka has it.
    """
    values = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(payload), type=list[bytes])
    return [
        RawRecord(first_offset + i, value, timestamp_ms=received_at_ms, headers=_headers(value))
        for i, value in enumerate(values)
    ]


class _Producer(msgspec.Struct):
    id: str = ""
    number: int | None = None
    weight: float | None = None


class _Said(msgspec.Struct):
    producer: _Producer | None = None


_said = msgspec.json.Decoder(_Said)


def _headers(value: bytes) -> Headers:
    """What is no statement says nothing: the record may be good all the same."""
    if _FIELD not in value:
        return ()
    try:
        producer = _said.decode(value).producer
    except (ValueError, RecursionError):
        return ()
    if producer is None:
        return ()
    said = {NUMBER: producer.number, WEIGHT: producer.weight}
    numbers = [(name, str(number).encode()) for name, number in said.items() if number is not None]
    return [(PRODUCER, producer.id.encode()), *numbers] if numbers else ()
