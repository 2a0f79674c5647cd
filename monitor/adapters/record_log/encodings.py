"""Content encodings of a request: bodies are unpacked up to a bound, never beyond."""

import zlib
from collections.abc import Callable, Mapping

import zstandard

from monitor.domain.errors import SubmissionFault, SubmissionRefused

_MOST_WINDOW_BYTES = 8 << 20  # RFC 9659: what a decoder of zstd bodies must support, and need not exceed
_PIECE_BYTES = 256


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """The body without its Content-Encoding; SubmissionRefused when that is unknown, broken or unpacks to too much."""
    unpack = _UNPACK.get(encoding.strip().lower())
    if unpack is None:
        known = ", ".join(sorted(name for name in _UNPACK if name))
        raise SubmissionRefused(SubmissionFault.UNSUPPORTED, f"Content-Encoding {encoding!r:.100}; send one of {known}")
    try:
        content = unpack(body, most_bytes)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise SubmissionRefused(SubmissionFault.MALFORMED, f"the body is no {encoding}: {error}") from error
    if len(content) > most_bytes:
        detail = f"the body unpacks to more than {most_bytes:,} bytes; send smaller batches"
        raise SubmissionRefused(SubmissionFault.TOO_LARGE, detail)
    return content


def _plain(body: bytes, _most_bytes: int) -> bytes:
    return body


def _gzip(body: bytes, most_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    content = unpacker.decompress(body, most_bytes + 1)
    if len(content) <= most_bytes and not unpacker.eof:
        raise EOFError("it ends too early")
    if unpacker.unused_data:
        raise zlib.error("something follows its end")
    return content


def _zstd(body: bytes, most_bytes: int) -> bytes:
    """Fed in small pieces: a block of a few bytes may unpack to 128 KiB, and only this reader tells the frame's end."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES).decompressobj()
    parts, size = list[bytes](), 0
    for start in range(0, len(body), _PIECE_BYTES):
        parts.append(unpacker.decompress(body[start : start + _PIECE_BYTES]))
        size += len(parts[-1])
        if size > most_bytes:
            return b"".join(parts)
    if not unpacker.eof:
        raise EOFError("it ends too early")
    if unpacker.unused_data:
        raise zstandard.ZstdError("something follows its end")
    return b"".join(parts)


_UNPACK: Mapping[str, Callable[[bytes, int], bytes]] = {
    "": _plain,
    "identity": _plain,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
}
