"""The outbox: deliveries taken by lease, so that no two senders send the same one while both live.

A delivery is taken in order within its channel and group. A sender that dies keeps its lease until it
runs out; then another takes the delivery, which is how a message can be sent twice: once by the
sender that died between sending and saying so, and once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alerts.errors import FailureReason
from alerts.model import Delivery, DeliveryId, DeliveryState, GroupKey, Notification, NotifyReason, Receipt
from alerts.pipeline import Address
from alerts.storage.bulk import among, upsert, write_many
from alerts.storage.rows import Values, delivery_of, receipt_of, receipt_values
from alerts.storage.sql import chunks
from alerts.storage.tables import attempts, deliveries, told
from alerts.superseding import Unsent

_WAITS = "waiting: "
_WAITING = (DeliveryState.DUE.value, DeliveryState.RETRY.value)
_OPEN = (*_WAITING, DeliveryState.LEASED.value)
_DONE = (DeliveryState.DEAD.value, DeliveryState.SENT.value)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: when it ended and how. `failure` is None when the message was sent."""

    delivery_id: DeliveryId
    number: int
    at: datetime
    state: DeliveryState
    failure: FailureReason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt and what follows: the next try, unless there is none, to which `progress` is handed."""

    attempt: Attempt
    next_at: datetime | None = None
    progress: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A message with its body; it waits as long as the one that it stands for, if it does, would have."""

    notification: Notification
    body: str
    instead_of: Delivery | None = None


def enqueue_all(conn: sa.Connection, batch: Sequence[Queued]) -> None:
    """Put messages on their way; those on their way already stay as they are."""
    rows = [_due(one.notification, one.body, one.instead_of) for one in batch]
    write_many(conn, upsert(conn.dialect.name, deliveries, ("delivery_id",), ()), rows)


def _due(notification: Notification, body: str, instead_of: Delivery | None) -> Values:
    return {
        "delivery_id": notification.id,
        "group_key": notification.group.key,
        "generation": notification.group.generation,
        "channel": notification.channel,
        "reason": notification.reason.value,
        "state": DeliveryState.DUE.value,
        "attempts": 0,
        "created_at": notification.at,
        "next_at": notification.at if instead_of is None else max(notification.at, instead_of.next_at),
        "give_up_from": notification.at,
        "body": body,
        "last_failure": "" if instead_of is None else instead_of.last_failure,
    }


def claim(conn: sa.Connection, owner: str, now: datetime, lease: timedelta, limit: int) -> list[Delivery]:
    """Lease deliveries that are due, the oldest first, at most one for each channel and group.

    On PostgreSQL rows that another sender is taking are passed over (SKIP LOCKED); SQLite has one
    writer at a time and needs nothing of the kind.
    """
    free = sa.union_all(*(_oldest(conn, which, limit) for which in _is_free(now))).subquery()
    # computed once: LIMIT inside IN (...) could be run for every row
    chosen = sa.select(free.c.seq).order_by(free.c.next_at, free.c.seq).limit(limit).cte("chosen")
    statement = (
        sa.update(deliveries)
        .where(deliveries.c.seq.in_(sa.select(chosen.c.seq)))
        .values(
            state=DeliveryState.LEASED.value,
            owner=owner,
            lease_until=now + lease,
            attempts=deliveries.c.attempts + 1,
        )
        .returning(deliveries)
    )
    rows = sorted(conn.execute(statement).mappings(), key=lambda row: row["seq"])
    before = _receipts_before(conn, rows)
    return [delivery_of(row, receipt_of(row["progress"]) or before.get(row["delivery_id"])) for row in rows]


def finish(conn: sa.Connection, batch: Sequence[Ended], owner: str) -> int:
    """Write down how tries ended; of how many deliveries the lease had not passed to another sender meanwhile.

    The attempts themselves are kept in either case, since they happened.
    """
    write_many(conn, _ADD_ATTEMPT, [_attempt_values(one.attempt) for one in batch])
    return write_many(conn, _FINISH, [{**_ended_values(one), "of_owner": owner} for one in batch])


def _attempt_values(attempt: Attempt) -> Values:
    return {
        "delivery_id": attempt.delivery_id,
        "number": attempt.number,
        "at": attempt.at,
        "outcome": attempt.state.value,
        "failure": attempt.failure.value if attempt.failure else None,
        "detail": attempt.detail,
    }


_ADD_ATTEMPT = sa.insert(attempts)
_FINISH = (
    sa.update(deliveries)
    .where(
        deliveries.c.delivery_id == sa.bindparam("of_id"),
        deliveries.c.owner == sa.bindparam("of_owner"),
        deliveries.c.state == DeliveryState.LEASED.value,
        deliveries.c.attempts == sa.bindparam("of_number"),
    )
    .values(
        state=sa.bindparam("new_state"),
        next_at=sa.bindparam("new_next_at"),
        lease_until=None,
        owner=None,
        progress=sa.bindparam("new_progress"),
        last_failure=sa.bindparam("new_failure"),
        finished_at=sa.bindparam("new_finished_at"),
    )
)


def _ended_values(ended: Ended) -> Values:
    attempt = ended.attempt
    return {
        "of_id": attempt.delivery_id,
        "of_number": attempt.number,
        "new_state": attempt.state.value,
        "new_next_at": ended.next_at or attempt.at,
        "new_progress": None if ended.progress is None else receipt_values(ended.progress),
        "new_failure": f"{attempt.failure}: {attempt.detail}" if attempt.failure else "",
        "new_finished_at": None if attempt.state is DeliveryState.RETRY else attempt.at,
    }


def release(conn: sa.Connection, batch: Sequence[Delivery], owner: str) -> None:
    """Give back deliveries that were taken and not tried."""
    was_tried = sa.case((deliveries.c.attempts > 1, DeliveryState.RETRY.value), else_=DeliveryState.DUE.value)
    values = {"state": was_tried, "lease_until": None, "owner": None, "attempts": deliveries.c.attempts - 1}
    is_mine = sa.and_(deliveries.c.owner == owner, deliveries.c.state == DeliveryState.LEASED.value)
    for chunk in chunks([delivery.id for delivery in batch]):
        conn.execute(sa.update(deliveries).where(deliveries.c.delivery_id.in_(chunk), is_mine).values(**values))


def hold(conn: sa.Connection, channel: str, until: datetime, reason: str) -> None:
    """Let everything that is due on a channel wait until an instant; what has not failed by itself says why."""
    waiting = deliveries.c.state.in_(_WAITING)
    query = sa.select(deliveries.c.seq).where(deliveries.c.channel == channel, waiting, deliveries.c.next_at < until)
    if conn.dialect.name == "postgresql":
        # who has just taken some waits for the channel's row, which we hold: it will see for itself
        query = query.with_for_update(skip_locked=True)
    held = query.cte("held")
    statement = sa.update(deliveries).where(deliveries.c.seq.in_(sa.select(held.c.seq)))
    failed = sa.and_(deliveries.c.last_failure != "", deliveries.c.last_failure.not_like(f"{_WAITS}%"))
    why = sa.case((failed, deliveries.c.last_failure), else_=f"{_WAITS}{reason}")
    conn.execute(statement.values(next_at=until, last_failure=why))


def unsent(conn: sa.Connection) -> dict[Address, list[Unsent]]:
    """The messages that wait since a channel fails, or has too many, oldest first; not those whose turn is to come."""
    was_held = sa.or_(deliveries.c.last_failure != "", deliveries.c.attempts > 1)
    columns = ("group_key", "generation", "channel", "delivery_id", "reason", "state")
    query = sa.select(*(deliveries.c[name] for name in columns)).where(deliveries.c.state.in_(_OPEN), was_held)
    found: dict[Address, list[Unsent]] = {}
    for row in conn.execute(query.order_by(deliveries.c.seq)):
        one = Unsent(DeliveryId(row.delivery_id), NotifyReason(row.reason), row.state in _WAITING)
        found.setdefault((GroupKey(row.group_key), row.generation, row.channel), []).append(one)
    return found


def withdraw(conn: sa.Connection, names: Sequence[DeliveryId], at: datetime) -> list[Delivery]:
    """Take messages that wait off their way, for later ones say what they said; those that could be, oldest first.

    One that a sender has just taken goes its way. On PostgreSQL nobody is waited for.
    """
    values = {"state": DeliveryState.SUPERSEDED.value, "finished_at": at}
    gone: list[sa.RowMapping] = []
    for chunk in chunks(list(names)):
        query = sa.select(deliveries.c.seq).where(deliveries.c.delivery_id.in_(chunk), deliveries.c.state.in_(_WAITING))
        if conn.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        free = query.cte("free")
        statement = sa.update(deliveries).where(deliveries.c.seq.in_(sa.select(free.c.seq))).values(**values)
        gone += conn.execute(statement.returning(deliveries)).mappings()
    return [delivery_of(row) for row in sorted(gone, key=lambda row: row["seq"])]


def done_beginning_with(conn: sa.Connection, beginning: str) -> list[DeliveryId]:
    """Dead and sent deliveries whose id begins like this, at most two: they are looked for to find the only one."""
    is_alike = deliveries.c.delivery_id.startswith(beginning, autoescape=True)
    query = sa.select(deliveries.c.delivery_id).where(is_alike, deliveries.c.state.in_(_DONE)).limit(2)
    return [DeliveryId(found) for found in conn.execute(query).scalars()]


def replay(conn: sa.Connection, delivery_id: DeliveryId, now: datetime) -> bool:
    """Put a dead or a sent delivery back on its way, with a new period of grace; False when there is none."""
    values = {"state": DeliveryState.DUE.value, "next_at": now, "give_up_from": now, "finished_at": None}
    statement = (
        sa.update(deliveries)
        .where(deliveries.c.delivery_id == delivery_id, deliveries.c.state.in_(_DONE))
        .values(**values)
    )
    return conn.execute(statement).rowcount == 1


def listed(conn: sa.Connection, state: DeliveryState | None, limit: int) -> list[Delivery]:
    """Deliveries, the latest first, of one state or of all."""
    query = sa.select(deliveries).order_by(deliveries.c.seq.desc()).limit(limit)
    if state is not None:
        query = query.where(deliveries.c.state == state.value)
    return [delivery_of(row) for row in conn.execute(query).mappings()]


def attempts_of(conn: sa.Connection, delivery_id: DeliveryId) -> list[Attempt]:
    """Every try of a delivery, in order."""
    query = sa.select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.seq)
    return [
        Attempt(
            delivery_id=DeliveryId(row["delivery_id"]),
            number=row["number"],
            at=row["at"],
            state=DeliveryState(row["outcome"]),
            failure=FailureReason(row["failure"]) if row["failure"] else None,
            detail=row["detail"],
        )
        for row in conn.execute(query).mappings()
    ]


def next_due_at(conn: sa.Connection) -> datetime | None:
    """When the next delivery may be tried; None when nothing is on its way."""
    waiting = deliveries.c.state.in_(_WAITING)
    earliest: datetime | None = conn.execute(sa.select(sa.func.min(deliveries.c.next_at)).where(waiting)).scalar_one()
    return earliest


def _is_free(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What may be taken, state by state: an index has the rows of one state in the order in which they are due."""
    expired = sa.and_(deliveries.c.state == DeliveryState.LEASED.value, deliveries.c.lease_until <= now)
    return (*(sa.and_(deliveries.c.state == state, deliveries.c.next_at <= now) for state in _WAITING), expired)


def _oldest(conn: sa.Connection, which: sa.ColumnElement[bool], limit: int) -> sa.Select[tuple[int, datetime]]:
    """The oldest of a kind that wait for no earlier one of their channel and group."""
    earlier = deliveries.alias("earlier")
    is_blocked = sa.exists(
        sa.select(earlier.c.seq).where(
            earlier.c.channel == deliveries.c.channel,
            earlier.c.group_key == deliveries.c.group_key,
            earlier.c.seq < deliveries.c.seq,
            earlier.c.state.in_(_OPEN),
        )
    )
    query = (
        sa.select(deliveries.c.seq, deliveries.c.next_at)
        .where(which, ~is_blocked)
        .order_by(deliveries.c.next_at, deliveries.c.seq)
        .limit(limit)
    )
    if conn.dialect.name == "postgresql":
        query = query.with_for_update(of=deliveries, skip_locked=True)
    found = query.subquery()
    return sa.select(found.c.seq, found.c.next_at)


def _receipts_before(conn: sa.Connection, rows: Sequence[sa.RowMapping]) -> dict[DeliveryId, Receipt]:
    """Of each delivery, the receipt of the message before it to the same channel about the same group."""
    known: dict[tuple[str, str, int], Receipt] = {}
    query = sa.select(told.c.group_key, told.c.channel, told.c.generation, told.c.receipt)
    is_theirs = among(conn, told.c.group_key, sorted({row["group_key"] for row in rows}))
    for of in conn.execute(query.where(is_theirs, told.c.receipt.is_not(None))):
        if (receipt := receipt_of(of.receipt)) is not None:
            known[of.group_key, of.channel, of.generation] = receipt
    keys = {DeliveryId(row["delivery_id"]): (row["group_key"], row["channel"], row["generation"]) for row in rows}
    return {name: known[key] for name, key in keys.items() if key in known}
