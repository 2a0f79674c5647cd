"""How the channels do, a row each. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from alerts.pacing import Health
from alerts.storage.sql import put_rows
from alerts.storage.tables import channels


def health_of(conn: sa.Connection, channel: str) -> Health:
    """Of one channel, locked until the end of the transaction where the database can; a new one does well."""
    query = sa.select(channels).where(channels.c.channel == channel).with_for_update()
    row = conn.execute(query).mappings().one_or_none()
    return Health(channel) if row is None else Health(**row)


def put_health(conn: sa.Connection, health: Health) -> None:
    """Store it."""
    put_rows(conn, channels, ("channel",), [asdict(health)])


def all_health(conn: sa.Connection) -> list[Health]:
    """Of every channel that was used, by name."""
    return [Health(**row) for row in conn.execute(sa.select(channels).order_by(channels.c.channel)).mappings()]
