"""Baselines by content id, and which of them holds from when."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Engine, exists, func, select

from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.statements import insert, took_place
from monitor.adapters.sql.tables import baseline_promotions, baselines
from monitor.adapters.sql.types import database_now_ms
from monitor.domain.errors import BaselineError
from monitor.domain.models import ModelRef
from monitor.domain.time import format_instant, from_ms


class SqlBaselineStore:
    """The baseline port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, baseline_id: str, ref: ModelRef, payload: bytes, summary: Mapping[str, object]) -> bool:
        """Store once; False when it was there. BaselineError when the version has another baseline already."""
        row = {
            "id": baseline_id,
            "model": ref.name,
            "version": ref.version,
            "created_at_ms": database_now_ms(),
            "summary": json.dumps(summary, sort_keys=True, default=str),
            "payload": payload,
        }
        with writing(self._engine) as connection:
            statement = insert(connection, baselines).values(row).on_conflict_do_nothing()
            if took_place(connection, statement):
                return True
            there = select(baselines.c.id).where(baselines.c.model == ref.name, baselines.c.version == ref.version)
            present = connection.execute(there).scalar_one_or_none()
        if present == baseline_id:
            return False
        raise BaselineError(
            f"{ref} already has the baseline {present}, and a version has one: its windows must all mean the same. "
            f"Give the new baseline ({baseline_id}) a version of its own"
        )

    def get(self, baseline_id: str) -> bytes:
        """The payload; BaselineError when unknown."""
        statement = select(baselines.c.payload).where(baselines.c.id == baseline_id)
        with reading(self._engine) as connection:
            payload = connection.execute(statement).scalar_one_or_none()
        if payload is None:
            raise _unknown(baseline_id)
        return bytes(payload)

    def promote(self, ref: ModelRef, baseline_id: str, effective_from_ms: int | None, why: str) -> None:
        """Add to the version's timeline; nothing changes when its newest promotion says the same already."""
        with writing(self._engine) as connection:
            owner = connection.execute(
                select(baselines.c.model).where(baselines.c.id == baseline_id)
            ).scalar_one_or_none()
            if owner is None:
                raise _unknown(baseline_id)
            if owner != ref.name:
                raise BaselineError(f"baseline {baseline_id} is of the model {owner}: it cannot serve {ref}")
            if _newest(connection, ref) == (baseline_id, effective_from_ms):
                return
            connection.execute(
                insert(connection, baseline_promotions).values(
                    model=ref.name,
                    version=ref.version,
                    baseline_id=baseline_id,
                    effective_from_ms=effective_from_ms,
                    why=why,
                    promoted_at_ms=database_now_ms(),
                )
            )

    def timeline(self, model: str) -> list[tuple[str, int | None, str]]:
        """(version, effective from, baseline id) of a model's promotions, oldest first."""
        return self.timelines([model]).get(model, [])

    def timelines(self, models: Collection[str]) -> dict[str, list[tuple[str, int | None, str]]]:
        """The timeline of each of the models that have one."""
        table = baseline_promotions.c
        statement = (
            select(table.model, table.version, table.effective_from_ms, table.baseline_id)
            .where(table.model.in_(models))
            .order_by(table.sequence)
        )
        found: dict[str, list[tuple[str, int | None, str]]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(statement):
                found.setdefault(row.model, []).append((row.version, row.effective_from_ms, row.baseline_id))
        return found

    def summaries(self, model: str | None = None) -> list[Mapping[str, object]]:
        """The stored summaries with id, model, version, `created` (RFC 3339) and `promoted` (bool), oldest first."""
        table = baselines.c
        promoted = exists().where(baseline_promotions.c.baseline_id == table.id).label("promoted")
        statement = select(table.id, table.model, table.version, table.created_at_ms, table.summary, promoted)
        if model is not None:
            statement = statement.where(table.model == model)
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(table.created_at_ms, table.id)).all()
        return [
            {
                **json.loads(row.summary),
                "id": row.id,
                "model": row.model,
                "version": row.version,
                "created": format_instant(from_ms(row.created_at_ms)),
                "promoted": bool(row.promoted),
            }
            for row in rows
        ]


def _newest(connection: Connection, ref: ModelRef) -> tuple[str, int | None] | None:
    table = baseline_promotions.c
    newest = select(func.max(table.sequence)).where(table.model == ref.name, table.version == ref.version)
    statement = select(table.baseline_id, table.effective_from_ms).where(table.sequence == newest.scalar_subquery())
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row.baseline_id, row.effective_from_ms)


def _unknown(baseline_id: str) -> BaselineError:
    return BaselineError(f"no baseline {baseline_id} in the database: build it there, or name one that is listed")
