"""Forget what is finished and old. The caller owns the transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from alerts.storage.tables import (
    alerts,
    attempts,
    decisions,
    deliveries,
    events,
    groups,
    members,
    silences,
    told,
)


def prune(conn: sa.Connection, before: datetime) -> int:
    """Drop what was finished before an instant; the number of rows. Nothing open is ever dropped.

    Events are what makes a repeated one known: one that is sent again after its row was dropped counts
    as new. The rows of groups stay, since their generation numbers must not begin again.
    """
    old = sa.select(deliveries.c.delivery_id).where(deliveries.c.finished_at < before)
    over = sa.select(groups.c.group_key).where(groups.c.finished_at < before)
    statements = (
        sa.delete(attempts).where(attempts.c.delivery_id.in_(old)),
        sa.delete(deliveries).where(deliveries.c.finished_at < before),
        sa.delete(told).where(told.c.group_key.in_(over)),
        sa.delete(decisions).where(decisions.c.at < before),
        sa.delete(silences).where(silences.c.ends_at < before),
        sa.delete(events).where(events.c.outcome.is_not(None), events.c.received_at < before),
        sa.delete(alerts).where(
            alerts.c.ends_at < before,
            alerts.c.last_seen_at < before,
            alerts.c.fingerprint.not_in(sa.select(members.c.fingerprint)),
        ),
    )
    return sum(conn.execute(statement).rowcount for statement in statements)
