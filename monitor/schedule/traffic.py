"""How many records a window usually has: the same hours of the weeks before, by the model's own history."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from monitor.domain.windows import Window

WEEKS = 8
"""How many weeks are looked back on."""

LEAST_WEEKS = 2
"""Before so many weeks are known, nothing is usual."""

_HOUR_MS, _WEEK_MS = 3_600_000, 7 * 24 * 3_600_000
_SURELY = 3.0
"""A shortfall smaller than so many standard deviations of a Poisson count may be chance."""

Span = tuple[int, int]
"""Milliseconds since the epoch, [start, end)."""


@dataclass(frozen=True, slots=True)
class Usual:
    """The traffic of a window as it usually is: the median over `weeks` weeks, in records."""

    records: float
    weeks: int

    def is_low(self, n: int, share: float) -> bool:
        """Whether n records are fewer than this share of the usual, and too few to be so by chance."""
        return n < share * self.records and self.records - n > _SURELY * sqrt(self.records)


def earlier_spans(window: Window) -> list[Span]:
    """The whole hours of the week that hold the window, in each of the `WEEKS` weeks before, the newest first."""
    start_ms = window.start_ms // _HOUR_MS * _HOUR_MS
    end_ms = -(-window.end_ms // _HOUR_MS) * _HOUR_MS
    return [(start_ms - week * _WEEK_MS, end_ms - week * _WEEK_MS) for week in range(1, WEEKS + 1)]


def usual(window: Window, earlier: Sequence[int | None]) -> Usual | None:
    """What is usual by the records of `earlier_spans` (None: the model was not there); None while too few are known.

    >>> from monitor.domain.windows import WindowSpec
    >>> from datetime import timedelta
    >>> quarter = WindowSpec(timedelta(minutes=15), timedelta(minutes=15)).starting(0)
    >>> usual(quarter, [400, 480, 40, None])
    Usual(records=100.0, weeks=3)
    """
    known = [n for n in earlier if n is not None]
    if len(known) < LEAST_WEEKS:
        return None
    start_ms, end_ms = earlier_spans(window)[0]
    share = (window.end_ms - window.start_ms) / (end_ms - start_ms)
    return Usual(median(known) * share, len(known))
