"""Times of the week, month and year at which a route does not tell, by the clocks of a zone. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last whole number, both included."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Days of the month, both included; a negative one counts from the end, -1 being the last day.

    Beyond the end of a short month the span is cut: 28 to 31 is 28 to 30 in April, and 30 to 31 is no
    day of February.
    """

    first: int
    last: int

    def holds(self, local: datetime) -> bool:
        """Whether the local day is one of them."""
        days = calendar.monthrange(local.year, local.month)[1]
        first = self.first if self.first > 0 else max(1, days + 1 + self.first)
        last = self.last if self.last > 0 else days + 1 + self.last
        return first <= local.day <= last


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """Minutes after local midnight, the start included, the end excluded."""

    start: int
    end: int

    def holds(self, local: datetime) -> bool:
        """Whether the wall clock shows one of them."""
        return self.start <= local.hour * 60 + local.minute < self.end


@dataclass(frozen=True, slots=True)
class Interval:
    """Instants at which all the given conditions hold; a condition that is not given always does.

    What counts is what a wall clock in the zone shows. So an hour that the clocks repeat in autumn is
    inside twice, and one that they skip in spring never comes: 02:00 to 03:00 is then empty.
    """

    zone: ZoneInfo
    times: tuple[ClockSpan, ...] = ()
    weekdays: tuple[Span, ...] = ()  # Monday is 0
    days_of_month: tuple[DaySpan, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()

    def holds(self, now: datetime) -> bool:
        """Whether this aware instant is inside."""
        local = now.astimezone(self.zone)
        return (
            _any(local.year in span for span in self.years)
            and _any(local.month in span for span in self.months)
            and _any(span.holds(local) for span in self.days_of_month)
            and _any(local.weekday() in span for span in self.weekdays)
            and _any(span.holds(local) for span in self.times)
        )


@dataclass(frozen=True, slots=True)
class MuteTime:
    """A named set of intervals."""

    name: str
    intervals: tuple[Interval, ...]

    def holds(self, now: datetime) -> bool:
        """Whether the instant is in one of them."""
        return any(interval.holds(now) for interval in self.intervals)


def _any(answers: Iterable[bool]) -> bool:
    """Also true when there is nothing to ask."""
    heard = tuple(answers)
    return not heard or any(heard)
