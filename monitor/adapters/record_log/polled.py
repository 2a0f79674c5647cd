"""Rows of polled tables in the durable log, with the cursor that says how far each table has been read."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, Engine, delete, select, update

from monitor.adapters.record_log.log import Place, known_ids, lock_end, write_segments
from monitor.adapters.sql.engine import durably, reading, writing
from monitor.adapters.sql.record_log_tables import polled_rows, polled_tables
from monitor.adapters.sql.statements import add_many, insert
from monitor.domain.errors import PolledElsewhere
from monitor.domain.partitions import PartitionId
from monitor.domain.polling import ALWAYS_MS, NOTHING_READ, Cursor, PolledRow, TableState


class SqlPolledLog:
    """One partition of the log, which all polled tables share; safe to share between threads and processes."""

    def __init__(self, engine: Engine, partition: PartitionId) -> None:
        self._engine = engine
        self._at: Place = {"topic": partition.topic, "partition": partition.partition}

    def state(self, source: str) -> TableState:
        """What is known of the table."""
        with reading(self._engine) as connection:
            row = connection.execute(select(polled_tables).filter_by(source=source)).mappings().one_or_none()
        if row is None:
            return TableState(source, NOTHING_READ)
        values = dict(row)
        cursor = Cursor(**{name: values.pop(name) for name in Cursor.__dataclass_fields__})
        return TableState(cursor=cursor, **values)

    def append(
        self, state: TableState, rows: Sequence[PolledRow], cursor: Cursor, keep_ids_from_ms: int, now_ms: int
    ) -> TableState:
        """Keep the rows that are new, with the cursor behind them. See `PolledLog.append`."""
        with durably(self._engine) as connection:
            end = lock_end(connection, self._at)
            fresh = {row.id: row for row in rows}
            for known in known_ids(connection, polled_rows, list(fresh), source=state.source):
                del fresh[known]
            messages = [row.message for row in fresh.values() if row.message is not None]
            if messages:
                write_segments(connection, self._at, end, messages, now_ms)
            self._remember(connection, state.source, list(fresh.values()), keep_ids_from_ms)
            return _save(
                connection,
                replace(
                    state,
                    cursor=cursor,
                    rows=state.rows + len(messages),
                    unlabelled=state.unlabelled + len(fresh) - len(messages),
                ),
            )

    def note(self, state: TableState) -> TableState:
        """Save what is known of the table."""
        with writing(self._engine) as connection:
            return _save(connection, state)

    @staticmethod
    def _remember(connection: Connection, source: str, rows: Sequence[PolledRow], from_ms: int) -> None:
        times = [(row.id, ALWAYS_MS if row.at_ms is None else row.at_ms) for row in rows]
        add_many(connection, polled_rows, [(source, one, at_ms) for one, at_ms in sorted(times) if at_ms >= from_ms])
        connection.execute(delete(polled_rows).where(polled_rows.c.source == source, polled_rows.c.at_ms < from_ms))


def _save(connection: Connection, state: TableState) -> TableState:
    values = asdict(state)
    values |= values.pop("cursor") | {"revision": state.revision + 1}
    if state.revision == 0:
        statement = insert(connection, polled_tables).values(**values).on_conflict_do_nothing()
        saved = connection.execute(statement.returning(polled_tables.c.revision)).all()
    else:
        known = {"source": state.source, "revision": state.revision}
        moved = update(polled_tables).filter_by(**known).values(**values).returning(polled_tables.c.revision)
        saved = connection.execute(moved).all()
    if not saved:
        raise PolledElsewhere(f"another process has read on in {state.source}")
    return replace(state, revision=state.revision + 1)
