"""Alerts, groups and the told-log in SQL. A connection in, values out; the caller owns the transaction.

There is no second implementation for memory: quick starts and tests run this one on `sqlite://`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alerts.lifecycle import FoldOutcome
from alerts.model import (
    Alert,
    AlertEvent,
    Fingerprint,
    Group,
    GroupKey,
    Receipt,
    Told,
    content_id,
)
from alerts.pipeline import GroupState
from alerts.storage.rows import (
    Values,
    alert_of,
    alert_values,
    group_of,
    group_values,
    receipt_values,
    told_of,
    told_values,
)
from alerts.storage.tables import alerts, events, groups, locks, members, told
from alerts.wire import dump_event, load_event

_IS_PLAN = locks.c.name == "plan"
_CHUNK = 500  # values in one IN list; SQLite takes 32,766 parameters, PostgreSQL 65,535


def take_turn(conn: sa.Connection) -> None:
    """Wait until no other planner is at work, until the end of this transaction.

    An UPDATE and not a SELECT: it locks the row on PostgreSQL and the database on SQLite, where a
    transaction that begins by reading could be refused when it writes.
    """
    conn.execute(sa.update(locks).where(_IS_PLAN).values(taken=locks.c.taken + 1))


@dataclass(frozen=True, slots=True)
class Turns:
    """When somebody last planned, and until when nothing is told; None: never, and no such time."""

    taken_at: datetime | None
    held_until: datetime | None


def turns(conn: sa.Connection) -> Turns:
    """What the row says by which planners take turns."""
    row = conn.execute(sa.select(locks).where(_IS_PLAN)).mappings().one()
    return Turns(row["taken_at"], row["held_until"])


def put_turns(conn: sa.Connection, now: Turns) -> None:
    """Write it down. The caller has taken its turn."""
    conn.execute(sa.update(locks).where(_IS_PLAN).values(taken_at=now.taken_at, held_until=now.held_until))


def is_any_ended(conn: sa.Connection, after: datetime, until: datetime) -> bool:
    """Whether the announced end of an alert passed in between, with no news of it."""
    is_between = sa.and_(alerts.c.ends_at > after, alerts.c.ends_at <= until, alerts.c.end_reason.is_(None))
    return conn.execute(sa.select(alerts.c.fingerprint).where(is_between).limit(1)).first() is not None


def put_events(conn: sa.Connection, batch: Sequence[AlertEvent], received_at: datetime) -> int:
    """Keep events to be folded, in their order; those known already by content are not kept again."""
    kept = 0
    for event in batch:
        body = dump_event(event)
        values = {
            "event_id": content_id(body),
            "fingerprint": event.labels.fingerprint,
            "received_at": received_at,
            "body": body,
        }
        statement = insert(conn, events).values(**values).on_conflict_do_nothing(index_elements=["event_id"])
        # asked for by RETURNING: psycopg counts no rows for an INSERT that SQLAlchemy gives a key to
        kept += conn.execute(statement.returning(events.c.seq)).first() is not None
    return kept


@dataclass(frozen=True, slots=True)
class Received:
    """An event that waits to be folded."""

    seq: int
    event: AlertEvent
    received_at: datetime


def unfolded(conn: sa.Connection, limit: int) -> list[Received]:
    """The oldest events that wait, in order of arrival."""
    query = sa.select(events).where(events.c.outcome.is_(None)).order_by(events.c.seq).limit(limit)
    rows = conn.execute(query).mappings()
    return [Received(row["seq"], load_event(row["body"]), row["received_at"]) for row in rows]


def mark_folded(conn: sa.Connection, outcomes: Mapping[int, FoldOutcome]) -> None:
    """Write down what folding each event did; it is not folded again."""
    if outcomes:
        statement = sa.update(events).where(events.c.seq == sa.bindparam("at")).values(outcome=sa.bindparam("did"))
        conn.execute(statement, [{"at": seq, "did": outcome.value} for seq, outcome in outcomes.items()])


def latest_alerts(conn: sa.Connection, fingerprints: Iterable[Fingerprint]) -> dict[Fingerprint, Alert]:
    """The latest occurrence of each fingerprint that is known."""
    found = {}
    for chunk in _chunks(sorted(set(fingerprints))):
        rows = conn.execute(_latest().where(alerts.c.fingerprint.in_(chunk))).mappings()
        found.update({alert.fingerprint: alert for alert in map(alert_of, rows)})
    return found


def put_alerts(conn: sa.Connection, batch: Iterable[Alert]) -> None:
    """Store occurrences, replacing what was known of them."""
    for alert in batch:
        values = alert_values(alert)
        statement = insert(conn, alerts).values(**values)
        keys = ["fingerprint", "occurrence"]
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=_without(values, keys)))


def active_groups(conn: sa.Connection) -> dict[GroupKey, GroupState]:
    """The groups of which somebody is, or may have to be, told; with members and told-log."""
    query = sa.select(groups).where(groups.c.finished_at.is_(None)).order_by(groups.c.group_key)
    active = [group_of(row) for row in conn.execute(query).mappings()]
    in_active = sa.select(groups.c.group_key).where(groups.c.finished_at.is_(None))
    ids: dict[GroupKey, list[Fingerprint]] = {group.key: [] for group in active}
    for row in conn.execute(sa.select(members).where(members.c.group_key.in_(in_active))).mappings():
        ids[row["group_key"]].append(row["fingerprint"])
    logs: dict[GroupKey, dict[str, Told]] = {group.key: {} for group in active}
    for row in conn.execute(sa.select(told).where(told.c.group_key.in_(in_active))).mappings():
        logs[row["group_key"]][row["channel"]] = told_of(row)
    known = latest_alerts(conn, (name for names in ids.values() for name in names))
    return {
        group.key: GroupState(group, tuple(known[name] for name in sorted(ids[group.key])), logs[group.key])
        for group in active
    }


def finished_group(conn: sa.Connection, key: GroupKey) -> Group | None:
    """A group that is over, to be reopened."""
    query = sa.select(groups).where(groups.c.group_key == key, groups.c.finished_at.is_not(None))
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else group_of(row)


def open_group(conn: sa.Connection, group: Group) -> None:
    """Store a new generation, of which no channel knows anything."""
    values: Values = {**group_values(group), "finished_at": None}
    statement = insert(conn, groups).values(**values)
    conn.execute(statement.on_conflict_do_update(index_elements=["group_key"], set_=_without(values, ["group_key"])))
    conn.execute(sa.delete(told).where(told.c.group_key == group.key))
    conn.execute(sa.delete(members).where(members.c.group_key == group.key))


def join_group(conn: sa.Connection, key: GroupKey, fingerprint: Fingerprint, at: datetime) -> None:
    """Make an alert a member; joining twice is joining once."""
    statement = insert(conn, members).values(group_key=key, fingerprint=fingerprint, joined_at=at)
    conn.execute(statement.on_conflict_do_nothing(index_elements=["group_key", "fingerprint"]))


def put_group(conn: sa.Connection, group: Group, left: Iterable[Fingerprint], finished_at: datetime | None) -> None:
    """Store a group after planning: who left, and whether it is over."""
    values = {"checked_at": group.checked_at, "finished_at": finished_at}
    conn.execute(sa.update(groups).where(groups.c.group_key == group.key).values(**values))
    gone = sorted(left)
    if gone:
        of_group = members.c.group_key == group.key
        conn.execute(sa.delete(members).where(of_group, members.c.fingerprint.in_(gone)))


def put_told(conn: sa.Connection, group: Group, channel: str, log: Told) -> None:
    """Store what a channel was told; the receipt of its last message stays."""
    keys: Values = {"group_key": group.key, "channel": channel}
    values: Values = {"generation": group.generation, **told_values(log)}
    statement = insert(conn, told).values(**keys, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


def put_receipt(conn: sa.Connection, key: GroupKey, generation: int, channel: str, receipt: Receipt) -> None:
    """Keep the handle of the last message, unless the group has begun anew since."""
    where = (told.c.group_key == key, told.c.channel == channel, told.c.generation == generation)
    conn.execute(sa.update(told).where(*where).values(receipt=receipt_values(receipt)))


def firing_alerts(conn: sa.Connection, now: datetime) -> list[Alert]:
    """The alerts that fire, oldest first."""
    is_firing = sa.or_(alerts.c.ends_at.is_(None), alerts.c.ends_at > now)
    rows = conn.execute(_latest().where(is_firing).order_by(alerts.c.starts_at, alerts.c.fingerprint)).mappings()
    return [alert_of(row) for row in rows]


def all_alerts(conn: sa.Connection, limit: int) -> list[Alert]:
    """Every occurrence, the latest first."""
    query = sa.select(alerts).order_by(alerts.c.first_seen_at.desc(), alerts.c.fingerprint).limit(limit)
    return [alert_of(row) for row in conn.execute(query).mappings()]


def insert(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT in the dialect of the connection; both spell it alike."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def _latest() -> sa.Select[tuple[object, ...]]:
    later = alerts.alias("later")
    is_later = sa.and_(later.c.fingerprint == alerts.c.fingerprint, later.c.occurrence > alerts.c.occurrence)
    return sa.select(alerts).where(~sa.exists(sa.select(later.c.occurrence).where(is_later)))


def _without(values: Values, keys: Sequence[str]) -> Values:
    return {name: value for name, value in values.items() if name not in keys}


def _chunks(names: list[Fingerprint]) -> Iterable[list[Fingerprint]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
