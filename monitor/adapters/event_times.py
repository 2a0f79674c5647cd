"""Event times as producers write them, as milliseconds since the epoch."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from monitor.domain.time import EPOCH, MILLISECOND
from monitor.stats.columns import Floats, Ints, Mask

SECONDS_UP_TO = 1e11
"""A larger number counts milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973."""

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999, what a datetime can say."""

_ALMOST_NEXT = 0.9995
"""Seconds with decimals miss their millisecond by less than a microsecond: so close to the next, it is meant."""


def event_times_ms(values: Sequence[datetime | float]) -> tuple[Ints, Mask]:
    """Milliseconds since the epoch, rounded down, and which values are no instant of the years 1 to 9999.

    Exact to the microsecond: a time written with decimals stays in the millisecond that it says.
    """
    try:
        numbers = np.fromiter(values, np.float64, len(values))  # a datetime: TypeError
    except TypeError:
        numbers = np.fromiter(map(_milliseconds, values), np.float64, len(values))
        return _checked(numbers)
    with np.errstate(over="ignore"):
        return _checked(np.where(np.abs(numbers) > SECONDS_UP_TO, numbers, numbers * 1_000))


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
