"""Predictions with their truth, record by record."""

from sqlalchemy import Engine, and_, select

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.tables import predictions, truths
from monitor.domain.models import ModelRef
from monitor.domain.verification import JudgedRecord


class SqlPairReads:
    """The port of pairs on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def judged(self, ref: ModelRef, since_ms: int, until_ms: int) -> list[JudgedRecord]:
        """Predictions of the version made in [since, until) whose truth is known, by event id."""
        table = predictions.c
        same = and_(table.model == truths.c.model, table.event_id == truths.c.event_id)
        statement = (
            select(table.event_id, table.event_time_ms, table.prediction, table.score, truths.c.label)
            .select_from(predictions.join(truths, same))
            .where(table.model == ref.name, table.version == ref.version)
            .where(table.event_time_ms >= since_ms, table.event_time_ms < until_ms)
            .order_by(table.event_id)
        )
        with reading(self._engine) as connection:
            return [JudgedRecord(*row) for row in connection.execute(statement)]
