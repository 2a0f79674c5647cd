"""Segments of the log: many records as one compressed value."""

from collections.abc import Sequence

import msgspec
import zstandard

from monitor.domain.records import RawRecord

LENGTH = 1_000
"""Most records of a segment: what a reader must unpack to get at one of them."""

_LEVEL = 1


def pack(values: Sequence[bytes]) -> bytes:
    """The values, byte for byte, compressed together."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(values))


def unpack(payload: bytes, first_offset: int, received_at_ms: int) -> list[RawRecord]:
    """The records of a segment with the offsets and the time that they were given when they came."""
    values = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(payload), type=list[bytes])
    return [RawRecord(first_offset + i, value, timestamp_ms=received_at_ms) for i, value in enumerate(values)]
