"""Silences as people handle them: add, look, move the end, and see beforehand what would be hidden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.errors import SilenceRefused
from alerts.model import Alert
from alerts.ports import Clock, Transaction
from alerts.routing import Matcher, routable
from alerts.silences import Silence, SilenceRequest, make, with_end
from alerts.storage import silences, sql


@dataclass(frozen=True, slots=True)
class Preview:
    """The alerts that fire now: those that matchers would hide, and how many they would not."""

    hidden: tuple[Alert, ...]
    others: int


@dataclass(frozen=True, slots=True)
class SilenceBook:
    """The silences in one database. What is written here counts from the next tick on."""

    transaction: Transaction
    clock: Clock

    def add(self, request: SilenceRequest) -> Silence:
        """Store a silence; raises SilenceRefused."""
        silence = make(request, self.clock.now())
        with self.transaction() as conn:
            sql.take_turn(conn)
            silences.put_silence(conn, silence)
        return silence

    def move_end(self, beginning: str, ends_at: datetime | None = None) -> Silence:
        """Give the silence whose id begins like this another end, by default the present; raises SilenceRefused."""
        now = self.clock.now()
        with self.transaction() as conn:
            sql.take_turn(conn)
            changed = with_end(_only(silences.silences_beginning_with(conn, beginning), beginning), ends_at or now, now)
            silences.put_silence(conn, changed)
        return changed

    def listed(self, *, is_all: bool = False, limit: int = 100) -> list[Silence]:
        """Those that are not over, the first to end first; or all, the first to end last."""
        with self.transaction() as conn:
            if is_all:
                return silences.all_silences(conn, limit)
            return silences.silences_ending_after(conn, self.clock.now())[:limit]

    def preview(self, matchers: tuple[Matcher, ...]) -> Preview:
        """What matchers would hide of that which fires now."""
        with self.transaction() as conn:
            firing = sql.firing_alerts(conn, self.clock.now())
        hidden = tuple(alert for alert in firing if _accepted(matchers, alert))
        return Preview(hidden, len(firing) - len(hidden))


def _accepted(matchers: tuple[Matcher, ...], alert: Alert) -> bool:
    labels = routable(alert.labels, alert.severity)
    return all(matcher.accepts(labels) for matcher in matchers)


def _only(found: list[Silence], beginning: str) -> Silence:
    if not beginning:
        raise SilenceRefused("say which silence: its id, or the beginning of it; list them with their ids first")
    if len(found) == 1:
        return found[0]
    fault = f"{len(found)} silences have ids that begin" if found else "no silence has an id that begins"
    raise SilenceRefused(f"{fault} with {beginning!r}; list them with their ids first")
