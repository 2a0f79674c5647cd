"""Incidents as people handle them: look, acknowledge, assign, note, mark, silence, resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from alerts.errors import UnknownIncident
from alerts.incidents import Case, Change, Incident, IncidentEvent, Marks, Step, advance, decide, marks_by, sentence
from alerts.model import Alert, DeliveryId, Group, Notification, NotifyReason, Told, content_id
from alerts.ports import Clock, Transaction
from alerts.render.document import compose, dump_message
from alerts.routing import Matcher, Operator
from alerts.settings import format_duration
from alerts.silences import SilenceRequest, make
from alerts.storage import incidents, outbox, silences, sql
from alerts.storage.outbox import Queued

Followers = Mapping[str, frozenset[Change]]
"""The channels that show what people do, by name, with the changes that each wants to hear of."""


@dataclass(frozen=True, slots=True)
class History:
    """An incident with its alerts and everything that happened to it, oldest first."""

    case: Case
    events: tuple[IncidentEvent, ...]


@dataclass(frozen=True, slots=True)
class IncidentBook:
    """The incidents in one database; an id may be given by its beginning.

    Every step is one transaction: the history, where the incident stands, and the messages that show it.
    """

    transaction: Transaction
    clock: Clock
    followers: Followers = field(default_factory=dict)

    def listed(self, *, is_all: bool = False, limit: int = 100) -> list[Case]:
        """Those that are not resolved, or all, the latest first."""
        with self.transaction() as conn:
            return incidents.listed_incidents(conn, limit, only_unresolved=not is_all)

    def shown(self, beginning: str) -> History:
        """One incident with its history; raises UnknownIncident."""
        with self.transaction() as conn:
            case = _only(conn, beginning)
            return History(case, tuple(incidents.events_of(conn, case.incident.id)))

    def since(self, instant: datetime) -> list[Case]:
        """Every incident opened since an instant, or not resolved before it, oldest first."""
        with self.transaction() as conn:
            return incidents.incidents_since(conn, instant)

    def marks(
        self, label: str, since: datetime, is_counted: Callable[[Mapping[str, str]], bool] | None = None
    ) -> Mapping[str, Marks]:
        """How incidents since an instant were marked, by the values of a label among the alerts that are counted."""
        return marks_by(self.since(since), label, is_counted)

    def take(self, beginning: str, step: Step) -> Incident:
        """Take a person's step; raises UnknownIncident, or IncidentRefused where it cannot be taken.

        A step with a key that came before changes nothing.
        """
        with self.transaction() as conn:
            sql.take_turn(conn)
            return self._take(conn, _only(conn, beginning), step)

    def silence(self, beginning: str, step: Step, lasts: timedelta) -> Incident:
        """Silence what the alerts of an incident have in common; raises SilenceRefused, too.

        The silence is for as long from now, by the person and for the reason of the step.
        """
        now = self.clock.now()
        said = replace(step, change=Change.SILENCED, value=format_duration(lasts))
        with self.transaction() as conn:
            sql.take_turn(conn)
            case = _only(conn, beginning)
            if not _is_taken(conn, case, said, now):
                why = step.reason or f"incident {case.incident.id[:8]}: {case.incident.title}"
                wanted = SilenceRequest(_shared(case), step.by, why, now, now + lasts)
                silences.put_silence(conn, make(wanted, now))
            return self._take(conn, case, said)

    def _take(self, conn: sa.Connection, case: Case, step: Step) -> Incident:
        now = self.clock.now()
        if _is_taken(conn, case, step, now):
            return case.incident
        event = decide(case.incident, step, now)
        after = Case(advance(case.incident, event), case.alerts)
        incidents.add_events(conn, [event])
        incidents.put_incidents(conn, [after.incident])
        messages = [_notice(home, members, event) for home, members in self._homes(conn, after, event)]
        queued = [Queued(one, dump_message(compose(one, after.incident))) for one in messages if one is not None]
        outbox.enqueue_all(conn, queued)
        return after.incident

    def _homes(self, conn: sa.Connection, case: Case, event: IncidentEvent) -> Iterator[tuple[_Home, list[Alert]]]:
        """The channels that can show what happened and have told of the group, with the alerts of the incident."""
        state = sql.told_generation(conn, case.incident.group_key, case.incident.generation)
        if state is None:
            return
        named = {one.name for one in case.alerts}
        known = sql.latest_alerts(conn, (one.fingerprint for one in case.alerts)).values()
        members = [alert for alert in known if (alert.fingerprint, alert.occurrence) in named]
        for channel, told in state.told.items():
            if told.told_at is not None and event.change in self.followers.get(channel, ()):
                yield _Home(state.group, channel, told), members


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a group was told of, and what."""

    group: Group
    channel: str
    told: Told


def _notice(home: _Home, members: list[Alert], event: IncidentEvent) -> Notification | None:
    """A quiet message that shows what happened, about what the channel knows already; None where it knows nothing."""
    told, at = home.told, event.at
    firing = tuple(one for one in members if one.fingerprint in told.firing and one.is_firing(at))
    known = told.resolved.union(told.believed)
    resolved = tuple(one for one in members if one.fingerprint in known and not one.is_firing(at))
    if not firing and not resolved:
        return None
    parts = (home.group.key, str(home.group.generation), home.channel, "incident", event.id)
    return Notification(
        id=DeliveryId(content_id(*parts)),
        group=home.group,
        channel=home.channel,
        reason=NotifyReason.HANDLED,
        firing=firing,
        resolved=resolved,
        at=at,
        muted=sum(one.fingerprint in told.muted and one.is_firing(at) for one in members),
        is_quiet=True,
        handled=sentence(event),
    )


def _is_taken(conn: sa.Connection, case: Case, step: Step, at: datetime) -> bool:
    return bool(step.key) and incidents.is_known(conn, step.event(case.incident.id, at))


def _shared(case: Case) -> tuple[Matcher, ...]:
    """What a silence has to match: the labels that all alerts of the incident have alike."""
    first, *others = case.alerts
    alike = {pair for pair in first.labels.pairs if all(pair in one.labels.pairs for one in others)}
    return tuple(Matcher(name, Operator.EQUAL, value) for name, value in sorted(alike))


def _only(conn: sa.Connection, beginning: str) -> Case:
    if not beginning:
        raise UnknownIncident("say which incident: its id, or the beginning of it; list them with their ids first")
    found = incidents.incidents_beginning_with(conn, beginning)
    if len(found) == 1:
        return found[0]
    fault = "several incidents have ids that begin" if found else "no incident has an id that begins"
    raise UnknownIncident(f"{fault} with {beginning!r}; list them with their ids first")
