"""Predictions with their truth, record by record."""

from sqlalchemy import Engine

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.joins import KNOWN, MADE, joined_rows
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord


class SqlPairReads:
    """The port of pairs on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def judged(self, span: JoinSpan) -> list[JudgedRecord]:
        """The predictions of the span whose truth is known, by event id, each once: the latest made and known."""
        columns = (MADE.event_id, MADE.event_time_ms, MADE.prediction, MADE.score, KNOWN.label, MADE.scores)
        with reading(self._engine) as connection:
            rows = [JudgedRecord(*row) for row in connection.execute(joined_rows(span, *columns))]
        return list({row.event_id: row for row in rows}.values())
