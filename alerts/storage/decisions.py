"""The record of why channels were told, or were not. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from alerts.model import Decision, GroupKey
from alerts.storage.rows import decision_of, decision_values
from alerts.storage.tables import decisions, groups


def put_decisions(conn: sa.Connection, batch: Sequence[Decision]) -> None:
    """Write down why channels were told, or were not."""
    if batch:
        conn.execute(sa.insert(decisions), list(map(decision_values, batch)))


def listed_decisions(
    conn: sa.Connection, keys: Collection[GroupKey] | None, limit: int, *, only_untold: bool = False
) -> list[Decision]:
    """Decisions, the latest first, about these groups (None: about all).

    `only_untold` leaves those by which somebody was told of everything: it keeps messages that left
    out muted alerts.
    """
    query = sa.select(decisions, groups.c.labels).outerjoin(groups, groups.c.group_key == decisions.c.group_key)
    if keys is not None:
        query = query.where(decisions.c.group_key.in_(sorted(keys)))
    if only_untold:
        left_out = sa.cast(decisions.c.muted, sa.Text) != "[]"
        query = query.where(sa.or_(decisions.c.is_told.is_(False), left_out))
    rows = conn.execute(query.order_by(decisions.c.seq.desc()).limit(limit)).mappings()
    return [decision_of(row) for row in rows]
