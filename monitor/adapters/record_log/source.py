"""The durable log as a source: one partition, read by whichever process holds the lease."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, func, select

from monitor.adapters.record_log.segments import unpack
from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.leases import SqlLease
from monitor.adapters.sql.record_log_tables import log_ends, log_segments
from monitor.domain.errors import SourceUnavailable, StoreUnavailable
from monitor.domain.partitions import PartitionId
from monitor.domain.records import RawRecord
from monitor.domain.stream import TopicKind

TERM_S = 10.0
"""How long a process that died keeps others from reading on."""

_LOOK_EVERY_S = 0.1


class RecordLogSource:
    """Reads the log from the offset that was sought.

    The lease only keeps two workers from claiming the partition from each other in turns; what they save is right
    without it.
    """

    def __init__(
        self,
        engine: Engine,
        partition: PartitionId,
        owner: str,
        max_records: int = 5_000,
        *,
        kind: TopicKind = TopicKind.MIXED,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._partition, self._owner = engine, partition, owner
        self._max_records, self._kind, self._monotonic = max_records, kind, monotonic
        self._lease, self._lease_name = SqlLease(engine), f"record log {partition}"
        self._position: int | None = None
        self._end: int | None = None
        self._is_ours, self._renew_at_s, self._is_closed = False, monotonic(), False
        self._hold()

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """The partition, as long as this process has the lease."""
        return {self._partition: self._kind} if self._is_ours else {}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records from the position on; waits up to the timeout while there are none."""
        if self._is_closed:
            raise SourceUnavailable("the source is closed: build a new one")
        deadline_s = self._monotonic() + timeout_s
        while True:
            self._hold()
            if self._is_ours and self._position is not None and (records := self._read(self._position)):
                self._position = records[-1].offset + 1
                return {self._partition: records}
            if self._monotonic() >= deadline_s:
                return {}
            time.sleep(min(_LOOK_EVERY_S, timeout_s))

    def seek(self, partition: PartitionId, offset: int | None) -> None:  # noqa: ARG002 - there is only one
        """Go on from this offset (None: from the oldest record that is kept)."""
        self._position = offset or 0

    def highwater(self, partition: PartitionId) -> int | None:  # noqa: ARG002 - there is only one
        """The log's end as of the last poll."""
        return self._end

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """The log looks at the saved progress itself."""

    def close(self) -> None:
        """Let another process read on at once."""
        if self._is_ours and not self._is_closed:
            with suppress(StoreUnavailable):
                self._lease.hold(self._lease_name, self._owner, 0)
        self._is_closed, self._is_ours = True, False

    def _hold(self) -> None:
        now_s = self._monotonic()
        if now_s < self._renew_at_s:
            return
        with _asking():
            held = self._lease.hold(self._lease_name, self._owner, TERM_S)
        if not held or not self._is_ours:
            self._position = None  # what is assigned anew is sought anew
        self._is_ours, self._renew_at_s = held, now_s + TERM_S / (5 if held else 10)

    def _read(self, position: int) -> list[RawRecord]:
        with _asking(), reading(self._engine) as connection:
            at = {"topic": self._partition.topic, "partition": self._partition.partition}
            self._end = connection.scalar(select(log_ends.c.next_offset).filter_by(**at)) or 0
            if self._end <= position:
                return []
            segments = self._segments(connection, position)
        records = [record for payload, first, at_ms in segments for record in unpack(payload, first, at_ms)]
        return [record for record in records if record.offset >= position][: self._max_records]

    def _segments(self, connection: Connection, position: int) -> Sequence[tuple[bytes, int, int]]:
        """The segment that holds the position, and those behind it as long as the poll has room.

        Payloads are asked for once it is known how many records they hold: segments may be of one record or a thousand.
        """
        table = log_segments.c
        ours = (table.topic == self._partition.topic) & (table.partition == self._partition.partition)
        start = select(func.max(table.first_offset)).where(ours, table.first_offset <= position).scalar_subquery()
        ahead = ours & (table.first_offset >= func.coalesce(start, 0)) & (table.next_offset > position)
        extents = select(table.first_offset, table.next_offset).where(ahead).order_by(table.first_offset)
        wanted, room = list[int](), self._max_records
        for row in connection.execute(extents.limit(self._max_records)):
            if room <= 0:
                break
            wanted.append(row.first_offset)
            room -= row.next_offset - row.first_offset
        if not wanted:
            return []
        statement = (
            select(table.payload, table.first_offset, table.received_at_ms)
            .where(ours, table.first_offset.between(wanted[0], wanted[-1]))
            .order_by(table.first_offset)
        )
        return [(row.payload, row.first_offset, row.received_at_ms) for row in connection.execute(statement)]


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise SourceUnavailable(f"the log of received records: {error}") from error
