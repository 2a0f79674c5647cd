"""What digests need of the database. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from alerts.model import Alert, MutedAlert
from alerts.storage.rows import alert_of, decision_of
from alerts.storage.sql import active_groups, put_rows
from alerts.storage.tables import alerts, decisions, digests, groups


def told_until(conn: sa.Connection) -> Mapping[str, datetime]:
    """Until when each digest has told what happened."""
    return {row.name: row.told_until for row in conn.execute(sa.select(digests))}


def put_told_until(conn: sa.Connection, name: str, until: datetime) -> None:
    """Write it down."""
    put_rows(conn, digests, ("name",), [{"name": name, "told_until": until}])


def alerts_between(conn: sa.Connection, since: datetime, until: datetime) -> list[Alert]:
    """The occurrences that fired, began or ended in a period, as far as was heard of them by its end, oldest first."""
    concerns = sa.or_(alerts.c.ends_at.is_(None), alerts.c.ends_at >= since, alerts.c.last_seen_at >= since)
    query = sa.select(alerts).where(alerts.c.first_seen_at < until, concerns)
    rows = conn.execute(query.order_by(alerts.c.first_seen_at, alerts.c.fingerprint))
    return [alert_of(row) for row in rows]


def muted_between(conn: sa.Connection, since: datetime, until: datetime) -> list[MutedAlert]:
    """The alerts that messages left out in a period or leave out now, and why: each reason of each once."""
    left_out = sa.cast(decisions.c.muted, sa.Text) != "[]"
    query = sa.select(decisions, groups.c.labels).outerjoin(groups, groups.c.group_key == decisions.c.group_key)
    rows = conn.execute(query.where(decisions.c.at >= since, decisions.c.at < until, left_out)).mappings()
    found = {one: None for row in rows for one in decision_of(row).muted}
    for state in active_groups(conn).values():
        names = {alert.fingerprint: alert.labels for alert in state.members}
        now = (pair for log in state.told.values() for pair in log.muted.items())
        found |= {MutedAlert(names[name], why): None for name, why in now if name in names}
    return sorted(found, key=lambda one: (str(one.labels), one.muted.by))
