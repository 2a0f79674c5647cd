"""Alerts, groups and the told-log in SQL. A connection in, values out; the caller owns the transaction.

There is no second implementation for memory: quick starts and tests run this one on `sqlite://`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import sqlalchemy as sa

from alerts.lifecycle import FoldOutcome
from alerts.model import (
    Alert,
    AlertEvent,
    Delivery,
    Fingerprint,
    Group,
    GroupKey,
    NotifyReason,
    Receipt,
    Told,
    content_id,
)
from alerts.pipeline import GroupState
from alerts.storage.bulk import among, upsert, write_many
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
from alerts.storage.types import UtcDateTime
from alerts.wire import dump_event, load_dumped

_MEMBER = (members.c.group_key, members.c.fingerprint)
_IS_PLAN = locks.c.name == "plan"
Name = TypeVar("Name", bound=str | int)
_CHUNK = 500  # groups looked at together, and values in one IN list


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
    rows: dict[str, Values] = {}
    for event in batch:
        body = dump_event(event)
        name = content_id(body)
        values = {"event_id": name, "fingerprint": event.labels.fingerprint, "received_at": received_at, "body": body}
        rows.setdefault(name, values)
    return write_many(conn, upsert(conn.dialect.name, events, ("event_id",), ()), list(rows.values()))


@dataclass(frozen=True, slots=True)
class Received:
    """An event that waits to be folded."""

    seq: int
    fingerprint: Fingerprint
    event: AlertEvent
    received_at: datetime


def unfolded(conn: sa.Connection, limit: int) -> list[Received]:
    """The oldest events that wait, in order of arrival."""
    columns = (events.c.seq, events.c.fingerprint, events.c.body, events.c.received_at)
    query = sa.select(*columns).where(events.c.outcome.is_(None)).order_by(events.c.seq).limit(limit)
    rows = conn.execute(query).all()
    return [Received(seq, Fingerprint(name), load_dumped(body), at) for seq, name, body, at in rows]


def mark_folded(conn: sa.Connection, outcomes: Mapping[int, FoldOutcome]) -> None:
    """Write down what folding each event did; it is not folded again."""
    for outcome in FoldOutcome:
        if names := [seq for seq, did in outcomes.items() if did is outcome]:
            conn.execute(sa.update(events).where(among(conn, events.c.seq, names)).values(outcome=outcome.value))


def latest_alerts(conn: sa.Connection, fingerprints: Iterable[Fingerprint]) -> dict[Fingerprint, Alert]:
    """The latest occurrence of each fingerprint that is known."""
    names = sorted(set(fingerprints))
    rows = conn.execute(_latest().where(among(conn, alerts.c.fingerprint, names))).all() if names else ()
    return {alert.fingerprint: alert for alert in map(alert_of, rows)}


def put_alerts(conn: sa.Connection, batch: Iterable[Alert]) -> None:
    """Store occurrences, replacing what was known of them."""
    put_rows(conn, alerts, ("fingerprint", "occurrence"), list(map(alert_values, batch)))


def active_groups(conn: sa.Connection) -> dict[GroupKey, GroupState]:
    """The groups of which somebody is, or may have to be, told; with members and told-log."""
    return _states(conn, _is_active(None))


def due_groups(
    conn: sa.Connection, due_at: datetime | None, known: Mapping[Fingerprint, Alert]
) -> Iterator[list[GroupState]]:
    """The groups that are to be looked at by then (None: all that are active), some at a time: to be kept in memory.

    `known` are alerts as they were written in this transaction: they need not be read.
    """
    query = sa.select(groups.c.group_key).where(_is_active(due_at)).order_by(groups.c.group_key)
    for chunk in chunks(list(conn.execute(query).scalars())):
        yield list(_states(conn, among(conn, groups.c.group_key, chunk), known).values())


def told_generation(conn: sa.Connection, key: GroupKey, generation: int) -> GroupState | None:
    """A group, over or not, and what its channels were told, unless it has begun anew since."""
    return _states(conn, sa.and_(groups.c.group_key == key, groups.c.generation == generation)).get(key)


def is_any_due(conn: sa.Connection, now: datetime) -> bool:
    """Whether news of any group's alerts came in, or the time of any group has come."""
    return conn.execute(sa.select(groups.c.group_key).where(_is_active(now)).limit(1)).first() is not None


def orphan_groups(conn: sa.Connection, routes: Iterable[str]) -> dict[GroupKey, GroupState]:
    """The active groups whose route is none of these."""
    return _states(conn, sa.and_(_is_active(None), groups.c.route.not_in(sorted(routes))))


def member_names(conn: sa.Connection, fingerprints: Iterable[Fingerprint]) -> set[Fingerprint]:
    """Those of these alerts that are members of a group: one that is active, since all leave one that is over."""
    query = sa.select(members.c.fingerprint).where(among(conn, members.c.fingerprint, sorted(set(fingerprints))))
    return set(conn.execute(query).scalars())


def open_keys(conn: sa.Connection, keys: Collection[GroupKey]) -> set[GroupKey]:
    """Those of these groups that are open."""
    query = sa.select(groups.c.group_key).where(among(conn, groups.c.group_key, sorted(keys)), _is_active(None))
    return set(conn.execute(query).scalars().all())


def finished_groups(conn: sa.Connection, keys: Collection[GroupKey]) -> dict[GroupKey, Group]:
    """Those of these groups that are over."""
    query = sa.select(groups).where(among(conn, groups.c.group_key, sorted(keys)), groups.c.finished_at.is_not(None))
    return {row["group_key"]: group_of(row) for row in conn.execute(query).mappings()}


def open_groups(conn: sa.Connection, batch: Iterable[Group]) -> None:
    """Store new generations, of which no channel knows anything."""
    opened = list(batch)
    if again := [group.key for group in opened if group.generation > 1]:
        conn.execute(sa.delete(told).where(among(conn, told.c.group_key, again)))
        conn.execute(sa.delete(members).where(among(conn, members.c.group_key, again)))
    rows: list[Values] = [{**group_values(group), "finished_at": None, "look_at": None} for group in opened]
    put_rows(conn, groups, ("group_key",), rows)


def join_groups(conn: sa.Connection, joined: Mapping[tuple[GroupKey, Fingerprint], datetime]) -> None:
    """Make alerts members; joining twice is joining once."""
    rows = [{"group_key": key, "fingerprint": name, "joined_at": at} for (key, name), at in joined.items()]
    write_many(conn, upsert(conn.dialect.name, members, ("group_key", "fingerprint"), ()), rows)


def look_again(conn: sa.Connection, fingerprints: Iterable[Fingerprint]) -> None:
    """Let the next look be at the groups of these alerts.

    A group that collects is left until it has: it was looked at once, and before then nobody is told of it.
    """
    may_tell = sa.or_(groups.c.checked_at.is_not(None), groups.c.look_at.is_(None))
    of_these = sa.select(members.c.group_key).where(among(conn, members.c.fingerprint, sorted(set(fingerprints))))
    conn.execute(sa.update(groups).where(groups.c.group_key.in_(of_these), may_tell).values(look_at=None))


@dataclass(frozen=True, slots=True)
class GroupAfter:
    """A group after planning: who left, whether it is over, when to look again."""

    group: Group
    left: frozenset[Fingerprint]
    finished_at: datetime | None
    look_at: datetime | None


def put_groups(conn: sa.Connection, batch: Sequence[GroupAfter]) -> None:
    """Store groups after planning."""
    write_many(
        conn,
        _PUT_GROUP,
        [
            {
                "of_key": one.group.key,
                "new_checked_at": one.group.checked_at,
                "new_finished_at": one.finished_at,
                "new_look_at": one.look_at,
            }
            for one in batch
        ],
    )
    gone = [{"of_key": one.group.key, "of_name": name} for one in batch for name in sorted(one.left)]
    write_many(conn, _LEAVE_GROUP, gone)


_PUT_GROUP = (
    sa.update(groups)
    .where(groups.c.group_key == sa.bindparam("of_key"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("checked_at", "finished_at", "look_at")})
)
_LEAVE_GROUP = sa.delete(members).where(
    members.c.group_key == sa.bindparam("of_key"), members.c.fingerprint == sa.bindparam("of_name")
)


def put_told(conn: sa.Connection, batch: Sequence[tuple[Group, str, Told]]) -> None:
    """Store what channels were told; the receipts of their last messages stay."""
    rows: list[Values] = [
        {"group_key": group.key, "channel": channel, "generation": group.generation, **told_values(log)}
        for group, channel, log in batch
    ]
    put_rows(conn, told, ("group_key", "channel"), rows)


def put_receipts(conn: sa.Connection, batch: Sequence[tuple[Delivery, Receipt]], at: datetime) -> None:
    """Keep the handles of the last messages and when they went out, but of groups that have begun anew since."""
    rows = [
        {
            **{f"of_{name}": getattr(delivery, name) for name in _OF_TOLD},
            "new_receipt": receipt_values(receipt),
            # what a person did is no news of the alerts, so reminders do not count from it
            "new_sent_at": None if delivery.reason is NotifyReason.HANDLED else at,
        }
        for delivery, receipt in sorted(batch, key=lambda one: (one[0].group_key, one[0].channel))  # as planners do
    ]
    write_many(conn, _PUT_RECEIPT, rows)


_OF_TOLD = ("group_key", "channel", "generation")
_PUT_RECEIPT = (
    sa.update(told)
    .where(*(told.c[name] == sa.bindparam(f"of_{name}") for name in _OF_TOLD))
    .values(
        receipt=sa.bindparam("new_receipt"),
        sent_at=sa.func.coalesce(sa.bindparam("new_sent_at", type_=UtcDateTime()), told.c.sent_at),
    )
)


def firing_alerts(conn: sa.Connection, now: datetime) -> list[Alert]:
    """The alerts that fire, oldest first."""
    is_firing = sa.or_(alerts.c.ends_at.is_(None), alerts.c.ends_at > now)
    rows = conn.execute(_latest().where(is_firing).order_by(alerts.c.starts_at, alerts.c.fingerprint))
    return [alert_of(row) for row in rows]


def all_alerts(conn: sa.Connection, limit: int) -> list[Alert]:
    """Every occurrence, the latest first."""
    query = sa.select(alerts).order_by(alerts.c.first_seen_at.desc(), alerts.c.fingerprint).limit(limit)
    return [alert_of(row) for row in conn.execute(query)]


def _latest() -> sa.Select[tuple[object, ...]]:
    later = alerts.alias("later")
    is_later = sa.and_(later.c.fingerprint == alerts.c.fingerprint, later.c.occurrence > alerts.c.occurrence)
    return sa.select(alerts).where(~sa.exists(sa.select(later.c.occurrence).where(is_later)))


def _is_active(due_at: datetime | None) -> sa.ColumnElement[bool]:
    is_open = groups.c.finished_at.is_(None)
    if due_at is None:
        return is_open
    return sa.and_(is_open, sa.or_(groups.c.look_at.is_(None), groups.c.look_at <= due_at))


def _states(
    conn: sa.Connection, which: sa.ColumnElement[bool], written: Mapping[Fingerprint, Alert] = MappingProxyType({})
) -> dict[GroupKey, GroupState]:
    query = sa.select(groups).where(which).order_by(groups.c.group_key)
    found = [group_of(row) for row in conn.execute(query).mappings().all()]
    ids: dict[GroupKey, list[Fingerprint]] = {group.key: [] for group in found}
    logs: dict[GroupKey, dict[str, Told]] = {group.key: {} for group in found}
    if found:
        for key, name in conn.execute(sa.select(*_MEMBER).where(among(conn, members.c.group_key, list(ids)))).all():
            ids[key].append(name)
        for row in conn.execute(sa.select(told).where(among(conn, told.c.group_key, list(ids)))).mappings().all():
            logs[row["group_key"]][row["channel"]] = told_of(row)
    read = latest_alerts(conn, (name for names in ids.values() for name in names if name not in written))
    return {
        group.key: GroupState(
            group, tuple(written.get(name) or read[name] for name in sorted(ids[group.key])), logs[group.key]
        )
        for group in found
    }


def put_rows(conn: sa.Connection, table: sa.Table, keys: tuple[str, ...], rows: Sequence[Values]) -> None:
    """Insert rows, replacing those with the same keys: one statement, many rows."""
    if rows:
        changed = tuple(name for name in rows[0] if name not in keys)
        write_many(conn, upsert(conn.dialect.name, table, keys, changed), rows)


def chunks(names: list[Name]) -> Iterator[list[Name]]:
    """Names in portions that fit into one IN list."""
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
