"""Fold the events that wait into alerts, and alerts into groups: what one turn does before it decides whom to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from alerts import grouping
from alerts.lifecycle import FoldOutcome, amended, fold
from alerts.model import Alert, Fingerprint, Group, GroupKey
from alerts.routing import Route
from alerts.storage import sql

_FOLD_LIMIT = 10_000  # events folded in one transaction; the rest waits for the next turn


@dataclass(frozen=True, slots=True)
class FoldSummary:
    """How many events were folded, and the alerts that came of them, as they were written."""

    events: int = 0
    alerts: Mapping[Fingerprint, Alert] = field(default_factory=dict)


def fold_waiting(conn: sa.Connection, root: Route, routes: Mapping[str, Route], now: datetime) -> FoldSummary:
    """Fold the oldest events that wait. Every group that they concern is looked at again."""
    waiting = sql.unfolded(conn, _FOLD_LIMIT)
    orphans = sql.orphan_groups(conn, routes)
    if not waiting and not orphans:
        return FoldSummary()
    homeless = [alert for state in orphans.values() for alert in state.members if alert.is_firing(now)]
    folding = _Folding(conn, root, waiting, homeless)
    for received in waiting:
        folding.take(received)
    for alert in homeless:  # their route was removed from the configuration
        folding.join(alert, now)
    return FoldSummary(len(waiting), folding.save())


class _Folding:
    """What is known of the alerts and groups that one turn's events concern, and what becomes of them."""

    def __init__(
        self, conn: sa.Connection, root: Route, waiting: Sequence[sql.Received], others: Iterable[Alert]
    ) -> None:
        events = [received.event for received in waiting]
        names = {received.fingerprint for received in waiting}
        self._conn = conn
        self._alerts = sql.latest_alerts(conn, names)
        self._names = names
        self._member_names = sql.member_names(conn, names)
        subjects = [(event.labels, event.severity) for event in events]
        subjects += [(alert.labels, alert.severity) for alert in others]
        self._homes = {of: grouping.homes(root, *of) for of in dict.fromkeys(subjects)}
        keys = {home.key for homes in self._homes.values() for home in homes}
        self._open = sql.open_keys(conn, keys)
        self._former = sql.finished_groups(conn, keys)
        self._opened: dict[GroupKey, Group] = {}
        self._joined: dict[tuple[GroupKey, Fingerprint], datetime] = {}
        self._changed: dict[tuple[Fingerprint, int], Alert] = {}
        self._outcomes: dict[int, FoldOutcome] = {}

    def take(self, received: sql.Received) -> None:
        """Fold one event."""
        name = received.fingerprint
        before = self._alerts.get(name)
        if received.event.amends:
            self._amend(received, before)
            return
        folded = fold(before, received.event, received.received_at, name)
        alert = folded.alert
        if folded.outcome in {FoldOutcome.OPENED, FoldOutcome.REOPENED} and name in self._member_names:
            alert = replace(alert, flaps=before.flaps + 1 if before else 1)
        self._alerts[name] = self._changed[name, alert.occurrence] = alert
        self._outcomes[received.seq] = folded.outcome
        if alert.is_firing(received.received_at):
            self.join(alert, received.received_at)
            self._member_names.add(name)

    def _amend(self, received: sql.Received, before: Alert | None) -> None:
        alert = amended(before, received.event, received.received_at)
        self._outcomes[received.seq] = FoldOutcome.STALE if alert is None else FoldOutcome.UPDATED
        if alert is not None:
            self._alerts[alert.fingerprint] = self._changed[alert.fingerprint, alert.occurrence] = alert

    def join(self, alert: Alert, at: datetime) -> None:
        """Make an alert a member of its groups, opening those that are not open."""
        for home in self._homes[alert.labels, alert.severity]:
            if home.key not in self._open:
                former = self._former.get(home.key)
                self._opened[home.key] = home.open(at) if former is None else grouping.reopen(former, at)
                self._open.add(home.key)
            self._joined.setdefault((home.key, alert.fingerprint), at)

    def save(self) -> dict[Fingerprint, Alert]:
        """Write it all down; the latest occurrences of the alerts that were folded."""
        sql.open_groups(self._conn, self._opened.values())
        sql.join_groups(self._conn, self._joined)
        sql.put_alerts(self._conn, self._changed.values())
        sql.mark_folded(self._conn, self._outcomes)
        sql.look_again(self._conn, self._names)
        return self._alerts
