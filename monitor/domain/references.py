"""What a check compares a window with when it is not the baseline: other stored windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.time import format_duration, format_instant
from monitor.domain.windows import Window

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Against:
    """Stored windows of the same model; exactly one of the kinds is given.

    Rolling ones follow the window: `previous` (so many windows before it), `trailing` (a stretch of that length that
    ends `offset` before it), `weeks` (the same hours of so many weeks before). Fixed ones: `version` or `segment` (the
    same window of another version, or of another segment), `since` to `until`. Of event times in `excluded`,
    [since, until), nothing is taken.
    """

    previous: int = 0
    trailing: timedelta | None = None
    offset: timedelta = timedelta(0)
    weeks: int = 0
    version: str = ""
    segment: str = ""
    since: datetime | None = None
    until: datetime | None = None
    excluded: Sequence[tuple[datetime, datetime]] = ()

    @property
    def is_rolling(self) -> bool:
        """Whether it moves on with the window: then it must not take in what has drifted."""
        return bool(self.previous or self.trailing or self.weeks)

    @property
    def excluded_windows(self) -> list[Window]:
        """What is left out, as windows."""
        return [Window(since, until) for since, until in self.excluded]

    def __str__(self) -> str:
        """In words that end a check's name."""
        if self.trailing is not None:
            gap = f" until {format_duration(self.offset)} before" if self.offset else " before"
            return f"the {format_duration(self.trailing)}{gap}"
        if self.since is not None and self.until is not None:
            return f"{format_instant(self.since)} to {format_instant(self.until)}"
        if self.previous:
            return "the window before" if self.previous == 1 else f"the {self.previous} windows before"
        if self.weeks:
            return f"the same hours of {self.weeks} week{'' if self.weeks == 1 else 's'}"
        return f"version {self.version}" if self.version else f"segment {self.segment}"

    def stretches(self, window: Window) -> list[Window]:
        """Their event times, for a check on this window; oldest first."""
        start, size = window.start, window.end - window.start
        if self.trailing is not None:
            return [Window(start - self.offset - self.trailing, start - self.offset)]
        if self.since is not None and self.until is not None:
            return [Window(self.since, self.until)]
        if self.previous:
            return [Window(start - self.previous * size, start)]
        if self.weeks:
            return [Window(start - n * WEEK, window.end - n * WEEK) for n in range(self.weeks, 0, -1)]
        return [window]
