"""Event times as producers write them, as milliseconds since the epoch."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter

import numpy as np

from monitor.domain.time import EPOCH, MILLISECOND
from monitor.stats.columns import Floats, Ints, Mask

SECONDS_UP_TO = 1e11
"""A larger number counts milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973."""

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999, what a datetime can say."""

_ALMOST_NEXT = 0.9995
"""Seconds with decimals miss their millisecond by less than a microsecond: so close to the next, it is meant."""

_FINE_SECONDS = 2.0**32
"""Up to here (the year 2106) a float holds seconds to half a microsecond."""

_time_zone = attrgetter("tzinfo")


def event_times_ms(values: Sequence[datetime | float]) -> tuple[Ints, Mask]:
    """Milliseconds since the epoch, rounded down, and which values are no instant of the years 1 to 9999.

    Exact to the microsecond: a time written with decimals stays in the millisecond that it says.
    """
    seconds = _seconds_of_instants(values)
    if seconds is not None:
        return _checked(seconds * 1_000)
    try:
        numbers = np.fromiter(values, np.float64, len(values))
    except TypeError:  # instants and numbers mixed, or instants far away
        return _checked(np.fromiter(map(_milliseconds, values), np.float64, len(values)))
    with np.errstate(over="ignore"):
        return _checked(np.where(np.abs(numbers) > SECONDS_UP_TO, numbers, numbers * 1_000))


def _seconds_of_instants(values: Sequence[datetime | float]) -> Floats | None:
    """Seconds of aware instants, at C speed; None for anything else, and where a float would blur milliseconds."""
    if set(map(type, values)) != {datetime}:
        return None
    instants: list[datetime] = values  # type: ignore[assignment]  # just checked
    if None in set(map(_time_zone, instants)):
        return None
    seconds = np.fromiter(map(datetime.timestamp, instants), np.float64, len(instants))
    return seconds if (np.abs(seconds) < _FINE_SECONDS).all() else None


def _checked(milliseconds: Floats) -> tuple[Ints, Mask]:
    bad = ~((milliseconds >= _FIRST_MS) & (milliseconds <= _LAST_MS))
    usable = np.where(bad, 0.0, milliseconds)
    whole = np.floor(usable)
    whole += usable - whole >= _ALMOST_NEXT
    return whole.astype(np.int64), bad


def _milliseconds(value: datetime | float) -> float:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - EPOCH) // MILLISECOND
    return value if abs(value) > SECONDS_UP_TO else value * 1_000
