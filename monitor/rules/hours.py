"""Times at which a rule is not judged, by the clocks of a zone."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from monitor.domain.rules import Hours
from monitor.domain.windows import Window

DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)


def cover(hours: Hours, window: Window) -> bool:
    """Whether at least half of the window lies in these hours."""
    inside = sum((_overlap(window, start, end) for start, end in _spans(hours, window)), timedelta(0))
    return 2 * inside >= window.end - window.start


def _spans(hours: Hours, window: Window) -> Iterator[tuple[datetime, datetime]]:
    """The hours of every local day that the window touches; an hour that the clocks repeat belongs to both times."""
    day = window.start.astimezone(hours.zone).date()
    while day <= window.end.astimezone(hours.zone).date():
        if _is_on(hours, day):
            yield _at(hours, day, hours.start), _at(hours, day, hours.end).replace(fold=1)
        day += _DAY


def _is_on(hours: Hours, day: date) -> bool:
    after_first = hours.first is None or hours.first <= day
    return day.weekday() in hours.weekdays and after_first and (hours.last is None or day <= hours.last)


def _at(hours: Hours, day: date, minutes: int) -> datetime:
    if minutes == DAY_MINUTES:
        return datetime.combine(day + _DAY, time(0), hours.zone)
    return datetime.combine(day, time(minutes // 60, minutes % 60), hours.zone)


def _overlap(window: Window, start: datetime, end: datetime) -> timedelta:
    # seconds of the epoch: two wall clocks of one zone would be subtracted without their change of offset
    first = max(window.start.timestamp(), start.timestamp())
    last = min(window.end.timestamp(), end.timestamp())
    return timedelta(seconds=max(0.0, last - first))
