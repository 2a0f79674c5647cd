"""Values of a database's columns: as text that gives them back, as times, and as parts of a record."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from monitor.adapters.event_times import SECONDS_UP_TO, event_times_ms
from monitor.domain.time import from_ms

_SECOND_MS, _DAY_MS = 1_000, 86_400_000
_DATE_LENGTH = len("2026-11-01")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_WIDE = 2**63
"""Whole numbers from here on are more than JSON's readers take."""

_READ: Mapping[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "UUID": UUID,
    "bytes": bytes.fromhex,
}


def to_text(*values: object) -> str:
    """Values as one text from which `from_text` makes the same values."""
    return msgspec.json.encode([_tagged(value) for value in values]).decode()


def from_text(text: str) -> list[object]:
    """The values again."""
    pairs = msgspec.json.decode(text, type=list[tuple[str, str]])
    return [None if kind == "NoneType" else _READ[kind](said) for kind, said in pairs]


def instant(value: object) -> datetime | None:
    """The value as an instant; without a zone it is UTC, a number counts from the epoch. None when it is no time."""
    if isinstance(value, str):
        value = _from_iso(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        times, bad = event_times_ms([float(value)])
        return None if bad[0] else from_ms(int(times[0]))
    return None


class Bound(NamedTuple):
    """A value to compare a column with, and the instant that it stands for."""

    value: object
    ms: int


def bound(like: object, ms: int) -> Bound:
    """The instant, a second or a day rounded down, as a value of the same type and form as another of its column."""
    if (isinstance(like, date) and not isinstance(like, datetime)) or (
        isinstance(like, str) and len(like.strip()) == _DATE_LENGTH
    ):
        day_ms = ms // _DAY_MS * _DAY_MS
        day = from_ms(day_ms).date()
        return Bound(day.isoformat() if isinstance(like, str) else day, day_ms)
    whole_ms = ms // _SECOND_MS * _SECOND_MS
    if isinstance(like, int | float | Decimal):
        is_seconds = abs(float(like)) <= SECONDS_UP_TO
        return Bound(whole_ms // _SECOND_MS if is_seconds else whole_ms, whole_ms)
    return Bound(_as_instant(like, from_ms(whole_ms)), whole_ms)


def _as_instant(like: object, at: datetime) -> object:
    """Text is of the other's zone; without a fraction and the zone it sorts before the same second with them."""
    if isinstance(like, str):
        there = at.astimezone((instant(like) or at).tzinfo).replace(tzinfo=None)
        return there.isoformat(sep=like.strip()[_DATE_LENGTH], timespec="seconds")
    return at if isinstance(like, datetime) and like.tzinfo else at.replace(tzinfo=None)


def as_time(value: object) -> object:
    """A time as records have it; what is none stays as it is, so that its record is refused with it."""
    at = instant(value)
    return value if at is None else at


def as_label(value: object) -> object:
    """A label as records have it: whole decimals as whole numbers, what JSON cannot say as text."""
    if value is None or isinstance(value, str | bool | list | dict):
        return value
    if isinstance(value, int | float | Decimal) and math.isfinite(value):
        is_whole = value == int(value) and -_WIDE < value < _WIDE
        return int(value) if is_whole else float(value)
    return f"{len(value)} bytes" if isinstance(value, bytes | memoryview) else str(value)


def as_id(value: object) -> object:
    """An id as records have it: text, whole numbers without a point; None stays."""
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return None if value is None else str(value)


def _tagged(value: Any) -> tuple[str, str]:  # noqa: ANN401 - whatever the driver gives
    if isinstance(value, bytes | memoryview):
        return "bytes", bytes(value).hex()
    kind = type(value).__name__
    kind = kind if kind in _READ or value is None else "str"
    return kind, value.isoformat() if isinstance(value, date) else str(value)


def _from_iso(text: str) -> datetime | None:
    if not _TIME.fullmatch(text.strip()):
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None
