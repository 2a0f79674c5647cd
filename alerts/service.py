"""The facade: alert events in (`accept`), plans (`tick`), messages out (`dispatch`), and what happened."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alerts import grouping, routing
from alerts.answers import answers
from alerts.budget_book import BudgetBook, keep_budgets
from alerts.budget_settings import LONGEST
from alerts.config import AlertsConfig
from alerts.delivery import Dispatcher, DispatchSummary
from alerts.digesting import Digester
from alerts.errors import UnknownDelivery
from alerts.folding import fold_waiting
from alerts.heartbeat import Heartbeat
from alerts.incident_book import IncidentBook
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
    Repeated,
    Severity,
)
from alerts.pacing import Health
from alerts.pipeline import Setting
from alerts.planning import Planner, PlanSummary
from alerts.ports import Channel, Clock, DigestPart, ShowsIncidents, Transaction
from alerts.routing import Matcher
from alerts.silence_book import SilenceBook
from alerts.storage import budgets, decisions, health, incidents, outbox, retention, sql
from alerts.storage.outbox import Attempt
from alerts.unswept import unswept

_KEEP_EVERY = timedelta(minutes=1)
_LOOKED_THROUGH = 10_000  # alerts, and decisions about them, the latest, among which `why_not` looks


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
        digest_parts: Sequence[DigestPart] = (),
    ) -> None:
        """Work on a database whose tables are there (`alerts.storage.migrate.upgrade`)."""
        self._transaction: Transaction = database.begin if isinstance(database, sa.Engine) else database
        self._root = config.root
        self._routes = {route.key: route for route in config.root.walk()}
        self.channel_settings = config.channels
        self._wants = {name: settings.send_resolved for name, settings in config.channels.items()}
        self._clock = clock
        self._planner = Planner(Setting(self._routes, self._wants), config.muting)
        self.budgets = BudgetBook(self._transaction, clock, config.muting.budgets)
        self._kept_at: datetime | None = None
        self._digester = Digester(self._transaction, config.digests, config.muting.budgets, digest_parts)
        self._settle_for = config.settle_for
        self.silences = SilenceBook(self._transaction, clock)
        followers = {name: one.shows_changes for name, one in channels.items() if isinstance(one, ShowsIncidents)}
        self.incidents = IncidentBook(self._transaction, clock, followers)
        name = owner or f"{socket.gethostname()}-{os.getpid()}"
        self._heartbeat = heartbeat
        self._dispatcher = Dispatcher(self._transaction, dict(channels), config.policy, clock, name)

    def accept(self, events: Sequence[AlertEvent]) -> int:
        """Keep events; how many were news. An event that equals one accepted before is not news."""
        with unswept(), self._transaction() as conn:
            return sql.put_events(conn, events, self._clock.now())

    def tick(self, now: datetime | None = None) -> TickSummary:
        """Fold what arrived, decide who is told what, and put the messages on their way: one transaction.

        After a pause in which announced ends of alerts have passed, it only folds for `settle_for`: their
        sources could not be heard, and an alert that explains others may come in after those.
        """
        at = now or self._clock.now()
        with unswept(), self._transaction() as conn:
            sql.take_turn(conn)
            is_held = self._hold(conn, at)
            folded = fold_waiting(conn, self._root, self._routes, at)
            planned = PlanSummary() if is_held else self._planner.plan_all(conn, at, folded.alerts)
            told = self._keep_budgets(conn, planned, at)
        self._planner.saw(planned)
        return TickSummary(folded.events, planned.messages + told + self._digester.tell(at), planned.finished)

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

    def why_not(self, matchers: tuple[Matcher, ...] = (), limit: int = 100) -> list[Repeated]:
        """Why nobody was told of alerts that the matchers accept, the latest first; of all, without matchers.

        Each answer is about a generation of a group and one channel, and comes once however often it was given; a
        message that was sent and left muted alerts out is among them. With matchers it is the answer for those alerts,
        that they were told among them, beside what their group did. As far back as `prune` has left it.
        """
        with self._transaction() as conn:
            if not matchers:
                return decisions.repeated_refusals(conn, limit)
            wanted = [(alert, self._homes_of(alert)) for alert in self._accepted(conn, matchers)]
            record = decisions.listed_decisions(conn, {key for _, keys in wanted for key in keys}, _LOOKED_THROUGH)
        return answers(wanted, record[::-1])[:limit]

    def replay(self, beginning: str) -> DeliveryId:
        """Send the dead or sent delivery whose id begins like this again, with a new period of grace; its id.

        Raises UnknownDelivery where none does, or several do.
        """
        with self._transaction() as conn:
            found = outbox.done_beginning_with(conn, beginning)
            if len(found) != 1 or not outbox.replay(conn, found[0], self._clock.now()):
                which = "several deliveries that are sent or dead have" if found else "no sent or dead delivery has"
                raise UnknownDelivery(f"{which} an id that begins with {beginning!r}")
            return found[0]

    def next_dispatch_at(self) -> datetime | None:
        """When the next delivery may be tried; None when nothing is on its way."""
        with self._transaction() as conn:
            return outbox.next_due_at(conn)

    def explain(self, labels: Labels, severity: Severity) -> tuple[routing.Step, ...]:
        """Which routes an alert with these labels would take, and why not the others."""
        return routing.explain(self._root, routing.routable(labels, severity))

    def prune(self, before: datetime, incidents_before: datetime | None = None) -> int:
        """Forget what was finished before an instant; the number of rows dropped.

        Incidents may be kept longer, with what people said of them: precision and backtests live on it.
        """
        with self._transaction() as conn:
            sql.take_turn(conn)
            budgets.prune_spending(conn, self._clock.now() - LONGEST)
            return retention.prune(conn, before) + incidents.prune_incidents(conn, incidents_before or before)

    def _accepted(self, conn: sa.Connection, matchers: tuple[Matcher, ...]) -> list[Alert]:
        return [
            alert
            for alert in sql.all_alerts(conn, _LOOKED_THROUGH)
            if all(matcher.accepts(routing.routable(alert.labels, alert.severity)) for matcher in matchers)
        ]

    def _homes_of(self, alert: Alert) -> list[GroupKey]:
        return [home.key for home in grouping.homes(self._root, alert.labels, alert.severity)]

    def _keep_budgets(self, conn: sa.Connection, planned: PlanSummary, now: datetime) -> int:
        """Judge the budgets when something was told, and now and then, since messages grow old; how many messages."""
        if not planned.messages and self._kept_at is not None and now - self._kept_at < _KEEP_EVERY:
            return 0
        self._kept_at = now
        return keep_budgets(conn, self.budgets.budgets, now)

    def _hold(self, conn: sa.Connection, now: datetime) -> bool:
        """Whether nothing may be told yet, since sources may not have been heard after a pause."""
        turns = sql.turns(conn)
        last, until = turns.taken_at, turns.held_until
        if last is not None and now - last > self._settle_for and sql.is_any_ended(conn, last, now):
            until = now + self._settle_for
        sql.put_turns(conn, sql.Turns(now, until))
        return until is not None and now < until
