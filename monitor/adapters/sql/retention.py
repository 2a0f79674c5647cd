"""Forgetting what is older than people want to keep, in batches that never hold the database for long."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, or_, select, tuple_

from monitor.adapters.sql import tables
from monitor.adapters.sql.engine import writing
from monitor.domain.time import from_ms


class SqlRetention:
    """The retention port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sweep(self, model: str, records_before_ms: int, findings_before_ms: int, limit: int) -> Mapping[str, int]:
        """Delete at most `limit` rows of each table, one transaction a table; the number of deleted rows by table.

        Dead letters of no known model and relayed alert events belong to no model: they go with any.
        """
        deleted = {}
        for table, is_old in _old_rows(model, records_before_ms, findings_before_ms):
            with writing(self._engine) as connection:
                deleted[table.name] = _delete(connection, table, is_old, limit)
        return deleted


def _old_rows(model: str, records_before_ms: int, findings_before_ms: int) -> list[tuple[Table, ColumnElement[bool]]]:
    shares, predictions, truths = tables.shares.c, tables.predictions.c, tables.truths.c
    letters, findings, evaluations = tables.dead_letters.c, tables.findings.c, tables.evaluations.c
    transitions, halves = tables.transitions.c, tables.waiting_halves.c
    return [
        (tables.shares, (shares.model == model) & (shares.pane_start_ms < records_before_ms)),
        (
            tables.tallies,
            tables.tallies.c.model.in_(["", model]) & (tables.tallies.c.pane_start_ms < records_before_ms),
        ),
        (tables.served, (tables.served.c.model == model) & (tables.served.c.pane_start_ms < records_before_ms)),
        (tables.seen_ids, (tables.seen_ids.c.model == model) & (tables.seen_ids.c.newest_ms < records_before_ms)),
        (tables.predictions, (predictions.model == model) & (predictions.event_time_ms < records_before_ms)),
        (tables.truths, (truths.model == model) & (truths.known_at_ms < records_before_ms)),
        (tables.waiting_halves, (halves.model == model) & (halves.event_time_ms < records_before_ms)),
        (
            tables.dead_letters,
            or_(letters.model == model, letters.model.is_(None)) & (letters.seen_at_ms < records_before_ms),
        ),
        (tables.outbox, tables.outbox.c.relayed_at_ms < records_before_ms),
        (
            tables.sequential_alarms,
            (tables.sequential_alarms.c.model == model) & (tables.sequential_alarms.c.reached_ms < findings_before_ms),
        ),
        # findings before the evaluations that tell which of them are the newest
        (tables.findings, (findings.model == model) & (findings.window_end_ms <= findings_before_ms)),
        (tables.evaluations, (evaluations.model == model) & (evaluations.window_end_ms <= findings_before_ms)),
        (tables.transitions, (transitions.model == model) & (transitions.at < from_ms(findings_before_ms))),
    ]


def _delete(connection: Connection, table: Table, is_old: ColumnElement[bool], limit: int) -> int:
    keys = list(table.primary_key)
    some = select(*keys).where(is_old).limit(limit)
    return connection.execute(delete(table).where(tuple_(*keys).in_(some))).rowcount
