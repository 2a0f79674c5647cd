"""When a digest is due, by the clocks of a zone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.routing import Matcher

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Digest:
    """A summary that is told every day, or every week on one weekday (0 is Monday), of the alerts that match."""

    name: str
    channels: tuple[str, ...]
    at: time
    zone: ZoneInfo
    weekday: int | None = None
    matchers: tuple[Matcher, ...] = ()

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{'Daily' if self.weekday is None else 'Weekly'} digest: {self.name}"

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is told of in it."""
        return all(matcher.accepts(labels) for matcher in self.matchers)

    def latest(self, now: datetime) -> datetime:
        """The last time, in UTC, at or before an instant at which it was due.

        A time that the clocks skip in spring is as far after midnight as on other days; of one that they repeat in
        autumn the first counts. So every local day has exactly one.
        """
        day = now.astimezone(self.zone).date() + _DAY
        while True:
            due = datetime.combine(day, self.at, self.zone).astimezone(UTC)
            if due <= now and self.weekday in {None, day.weekday()}:
                return due
            day -= _DAY


@dataclass(frozen=True, slots=True)
class Period:
    """What one digest is about: from the end of the one before to when it was due."""

    since: datetime
    until: datetime


def due_period(digest: Digest, told_until: datetime, now: datetime) -> Period | None:
    """What is to be told now; None when it was. What was missed while nothing ran is in one digest."""
    latest = digest.latest(now)
    return Period(told_until, latest) if latest > told_until else None
