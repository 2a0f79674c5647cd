"""Reading JSON of others: what is missing or of another type is said by name."""

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import NoReturn

from monitor.adapters.event_times import event_times_ms
from monitor.adapters.loose_record import parse_json
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.time import format_instant, from_ms, parse_instant, to_ms

_GZIP = b"\x1f\x8b"
_MOST_BYTES = 16 * 2**20
_WHOLE = re.compile(r"-?[0-9]{1,40}")
_NAMES = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}


def unpacked(value: bytes) -> bytes:
    """The bytes, decompressed where they are gzip, whether or not a header said so; RecordRejected beyond 16 MiB."""
    if not value.startswith(_GZIP):
        return value
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = stream.decompress(value, _MOST_BYTES)
    except zlib.error as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"damaged gzip: {error}") from error
    if stream.unconsumed_tail:
        raise RecordRejected(RejectReason.TOO_LARGE, f"more than {_MOST_BYTES:,} bytes when decompressed")
    if not stream.eof:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, "gzip that ends too soon")
    return content


def json_of(value: bytes | str) -> object:
    """Any JSON, gzip or not; RecordRejected when it is none."""
    return parse_json(unpacked(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value))


def object_of(value: object, what: str = "the message") -> Mapping[str, object]:
    """The value when it is an object."""
    return value if isinstance(value, dict) else wrong(what, "an object", value)


def list_of(value: object, what: str) -> Sequence[object]:
    """The value when it is an array."""
    return value if isinstance(value, list) else wrong(what, "an array", value)


def needed(source: Mapping[str, object], *names: str) -> object:
    """The first of these members that is neither absent, null nor empty text."""
    for name in names:
        value = source.get(name)
        if value is not None and value != "":
            return value
    raise RecordRejected(RejectReason.MISSING_FIELD, " or ".join(names))


def text(source: Mapping[str, object], *names: str) -> str:
    """The same as text; numbers are ids, too."""
    value = needed(source, *names)
    if isinstance(value, bool) or not isinstance(value, str | int):
        wrong(names[0], "text", value)
    return str(value)


def optional_text(source: Mapping[str, object], *names: str) -> str | None:
    """The same where it may be left out."""
    return next((str(source[name]) for name in names if isinstance(source.get(name), str | int) and source[name]), None)


def instant_ms(value: object, what: str) -> int:
    """RFC 3339 text or a number since the epoch (seconds, or milliseconds beyond 1e11), as milliseconds."""
    try:
        if isinstance(value, str):
            return to_ms(parse_instant(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            times, bad = event_times_ms([float(value)])
        else:
            wrong(what, "an instant", value, RejectReason.BAD_EVENT_TIME)
    except (ValueError, OverflowError) as error:
        raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"{what}: {error}") from error
    if bad[0]:
        raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"{what} {value!r:.80} is no instant of the years 1 to 9999")
    return int(times[0])


def whole_number(value: object) -> int | None:
    """A whole number, or text of one as protobuf's JSON writes it; None for anything else."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def instant_text(ms: int) -> str:
    """Milliseconds since the epoch as RFC 3339."""
    return format_instant(from_ms(ms))


def wrong(what: str, expected: str, value: object, reason: RejectReason = RejectReason.WRONG_TYPE) -> NoReturn:
    """Say what a value should have been."""
    got = "null" if value is None else _NAMES.get(type(value), "something else")
    raise RecordRejected(reason, f"{what}: expected {expected}, got {got}")


def not_of_format(detail: str) -> NoReturn:
    """Say that the message is something else."""
    raise RecordRejected(RejectReason.NOT_OF_FORMAT, detail)
