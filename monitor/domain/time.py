"""Instants and durations: aware UTC datetimes at the edges, integer milliseconds in the stream."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

_FIRST_SECOND, _LAST_SECOND = 31_536_000, 7_258_118_400
_FINER = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")


class Clock(Protocol):
    """Where the present comes from: the system's clock in production, a scripted one in tests."""

    def now(self) -> datetime:
        """The present as an aware UTC instant; it may step backwards when the machine's clock does."""
        ...


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch, rounded down; refuses a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"naive instant {instant!r}: give it a time zone")
    return (instant - EPOCH) // MILLISECOND


def seconds_to_ms(seconds: float) -> int:
    """Seconds since the epoch in milliseconds; ValueError for a number that is the time of no record.

    Numbers below a year are counts and amounts, and those beyond 2200 are finer than seconds, or ids.

    >>> seconds_to_ms(1_793_520_000.5)
    1793520000500
    """
    if _FIRST_SECOND <= seconds < _LAST_SECOND:
        return timedelta(seconds=seconds) // MILLISECOND
    finer = next((name for name, each in _FINER.items() if _FIRST_SECOND <= seconds / each < _LAST_SECOND), "")
    how = f"it may be {finer}: divide by {_FINER[finer]:,}" if finer else "is it another column?"
    raise ValueError(f"as seconds since 1970 it lies outside 1971 to 2199; {how}")


def from_ms(ms: int) -> datetime:
    """The aware UTC instant `ms` milliseconds after the epoch (years 1 to 9999)."""
    return EPOCH + timedelta(milliseconds=ms)


def duration_ms(duration: timedelta) -> int:
    """A duration in whole milliseconds."""
    return duration // MILLISECOND


def parse_duration(text: str) -> timedelta:
    """`"90s"`, `"15m"`, `"1h30m"`, `"7d"`, `"2w"` as a positive duration; ValueError says what is allowed.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    parts = _PART.findall(text.strip())
    if not parts or "".join(n + u for n, u in parts) != text.strip():
        raise ValueError(f"{text!r} is no duration: write a number and one of ms, s, m, h, d, w, as in 15m or 1h30m")
    total = sum(int(n) * _UNITS[u] for n, u in parts)
    if total == 0:
        raise ValueError("a duration must be longer than zero")
    return timedelta(milliseconds=total)


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back to the same value (`"0s"` for zero).

    >>> format_duration(timedelta(minutes=90))
    '1h30m'
    """
    left, text = duration_ms(duration), ""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        count, left = divmod(left, _UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def in_one_unit(duration: timedelta) -> str:
    """The duration as people write it in a file: `30d` rather than `4w2d`."""
    ms = duration_ms(duration)
    units = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    return next(f"{ms // length}{unit}" for unit, length in units.items() if ms % length == 0)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 text (`2026-11-01T10:00Z`, `2026-11-01`) as an aware UTC instant; no zone means UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no instant: write it like 2026-11-01T10:00Z") from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


@lru_cache(maxsize=1_024)  # the same few instants come with every finding
def format_instant(instant: datetime) -> str:
    """RFC 3339 with `Z`, to the second when there are no milliseconds, else to the millisecond."""
    spec = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"
