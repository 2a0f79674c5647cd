"""A consumer group whose clients behave as Kafka's do at their worst."""

from collections.abc import Mapping, Sequence

from monitor.adapters.memory.source import MemoryLog
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from tests.simulation.scene import PARTITIONS

MAX_RECORDS = 7
"""Records of a partition that a poll returns: few, so that polls end anywhere."""


class Group:
    """Who should read what, and the offsets that members told Kafka."""

    def __init__(self, log: MemoryLog, members: int) -> None:
        self.log = log
        self.dealt: list[tuple[PartitionId, ...]] = [()] * members
        self.hints: dict[PartitionId, int] = {}

    def deal(self, turn: int, among: Sequence[int] | None = None) -> None:
        """Give every partition to one of the members (all, or those), to another one for another turn."""
        there = range(len(self.dealt)) if among is None else among
        self.dealt = [()] * len(self.dealt)
        for number, partition in enumerate(PARTITIONS if there else ()):
            member = there[(number * (1 + turn % 3) + turn) % len(there)]
            self.dealt[member] = (*self.dealt[member], partition)


class GroupSource:
    """A member's client: it keeps its position in partitions that leave and come back, and starts from Kafka's.

    Like kafka-python 3, it must be sought after every assignment, or it goes on from anywhere.
    """

    def __init__(self, group: Group, max_records: int = MAX_RECORDS) -> None:
        self.group, self.max_records = group, max_records
        self.positions: dict[PartitionId, int] = {}
        self.mine: tuple[PartitionId, ...] = ()
        self.fails = self.is_closed = False

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """What this member believes to own."""
        return {partition: self.group.log.kinds[partition.topic] for partition in self.mine}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """A few records of each partition."""
        if self.fails or self.is_closed:
            raise SourceUnavailable("the connection to the broker is gone")
        polled = {}
        for partition in self.mine:
            at = self.positions.setdefault(partition, self.group.hints.get(partition, 0))
            found = self._records(partition)[at : at + self.max_records]
            if found:
                polled[partition] = found
                self.positions[partition] = found[-1].offset + 1
        return polled

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Go on from there."""
        self.positions[partition] = offset or 0

    def rewind(self, records: int) -> None:
        """Deliver again what was delivered."""
        self.positions = {partition: max(0, at - records) for partition, at in self.positions.items()}

    def highwater(self, partition: PartitionId) -> int | None:
        """The end of the partition."""
        return len(self._records(partition))

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Tell Kafka."""
        self.group.hints.update(offsets)

    def close(self) -> None:
        """Refuse further polls."""
        self.is_closed = True

    def _records(self, partition: PartitionId) -> Sequence[RawRecord]:
        return self.group.log.records[partition]
