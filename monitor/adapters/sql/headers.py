"""Headers of a message as one value of a column."""

import msgspec

from monitor.domain.records import Headers

_READ = msgspec.msgpack.Decoder(tuple[tuple[str, bytes | None], ...])


def packed_headers(headers: Headers) -> bytes | None:
    """MessagePack of the pairs, in their order; None where there are none, as is usual."""
    return msgspec.msgpack.encode(headers) if headers else None


def unpacked_headers(packed: bytes | None) -> Headers:
    """What `packed_headers` packed."""
    return () if packed is None else _READ.decode(packed)
