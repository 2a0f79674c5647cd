"""Predictions with their truth, record by record."""

from sqlalchemy import Engine, and_, select

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.tables import predictions, truths
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord


class SqlPairReads:
    """The port of pairs on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def judged(self, span: JoinSpan) -> list[JudgedRecord]:
        """The predictions of the span whose truth is known, by event id, each once: the latest made and known."""
        made, known = predictions.c, truths.c
        same = and_(made.model == known.model, made.event_id == known.event_id)
        statement = (
            select(made.event_id, made.event_time_ms, made.prediction, made.score, known.label)
            .select_from(predictions.join(truths, same))
            .where(made.model == span.ref.name, made.version == span.ref.version)
            .where(made.event_time_ms >= span.since_ms, made.event_time_ms < span.until_ms)
            .where(known.name == span.name, known.known_at_ms <= span.known_by_ms)
            .order_by(made.event_id, made.event_time_ms, known.known_at_ms, known.offset, known.label)
        )
        with reading(self._engine) as connection:
            rows = [JudgedRecord(*row) for row in connection.execute(statement)]
        return list({row.event_id: row for row in rows}.values())
