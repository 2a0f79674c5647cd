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
from alerts.model import Delivery, DeliveryId, DeliveryState, Notification, Receipt
from alerts.storage.rows import Values, delivery_of, receipt_of, receipt_values
from alerts.storage.sql import insert
from alerts.storage.tables import attempts, deliveries, told

_OPEN = (DeliveryState.DUE.value, DeliveryState.RETRY.value, DeliveryState.LEASED.value)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: when it ended and how. `failure` is None when the message was sent."""

    delivery_id: DeliveryId
    number: int
    at: datetime
    state: DeliveryState
    failure: FailureReason | None = None
    detail: str = ""


def enqueue_all(conn: sa.Connection, batch: Sequence[tuple[Notification, str]]) -> None:
    """Put messages on their way, each with its body; those on their way already stay as they are."""
    if batch:
        statement = insert(conn, deliveries).on_conflict_do_nothing(index_elements=["delivery_id"])
        conn.execute(statement, [_due(notification, body) for notification, body in batch])


def _due(notification: Notification, body: str) -> Values:
    return {
        "delivery_id": notification.id,
        "group_key": notification.group.key,
        "generation": notification.group.generation,
        "channel": notification.channel,
        "reason": notification.reason.value,
        "state": DeliveryState.DUE.value,
        "attempts": 0,
        "created_at": notification.at,
        "next_at": notification.at,
        "give_up_from": notification.at,
        "body": body,
        "last_failure": "",
    }


def claim(conn: sa.Connection, owner: str, now: datetime, lease: timedelta, limit: int) -> list[Delivery]:
    """Lease deliveries that are due, the oldest first, at most one for each channel and group.

    On PostgreSQL rows that another sender is taking are passed over (SKIP LOCKED); SQLite has one
    writer at a time and needs nothing of the kind.
    """
    earlier = deliveries.alias("earlier")
    is_blocked = sa.exists(
        sa.select(earlier.c.seq).where(
            earlier.c.channel == deliveries.c.channel,
            earlier.c.group_key == deliveries.c.group_key,
            earlier.c.seq < deliveries.c.seq,
            earlier.c.state.in_(_OPEN),
        )
    )
    candidates = (
        sa.select(deliveries.c.seq)
        .where(_is_free(now), ~is_blocked)
        .order_by(deliveries.c.next_at, deliveries.c.seq)
        .limit(limit)
    )
    if conn.dialect.name == "postgresql":
        candidates = candidates.with_for_update(skip_locked=True)
    chosen = candidates.cte("chosen")  # computed once: LIMIT inside IN (...) could be run for every row
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
    return [delivery_of(row, receipt_of(row["progress"]) or _previous(conn, row)) for row in rows]


def finish(
    conn: sa.Connection,
    attempt: Attempt,
    owner: str,
    *,
    next_at: datetime | None = None,
    progress: Receipt | None = None,
) -> bool:
    """Write down how a try ended; False when the lease had passed to another sender meanwhile.

    The attempt itself is kept in either case, since it happened.
    """
    conn.execute(
        sa.insert(attempts).values(
            delivery_id=attempt.delivery_id,
            number=attempt.number,
            at=attempt.at,
            outcome=attempt.state.value,
            failure=attempt.failure.value if attempt.failure else None,
            detail=attempt.detail,
        )
    )
    failed = attempt.failure is not None
    statement = (
        sa.update(deliveries)
        .where(*_mine(attempt.delivery_id, owner), deliveries.c.attempts == attempt.number)
        .values(
            state=attempt.state.value,
            next_at=next_at or attempt.at,
            lease_until=None,
            owner=None,
            progress=sa.null() if progress is None else receipt_values(progress),
            last_failure=f"{attempt.failure}: {attempt.detail}" if failed else "",
            finished_at=None if attempt.state is DeliveryState.RETRY else attempt.at,
        )
    )
    return conn.execute(statement).rowcount == 1


def release(conn: sa.Connection, delivery: Delivery, owner: str) -> None:
    """Give back a delivery that was taken and not tried."""
    state = DeliveryState.RETRY if delivery.attempts > 1 else DeliveryState.DUE
    values = {"state": state.value, "lease_until": None, "owner": None, "attempts": delivery.attempts - 1}
    conn.execute(sa.update(deliveries).where(*_mine(delivery.id, owner)).values(**values))


def hold(conn: sa.Connection, channel: str, until: datetime, reason: str) -> None:
    """Let everything that is due on a channel wait until an instant, and say why."""
    waiting = deliveries.c.state.in_([DeliveryState.DUE.value, DeliveryState.RETRY.value])
    statement = (
        sa.update(deliveries)
        .where(deliveries.c.channel == channel, waiting, deliveries.c.next_at < until)
        .values(next_at=until, last_failure=f"waiting: {reason}")
    )
    conn.execute(statement)


def replay(conn: sa.Connection, delivery_id: DeliveryId, now: datetime) -> bool:
    """Put a dead or a sent delivery back on its way, with a new period of grace; False when there is none."""
    done = deliveries.c.state.in_([DeliveryState.DEAD.value, DeliveryState.SENT.value])
    values = {"state": DeliveryState.DUE.value, "next_at": now, "give_up_from": now, "finished_at": None}
    statement = sa.update(deliveries).where(deliveries.c.delivery_id == delivery_id, done).values(**values)
    return conn.execute(statement).rowcount == 1


def give_up_from(conn: sa.Connection, delivery_id: DeliveryId) -> datetime:
    """The start of the time after which a delivery is given up: its planning, or its last replay."""
    query = sa.select(deliveries.c.give_up_from).where(deliveries.c.delivery_id == delivery_id)
    start: datetime = conn.execute(query).scalar_one()
    return start


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
    waiting = deliveries.c.state.in_([DeliveryState.DUE.value, DeliveryState.RETRY.value])
    earliest: datetime | None = conn.execute(sa.select(sa.func.min(deliveries.c.next_at)).where(waiting)).scalar_one()
    return earliest


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    waiting = deliveries.c.state.in_([DeliveryState.DUE.value, DeliveryState.RETRY.value])
    expired = sa.and_(deliveries.c.state == DeliveryState.LEASED.value, deliveries.c.lease_until <= now)
    return sa.or_(sa.and_(waiting, deliveries.c.next_at <= now), expired)


def _mine(delivery_id: DeliveryId, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    is_leased = deliveries.c.state == DeliveryState.LEASED.value
    return (deliveries.c.delivery_id == delivery_id, deliveries.c.owner == owner, is_leased)


def _previous(conn: sa.Connection, row: sa.RowMapping) -> Receipt | None:
    query = sa.select(told.c.receipt).where(
        told.c.group_key == row["group_key"],
        told.c.channel == row["channel"],
        told.c.generation == row["generation"],
    )
    return receipt_of(conn.execute(query).scalar_one_or_none())
