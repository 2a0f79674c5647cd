"""Silences: a person's decision not to be told of some alerts until a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from alerts.errors import SilenceRefused
from alerts.model import Alert, Muted, MuteReason, content_id
from alerts.routing import Matcher, routable

SilenceId = NewType("SilenceId", str)

LONGEST = timedelta(days=90)
"""What must stay quiet for longer should be a mute time, or no rule at all."""


class SilenceState(StrEnum):
    """Where a silence stands."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that all matchers accept are not told from `starts_at` until, and without, `ends_at`."""

    id: SilenceId
    matchers: tuple[Matcher, ...]
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime

    def state(self, now: datetime) -> SilenceState:
        """Pending before its start, expired from its end on."""
        if now >= self.ends_at:
            return SilenceState.EXPIRED
        return SilenceState.ACTIVE if now >= self.starts_at else SilenceState.PENDING

    def accepts(self, alert: Alert) -> bool:
        """Whether it concerns this alert, whatever the time."""
        labels = routable(alert.labels, alert.severity)
        return all(matcher.accepts(labels) for matcher in self.matchers)

    def __str__(self) -> str:
        return f"silence {self.id[:8]} by {self.author} until {self.ends_at:%Y-%m-%d %H:%M:%S} UTC: {self.reason}"


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """What a person asks for."""

    matchers: tuple[Matcher, ...]
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime


def make(request: SilenceRequest, now: datetime) -> Silence:
    """Grant a request; raises SilenceRefused, which says what to write instead.

    The id derives from the content and the instant, so a request repeated at once is the same silence.
    """
    _check_matchers(request.matchers)
    for name, text in (("an author", request.author), ("a reason", request.reason)):
        if not text.strip():
            raise SilenceRefused(f"a silence needs {name}: whoever finds it must know whom to ask and why")
    _check_times(request.starts_at, request.ends_at, now)
    parts = (*map(str, request.matchers), request.author, request.reason)
    times = (request.starts_at.isoformat(), request.ends_at.isoformat(), now.isoformat())
    return Silence(
        id=SilenceId(content_id(*parts, *times)),
        matchers=request.matchers,
        author=request.author.strip(),
        reason=request.reason.strip(),
        starts_at=max(request.starts_at, now),
        ends_at=request.ends_at,
        created_at=now,
    )


def with_end(silence: Silence, ends_at: datetime, now: datetime) -> Silence:
    """Move the end, to `now` to end it; all that may change once it is active. An expired one never changes."""
    if silence.state(now) is SilenceState.EXPIRED:
        raise SilenceRefused(f"silence {silence.id} is over; it stays as it was: add a new one")
    if ends_at <= now:
        return replace(silence, starts_at=min(silence.starts_at, now), ends_at=now)
    _check_times(silence.starts_at, ends_at, now)
    return replace(silence, ends_at=ends_at)


@dataclass(frozen=True, slots=True)
class Silencer:
    """The silences that are active at one instant, the longest first."""

    active: tuple[Silence, ...] = ()

    @classmethod
    def of(cls, silences: Iterable[Silence], now: datetime) -> Silencer:
        """Keep the active ones."""
        active = (silence for silence in silences if silence.state(now) is SilenceState.ACTIVE)
        return cls(tuple(sorted(active, key=lambda one: (one.ends_at, one.id), reverse=True)))

    def muted(self, alert: Alert) -> Muted | None:
        """Why this alert is muted, by the silence that lasts longest; None when it is not."""
        found = next((silence for silence in self.active if silence.accepts(alert)), None)
        return None if found is None else Muted(MuteReason.SILENCED, str(found))


def _check_matchers(matchers: tuple[Matcher, ...]) -> None:
    if all(matcher.accepts({}) for matcher in matchers):
        said = " and ".join(map(str, matchers)) or "no matcher"
        raise SilenceRefused(f"{said} would silence everything; name what to silence, like model=churn")


def _check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if ends_at <= max(starts_at, now):
        raise SilenceRefused(f"the end {ends_at.isoformat()} is not after its start and the present")
    if ends_at - starts_at > LONGEST:
        raise SilenceRefused(
            f"a silence lasts at most {LONGEST.days} days; for what is never to be told at some times use mute_times"
        )
