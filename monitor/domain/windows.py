"""Event-time windows: half-open, UTC, aligned to the epoch; sliding windows are runs of tumbling panes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from monitor.domain.time import duration_ms, format_instant, from_ms, to_ms


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The event times `start <= t < end`, both aware UTC."""

    start: datetime
    end: datetime

    @property
    def start_ms(self) -> int:
        """Start in milliseconds since the epoch."""
        return to_ms(self.start)

    @property
    def end_ms(self) -> int:
        """End (exclusive) in milliseconds since the epoch."""
        return to_ms(self.end)

    def __str__(self) -> str:
        """`start/end` in RFC 3339, the ISO 8601 interval form."""
        return _interval(self.start, self.end)


@lru_cache(maxsize=1_024)
def _interval(start: datetime, end: datetime) -> str:
    """All findings of a window have its text in their ids."""
    return f"{format_instant(start)}/{format_instant(end)}"


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """Windows of `size`, one starting every `slide`; tumbling when both are equal.

    The stream is folded into *panes*: tumbling pieces of length `slide`. A window is the merge of `size / slide`
    panes, so a record is profiled once however many windows hold it. `size` must be a multiple of `slide`.
    Window k covers [k * slide, k * slide + size) since the epoch.
    """

    size: timedelta
    slide: timedelta

    def __post_init__(self) -> None:
        """Refuse a slide that does not divide the size."""
        if self.slide <= timedelta(0) or self.size % self.slide:
            raise ValueError(f"window size {self.size} must be a positive multiple of its slide {self.slide}")

    @property
    def slide_ms(self) -> int:
        """Length of a pane, in milliseconds."""
        return duration_ms(self.slide)

    @property
    def size_ms(self) -> int:
        """Length of a window, in milliseconds."""
        return duration_ms(self.size)

    def pane_start_ms(self, event_time_ms: int) -> int:
        """Start of the pane that holds the instant."""
        return event_time_ms // self.slide_ms * self.slide_ms

    def holding_pane(self, pane_start_ms: int) -> list[Window]:
        """The windows that hold a pane, earliest first."""
        panes = self.size_ms // self.slide_ms
        return [self.starting(pane_start_ms - k * self.slide_ms) for k in range(panes - 1, -1, -1)]

    def starting(self, start_ms: int) -> Window:
        """The window that starts at the (aligned) instant."""
        return Window(from_ms(start_ms), from_ms(start_ms + self.size_ms))

    def closed_between(self, after_ms: int, until_ms: int) -> Iterator[Window]:
        """Windows whose end e satisfies `after < e <= until`, earliest first."""
        first = (after_ms - self.size_ms) // self.slide_ms * self.slide_ms + self.slide_ms
        for start in range(first, until_ms - self.size_ms + 1, self.slide_ms):
            yield self.starting(start)
