"""The durable log in the database: records that no broker keeps, in the order in which they were committed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, select, tuple_, update

from monitor.adapters.record_log.segments import LENGTH, pack
from monitor.adapters.sql.engine import durably, reading, writing
from monitor.adapters.sql.record_log_tables import log_ends, log_ids, log_receipts, log_segments
from monitor.adapters.sql.statements import add_many, insert
from monitor.adapters.sql.tables import progress
from monitor.domain.errors import SubmissionFault, SubmissionRefused
from monitor.domain.partitions import PartitionId
from monitor.domain.submission import Message, Receipt, Refusal, SubmissionKey

_AT_A_TIME = 500
_SWEPT_AT_A_TIME, _MOST_ROUNDS = 5_000, 200


Place = dict[str, str | int]
"""A partition, as columns."""


class SqlRecordLog:
    """One partition of the log on SQLite or PostgreSQL; safe to share between threads and processes.

    Appending locks the partition's row until the commit: a reader that sees an offset has seen all before it.
    """

    def __init__(self, engine: Engine, partition: PartitionId) -> None:
        self._engine = engine
        self._at: Place = {"topic": partition.topic, "partition": partition.partition}

    def backlog(self) -> int:
        """Records appended less records folded."""
        with reading(self._engine) as connection:
            end = connection.scalar(select(log_ends.c.next_offset).filter_by(**self._at)) or 0
            return max(0, end - self._folded(connection))

    def append(
        self, messages: Sequence[Message], refusals: Sequence[Refusal], key: SubmissionKey | None, now_ms: int
    ) -> Receipt:
        """Keep the messages whose id is new; the first of several with one id wins. See `RecordLog.append`."""
        with durably(self._engine) as connection:
            end = lock_end(connection, self._at)
            if key is not None and (known := _known_receipt(connection, key)) is not None:
                return known
            fresh = _unknown(connection, messages)
            write_segments(connection, self._at, end, list(fresh.values()), now_ms)
            add_many(connection, log_ids, [(one, now_ms) for one in sorted(fresh)])
            receipt = Receipt.of(len(messages), len(messages) - len(fresh), refusals)
            if key is not None:
                document = msgspec.json.encode(receipt).decode()
                add_many(connection, log_receipts, [(key.key, key.content, document, now_ms)])
        return receipt

    def sweep(self, keep_after_ms: int, remember_after_ms: int) -> Mapping[str, int]:
        """Delete in small transactions, a bounded number of them; number of deleted rows by table."""
        old: list[tuple[Table, ColumnElement[bool]]] = [
            (log_ids, log_ids.c.received_at_ms < remember_after_ms),
            (log_receipts, log_receipts.c.received_at_ms < remember_after_ms),
        ]
        return self.sweep_segments(keep_after_ms) | {table.name: self._delete(table, is_old) for table, is_old in old}

    def sweep_segments(self, keep_after_ms: int) -> dict[str, int]:
        """Delete records of this partition that are folded and were received before the instant; see `sweep`."""
        with reading(self._engine) as connection:
            folded = self._folded(connection)
        segments = log_segments.c
        ours = (segments.topic == self._at["topic"]) & (segments.partition == self._at["partition"])
        is_old = ours & (segments.next_offset <= folded) & (segments.received_at_ms < keep_after_ms)
        return {log_segments.name: self._delete(log_segments, is_old)}

    def _folded(self, connection: Connection) -> int:
        return connection.scalar(select(progress.c.next_offset).filter_by(**self._at)) or 0

    def _delete(self, table: Table, is_old: ColumnElement[bool]) -> int:
        keys, deleted = list(table.primary_key), 0
        statement = delete(table).where(tuple_(*keys).in_(select(*keys).where(is_old).limit(_SWEPT_AT_A_TIME)))
        for _ in range(_MOST_ROUNDS):
            with writing(self._engine) as connection:
                gone = connection.execute(statement).rowcount
            deleted += gone
            if gone < _SWEPT_AT_A_TIME:
                break
        return deleted


def lock_end(connection: Connection, at: Place) -> int:
    """The partition's end, which nobody else moves until the transaction ends."""
    connection.execute(insert(connection, log_ends).values(**at, next_offset=0).on_conflict_do_nothing())
    end: int = connection.execute(select(log_ends.c.next_offset).filter_by(**at).with_for_update()).scalar_one()
    return end


def write_segments(connection: Connection, at: Place, end: int, values: Sequence[bytes], now_ms: int) -> None:
    """Append behind the end, which is locked."""
    place = tuple(at.values())
    rows = []
    for start in range(0, len(values), LENGTH):
        part = values[start : start + LENGTH]
        rows.append((*place, end + start, end + start + len(part), now_ms, pack(part)))
    add_many(connection, log_segments, rows)
    connection.execute(update(log_ends).filter_by(**at).values(next_offset=end + len(values)))


def known_ids(connection: Connection, table: Table, ids: Iterable[bytes], **where: str) -> Iterator[bytes]:
    """Those of the ids that the table's column `id` holds, in rows of these values."""
    wanted = iter(sorted(ids))
    while some := list(islice(wanted, _AT_A_TIME)):
        found = connection.scalars(select(table.c.id).filter_by(**where).where(table.c.id.in_(some)))
        yield from map(bytes, found.all())


def _unknown(connection: Connection, messages: Sequence[Message]) -> dict[bytes, bytes]:
    """Id to value of the messages that are not in the log, in their order."""
    fresh: dict[bytes, bytes] = {}
    for message in messages:
        fresh.setdefault(message.id, message.value)
    for known in known_ids(connection, log_ids, list(fresh)):
        del fresh[known]
    return fresh


def _known_receipt(connection: Connection, key: SubmissionKey) -> Receipt | None:
    """What the key was answered before, None when it is new."""
    columns = log_receipts.c
    row = connection.execute(select(columns.content, columns.receipt).where(columns.key == key.key)).one_or_none()
    if row is None:
        return None
    if bytes(row.content) != key.content:
        raise SubmissionRefused(
            SubmissionFault.KEY_REUSED,
            f"the Idempotency-Key {key.key!r:.100} came with other content before; make a new key for new content",
        )
    return replace(msgspec.json.decode(row.receipt, type=Receipt), is_repeated=True)
