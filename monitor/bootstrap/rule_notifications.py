"""Which messages alert events would lead to, by the real alerts package on a database in memory. Nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import alerts.config
import alerts.plugins
import alerts.storage.migrate
from alerts.errors import ConfigProblems
from alerts.render.document import Entry, load_message
from alerts.service import AlertService
from monitor.adapters.alert_relay import translated
from monitor.adapters.sql.engine import create_engine, writing
from monitor.bootstrap.alerting import CONSOLE_ONLY
from monitor.config.directory import ROUTES, Settings
from monitor.config.mistakes import ConfigMistakes
from monitor.domain.errors import ConfigError
from monitor.domain.rules import AlertEvent

_LATEST = 1_000
"""So many messages and decisions are looked at after each instant."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it is put on its way: when, where, why, and the names of its alerts."""

    at: datetime
    channel: str
    reason: str
    firing: tuple[str, ...]
    resolved: tuple[str, ...]


@dataclass(slots=True)
class _Hand:
    """A clock that stands where it was put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class _Listening:
    service: AlertService
    clock: _Hand
    seen: set[str] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)

    def tick(self, at: datetime) -> datetime | None:
        """Plan at this instant, and say when there is something to plan next."""
        self.clock.at = at
        self.service.tick(at)
        for delivery in sorted(self.service.deliveries(limit=_LATEST), key=lambda one: (one.created_at, one.channel)):
            if delivery.id not in self.seen:
                self.seen.add(delivery.id)
                entries = load_message(delivery.body).entries
                firing = tuple(_name(entry) for entry in entries if not entry.is_resolved)
                resolved = tuple(_name(entry) for entry in entries if entry.is_resolved)
                self.sent.append(Sent(delivery.created_at, delivery.channel, str(delivery.reason), firing, resolved))
        coming = [one.next_at for one in self.service.decisions(limit=_LATEST) if one.next_at and one.next_at > at]
        return min(coming, default=None)


def notifications(
    settings: Settings, told: Sequence[tuple[datetime, Sequence[AlertEvent]]], until: datetime
) -> list[Sent]:
    """The messages that routes.yaml makes of events that come at these instants, up to `until`, in order."""
    engine = create_engine("sqlite://")
    try:
        with writing(engine) as connection:
            alerts.storage.migrate.upgrade(connection)
        clock = _Hand(until)
        listening = _Listening(AlertService(engine, _config(settings), {}, clock), clock)
        upcoming: datetime | None = None
        for at, events in sorted(told, key=lambda one: one[0]):
            _advance(listening, upcoming, at)
            listening.tick(at)  # a running program has just looked: a time to tell updates that passed is past
            listening.service.accept([translated(event) for event in events])
            upcoming = listening.tick(at)
        _advance(listening, upcoming, until)
        return listening.sent
    finally:
        engine.dispose()


def _name(entry: Entry) -> str:
    """The rule's, and the segment where the alert is of one."""
    labels = {label.name: label.value for label in entry.labels}
    name = labels.get("alertname", entry.title)
    return f"{name} [{labels['segment']}]" if "segment" in labels else name


def _advance(listening: _Listening, upcoming: datetime | None, until: datetime) -> None:
    while upcoming is not None and upcoming < until:
        upcoming = listening.tick(upcoming)


def _config(settings: Settings) -> alerts.config.AlertsConfig:
    try:
        config = alerts.config.parse(settings.routes or CONSOLE_ONLY, alerts.plugins.discover())
        muting = replace(config.muting, budgets=())
        return replace(config, digests=(), muting=muting)  # what a rule leads to is tested, not what sums it up
    except ConfigProblems as found:
        path = settings.directory / ROUTES
        raise ConfigMistakes([ConfigError(str(problem), path) for problem in found.problems]) from found
