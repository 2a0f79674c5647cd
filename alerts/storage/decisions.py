"""The record of why channels were told, or were not. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from alerts.model import Decision, GroupKey, Repeated
from alerts.storage.bulk import write_many
from alerts.storage.rows import decision_of, decision_values
from alerts.storage.tables import decisions, groups


def put_decisions(conn: sa.Connection, batch: Sequence[Decision]) -> None:
    """Write down why channels were told, or were not."""
    write_many(conn, _ADD, list(map(decision_values, batch)))


_ADD = sa.insert(decisions)


def listed_decisions(conn: sa.Connection, keys: Collection[GroupKey] | None, limit: int) -> list[Decision]:
    """Decisions, the latest first, about these groups (None: about all)."""
    query = _with_labels().where(*_of_groups(keys)).order_by(decisions.c.seq.desc()).limit(limit)
    return [decision_of(row) for row in conn.execute(query).mappings()]


def repeated_refusals(conn: sa.Connection, limit: int) -> list[Repeated]:
    """Why channels were not told, about all groups, each answer once, the latest first.

    Messages that left out muted alerts are among them.
    """
    left_out = sa.cast(decisions.c.muted, sa.Text)
    untold = sa.or_(decisions.c.is_told.is_(False), left_out != "[]")
    same = (decisions.c.group_key, decisions.c.generation, decisions.c.channel, decisions.c.reason, left_out)
    answers = (
        sa.select(
            sa.func.max(decisions.c.seq).label("seq"),
            sa.func.min(decisions.c.at).label("first_at"),
            sa.func.count().label("times"),
        )
        .where(untold)
        .group_by(*same)
        .subquery()
    )
    query = _with_labels().add_columns(answers.c.first_at, answers.c.times)
    query = query.join(answers, answers.c.seq == decisions.c.seq).order_by(decisions.c.seq.desc()).limit(limit)
    rows = conn.execute(query).mappings()
    return [Repeated(decision_of(row), row["first_at"], row["times"]) for row in rows]


def _with_labels() -> sa.Select[tuple[object, ...]]:
    known = decisions.outerjoin(groups, groups.c.group_key == decisions.c.group_key)
    return sa.select(decisions, groups.c.labels).select_from(known)


def _of_groups(keys: Collection[GroupKey] | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if keys is None else (decisions.c.group_key.in_(sorted(keys)),)
