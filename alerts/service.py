"""The facade: alert events in (`accept`), plans (`tick`), messages out (`dispatch`), and what happened."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from alerts import grouping, pipeline, routing
from alerts.config import AlertsConfig
from alerts.delivery import Dispatcher, DispatchSummary
from alerts.errors import UnknownDelivery
from alerts.heartbeat import Heartbeat
from alerts.lifecycle import FoldOutcome, fold, settle
from alerts.model import (
    Alert,
    AlertEvent,
    Decision,
    Delivery,
    DeliveryId,
    DeliveryState,
    Fingerprint,
    GroupKey,
    Labels,
    Muted,
    Severity,
    Told,
)
from alerts.muting import stages_at
from alerts.pacing import Health
from alerts.pipeline import GroupState, Planned, Setting, Stage
from alerts.ports import Channel, Clock, Transaction
from alerts.render.document import compose, dump_message
from alerts.routing import Matcher
from alerts.silence_book import SilenceBook
from alerts.storage import decisions, health, outbox, retention, sql
from alerts.storage.outbox import Attempt
from alerts.storage.silences import silences_ending_after

_FOLD_LIMIT = 10_000  # events folded in one transaction; the rest waits for the next tick


@dataclass(frozen=True, slots=True)
class TickSummary:
    """What one tick came to: events folded, messages planned, groups that are over."""

    folded: int = 0
    planned: int = 0
    finished: int = 0


class AlertService:
    """Everything that a program needs of this package; any number of processes may share one database.

    Nothing happens by itself: call `tick` and `dispatch` as often as messages should be prompt, in any
    process, at any time, even at once. Doubled calls do no harm: planning takes turns, every message
    has an id made of what it is about, and a delivery is leased to one sender at a time.
    """

    def __init__(
        self,
        database: sa.Engine | Transaction,
        config: AlertsConfig,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        owner: str | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """Work on a database whose tables are there (`alerts.storage.migrate.upgrade`)."""
        self._transaction: Transaction = database.begin if isinstance(database, sa.Engine) else database
        self._root = config.root
        self._routes = {route.key: route for route in config.root.walk()}
        self._wants = {name: settings.send_resolved for name, settings in config.channels.items()}
        self._clock = clock
        self._muting = config.muting
        self._settle_for = config.settle_for
        self.silences = SilenceBook(self._transaction, clock)
        name = owner or f"{socket.gethostname()}-{os.getpid()}"
        self._heartbeat = heartbeat
        self._dispatcher = Dispatcher(self._transaction, dict(channels), config.policy, clock, name)

    def accept(self, events: Sequence[AlertEvent]) -> int:
        """Keep events; how many were news. An event that equals one accepted before is not news."""
        with self._transaction() as conn:
            return sql.put_events(conn, events, self._clock.now())

    def tick(self, now: datetime | None = None) -> TickSummary:
        """Fold what arrived, decide who is told what, and put the messages on their way: one transaction.

        After a pause in which announced ends of alerts have passed, it only folds for `settle_for`: their
        sources could not be heard, and an alert that explains others may come in after those.
        """
        at = now or self._clock.now()
        with self._transaction() as conn:
            sql.take_turn(conn)
            is_held = self._hold(conn, at)
            folded = self._fold(conn, at)
            planned = [] if is_held else self._plan_all(conn, at)
        messages = sum(len(plan.notifications) for plan in planned)
        return TickSummary(folded, messages, sum(plan.is_finished for plan in planned))

    def dispatch(self, now: datetime | None = None, limit: int = 100) -> DispatchSummary:
        """Send at most `limit` messages that are due."""
        return self._dispatcher.dispatch(now or self._clock.now(), limit)

    def beat(self) -> bool:
        """Call the address of the heartbeat, if there is one and it is time: to be called after `tick` and `dispatch`.

        Not while every channel is left alone because it fails: whoever listens to it is then the last to tell.
        """
        if self._heartbeat is None:
            return False
        left_alone = {one.channel for one in self.channel_health() if one.open_until is not None}
        return not left_alone.issuperset(self._wants) and self._heartbeat.beat(self._clock.now())

    def channel_health(self) -> list[Health]:
        """How every channel that was used does."""
        with self._transaction() as conn:
            return health.all_health(conn)

    def open_alerts(self) -> list[Alert]:
        """The alerts that fire, oldest first, as of the last tick."""
        with self._transaction() as conn:
            return sql.firing_alerts(conn, self._clock.now())

    def muted(self) -> Mapping[Fingerprint, Muted]:
        """The alerts that somebody was not told of at the last tick, and why: of several reasons, one."""
        with self._transaction() as conn:
            logs = [log for state in sql.active_groups(conn).values() for log in state.told.values()]
        return {name: why for log in logs for name, why in log.muted.items()}

    def history(self, limit: int = 100) -> list[Alert]:
        """Every occurrence, the latest first."""
        with self._transaction() as conn:
            return sql.all_alerts(conn, limit)

    def deliveries(self, state: DeliveryState | None = None, limit: int = 100) -> list[Delivery]:
        """Deliveries, the latest first, of one state or of all."""
        with self._transaction() as conn:
            return outbox.listed(conn, state, limit)

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """Every try of one delivery, in order."""
        with self._transaction() as conn:
            return outbox.attempts_of(conn, DeliveryId(delivery_id))

    def decisions(self, group_key: str | None = None, limit: int = 100) -> list[Decision]:
        """Why channels were told, or were not, the latest first; a reason that lasts is written once."""
        with self._transaction() as conn:
            return decisions.listed_decisions(conn, [GroupKey(group_key)] if group_key else None, limit)

    def why_not(self, matchers: tuple[Matcher, ...] = (), limit: int = 100) -> list[Decision]:
        """Why nobody was told of alerts that the matchers accept, the latest first; of all, without matchers.

        Each decision is about a group of theirs and one channel; a message that was sent and left muted
        alerts out is among them. As far back as `prune` has left it.
        """
        with self._transaction() as conn:
            keys = self._groups_of(conn, matchers) if matchers else None
            return decisions.listed_decisions(conn, keys, limit, only_untold=True)

    def replay(self, delivery_id: str) -> None:
        """Send a dead or a sent delivery again, with a new period of grace; raises UnknownDelivery."""
        with self._transaction() as conn:
            if not outbox.replay(conn, DeliveryId(delivery_id), self._clock.now()):
                msg = f"no delivery {delivery_id!r} that is sent or dead; list them with `deliveries`"
                raise UnknownDelivery(msg)

    def next_dispatch_at(self) -> datetime | None:
        """When the next delivery may be tried; None when nothing is on its way."""
        with self._transaction() as conn:
            return outbox.next_due_at(conn)

    def explain(self, labels: Labels, severity: Severity) -> tuple[routing.Step, ...]:
        """Which routes an alert with these labels would take, and why not the others."""
        return routing.explain(self._root, routing.routable(labels, severity))

    def prune(self, before: datetime) -> int:
        """Forget what was finished before an instant; the number of rows dropped."""
        with self._transaction() as conn:
            sql.take_turn(conn)
            return retention.prune(conn, before)

    def _groups_of(self, conn: sa.Connection, matchers: tuple[Matcher, ...]) -> set[GroupKey]:
        alerts = (
            alert
            for alert in sql.all_alerts(conn, _FOLD_LIMIT)
            if all(matcher.accepts(routing.routable(alert.labels, alert.severity)) for matcher in matchers)
        )
        return {home.key for alert in alerts for home in grouping.homes(self._root, alert, alert.first_seen_at)}

    def _hold(self, conn: sa.Connection, now: datetime) -> bool:
        """Whether nothing may be told yet, since sources may not have been heard after a pause."""
        turns = sql.turns(conn)
        last, until = turns.taken_at, turns.held_until
        if last is not None and now - last > self._settle_for and sql.is_any_ended(conn, last, now):
            until = now + self._settle_for
        sql.put_turns(conn, sql.Turns(now, until))
        return until is not None and now < until

    def _fold(self, conn: sa.Connection, now: datetime) -> int:
        waiting = sql.unfolded(conn, _FOLD_LIMIT)
        active = sql.active_groups(conn)
        alerts = sql.latest_alerts(conn, (received.event.labels.fingerprint for received in waiting))
        member_names = {alert.fingerprint for state in active.values() for alert in state.members}
        changed: dict[tuple[Fingerprint, int], Alert] = {}
        outcomes: dict[int, FoldOutcome] = {}
        for received in waiting:
            name = received.event.labels.fingerprint
            before = alerts.get(name)
            folded = fold(before, received.event, received.received_at)
            alert = folded.alert
            if folded.outcome in {FoldOutcome.OPENED, FoldOutcome.REOPENED} and name in member_names:
                alert = replace(alert, flaps=before.flaps + 1 if before else 1)
            alerts[name] = changed[name, alert.occurrence] = alert
            outcomes[received.seq] = folded.outcome
            if alert.is_firing(received.received_at):
                self._join(conn, active, alert, received.received_at)
                member_names.add(name)
        self._adopt(conn, active, now)
        sql.put_alerts(conn, changed.values())
        sql.mark_folded(conn, outcomes)
        return len(waiting)

    def _join(self, conn: sa.Connection, active: dict[GroupKey, GroupState], alert: Alert, at: datetime) -> None:
        """Make an alert a member of its groups, opening those that are not open."""
        for home in grouping.homes(self._root, alert, at):
            if home.key not in active:
                former = sql.finished_group(conn, home.key)
                group = grouping.reopen(former, at) if former else home
                sql.open_group(conn, group)
                active[home.key] = GroupState(group, ())
            state = active[home.key]
            others = tuple(member for member in state.members if member.fingerprint != alert.fingerprint)
            active[home.key] = replace(state, members=(*others, alert))
            sql.join_group(conn, home.key, alert.fingerprint, at)

    def _adopt(self, conn: sa.Connection, active: dict[GroupKey, GroupState], now: datetime) -> None:
        """Find new homes for alerts whose route was removed from the configuration."""
        orphans = [state for state in active.values() if state.group.route not in self._routes]
        for state in orphans:
            for alert in state.members:
                if alert.is_firing(now):
                    self._join(conn, active, alert, now)

    def _plan_all(self, conn: sa.Connection, now: datetime) -> list[Planned]:
        explaining = sql.firing_alerts(conn, now) if self._muting.inhibit else ()
        stages = stages_at(self._muting, explaining, silences_ending_after(conn, now), now)
        return [self._plan(conn, state, now, stages) for state in sql.active_groups(conn).values()]

    def _plan(self, conn: sa.Connection, state: GroupState, now: datetime, stages: tuple[Stage, ...]) -> Planned:
        settled = [settle(alert, now) for alert in state.members]
        sql.put_alerts(conn, (after for before, after in zip(state.members, settled, strict=True) if before != after))
        planned = pipeline.plan(state, Setting(self._routes, self._wants), now, stages)
        for notification in planned.notifications:
            outbox.enqueue(conn, notification, dump_message(compose(notification)))
        for decision in planned.decisions:
            if decision.is_told or _is_new(state.told.get(decision.channel, _UNTOLD), planned.told[decision.channel]):
                decisions.put_decision(conn, decision)
        for channel, log in planned.told.items():
            if log != state.told.get(channel):
                sql.put_told(conn, state.group, channel, log)
        if planned.group != state.group or planned.left or planned.is_finished:
            sql.put_group(conn, planned.group, planned.left, now if planned.is_finished else None)
        return planned


_UNTOLD = Told()


def _is_new(before: Told, after: Told) -> bool:
    """Whether the reason has changed, or what is muted and why: a reason that lasts is written once."""
    return (before.decision, before.muted) != (after.decision, after.muted)
