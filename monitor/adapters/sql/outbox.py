"""Alert events that wait for the relay, in the order in which they were made."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, select, update

from monitor.adapters.sql.documents import event_from_json, event_to_json
from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.statements import insert
from monitor.adapters.sql.tables import outbox
from monitor.adapters.sql.types import database_now_ms
from monitor.domain.rules import AlertEvent


class SqlOutboxStore:
    """The outbox port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pending(self, limit: int) -> list[tuple[int, AlertEvent]]:
        """(sequence number, event) of those not handed over yet, in order."""
        table = outbox.c
        statement = (
            select(table.sequence, table.event)
            .where(table.relayed_at_ms.is_(None))
            .order_by(table.sequence)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(row.sequence, event_from_json(row.event)) for row in connection.execute(statement)]

    def enqueue(self, events: Sequence[AlertEvent]) -> None:
        """Add events that no evaluation made (about retraining jobs)."""
        with writing(self._engine) as connection:
            add_events(connection, events)

    def relayed(self, sequence_numbers: Sequence[int]) -> None:
        """Mark as handed over; marking twice keeps the first time."""
        table = outbox.c
        statement = (
            update(outbox)
            .where(table.sequence.in_(sequence_numbers), table.relayed_at_ms.is_(None))
            .values(relayed_at_ms=database_now_ms())
        )
        with writing(self._engine) as connection:
            connection.execute(statement)


def add_events(connection: Connection, events: Sequence[AlertEvent]) -> None:
    """Add events at the end; the caller owns the transaction."""
    if events:
        connection.execute(insert(connection, outbox), [{"event": event_to_json(event)} for event in events])
