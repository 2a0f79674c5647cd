"""Silences in SQL. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from alerts.routing import Matcher
from alerts.silences import Silence, SilenceId
from alerts.storage.bulk import upsert, write_many
from alerts.storage.rows import Row
from alerts.storage.tables import silences


def put_silence(conn: sa.Connection, silence: Silence) -> None:
    """Store a silence; of one that is there already, only its times change."""
    row = {
        "silence_id": silence.id,
        "matchers": list(map(str, silence.matchers)),
        "author": silence.author,
        "reason": silence.reason,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "created_at": silence.created_at,
    }
    write_many(conn, upsert(conn.dialect.name, silences, ("silence_id",), ("starts_at", "ends_at")), [row])


def silences_ending_after(conn: sa.Connection, now: datetime) -> list[Silence]:
    """Those that are not over, the first to end first."""
    return _read(conn, sa.select(silences).where(silences.c.ends_at > now).order_by(*_ORDER))


def all_silences(conn: sa.Connection, limit: int) -> list[Silence]:
    """Also those that are over, the first to end last."""
    return _read(conn, sa.select(silences).order_by(silences.c.ends_at.desc(), silences.c.silence_id).limit(limit))


def silences_beginning_with(conn: sa.Connection, beginning: str) -> list[Silence]:
    """Those whose id begins like this."""
    is_alike = silences.c.silence_id.startswith(beginning, autoescape=True)
    return _read(conn, sa.select(silences).where(is_alike).order_by(*_ORDER))


_ORDER = (silences.c.ends_at, silences.c.silence_id)


def _read(conn: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[Silence]:
    return [_silence_of(row) for row in conn.execute(query).mappings()]


def _silence_of(row: Row) -> Silence:
    return Silence(
        id=SilenceId(row["silence_id"]),
        matchers=tuple(map(Matcher.parse, row["matchers"])),
        author=row["author"],
        reason=row["reason"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        created_at=row["created_at"],
    )
