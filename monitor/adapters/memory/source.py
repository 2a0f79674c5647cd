"""A log in memory, and a source over it: the reference for what every source promises."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import Headers, PartitionId, RawRecord
from monitor.domain.stream import TopicKind


@dataclass(slots=True)
class MemoryLog:
    """Append-only partitions that several sources may read, as a broker would keep them."""

    kinds: dict[str, TopicKind] = field(default_factory=dict)
    records: dict[PartitionId, list[RawRecord]] = field(default_factory=dict)

    def create(self, topic: str, partitions: int = 1, kind: TopicKind = TopicKind.INFERENCE) -> None:
        """Add a topic with empty partitions."""
        self.kinds[topic] = kind
        for number in range(partitions):
            self.records.setdefault(PartitionId(topic, number), [])

    def append(
        self, partition: PartitionId, values: Iterable[bytes | None], timestamp_ms: int = -1, headers: Headers = ()
    ) -> None:
        """Write messages, all with these headers; offsets count on from the last."""
        log = self.records[partition]
        for value in values:
            log.append(RawRecord(len(log), value, timestamp_ms=timestamp_ms, headers=headers))


class MemorySource:
    """A group member that reads its part of a `MemoryLog`.

    `assign` plays the group coordinator. Partitions deliver nothing until they were sought, so that a worker that
    forgot to position itself by its database is found out by the first test.
    """

    def __init__(
        self, log: MemoryLog, max_records: int = 5_000, *, partitions: Iterable[PartitionId] | None = None
    ) -> None:
        self._log = log
        self._max_records = max_records
        self._positions: dict[PartitionId, int] = {}
        self._closed = False
        self._assigned = tuple(log.records if partitions is None else partitions)

    def assign(self, partitions: Iterable[PartitionId]) -> None:
        """Rebalance: these partitions from now on. A partition that comes back must be sought again."""
        self._assigned = tuple(partitions)
        self._positions = {p: at for p, at in self._positions.items() if p in self._assigned}

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """The partitions of the last `assign`, by default all of the log."""
        return {partition: self._log.kinds[partition.topic] for partition in self._assigned}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:  # noqa: ARG002 - never waits
        """Up to `max_records` records, partition by partition; never waits."""
        if self._closed:
            raise SourceUnavailable("the source is closed: build a new one")
        room, polled = self._max_records, {}
        for partition, position in list(self._positions.items()):
            records = self._log.records[partition][position : position + room]
            if records:
                polled[partition] = records
                self._positions[partition] = records[-1].offset + 1
                room -= len(records)
            if room == 0:
                break
        return polled

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Go on from this offset (None: from the first record)."""
        self._positions[partition] = offset or 0

    def highwater(self, partition: PartitionId) -> int | None:
        """The length of the partition's log."""
        return len(self._log.records[partition])

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Nobody watches the lag of a log in memory."""

    def close(self) -> None:
        """Refuse further polls."""
        self._closed = True
