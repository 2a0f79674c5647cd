"""Two sources read as one: the configured one, and the log of polled tables beside it."""

from collections.abc import Mapping, Sequence

from monitor.domain.partitions import PartitionId
from monitor.domain.ports import Source
from monitor.domain.records import RawRecord
from monitor.domain.stream import TopicKind


class JoinedSources:
    """Waits at the first source; the second is only looked at. Their partitions are never the same.

    The first is asked first: when it tells of records that cannot be read, which are passed over, nothing that the
    second had given is lost.
    """

    def __init__(self, first: Source, second: Source) -> None:
        self._first, self._second, self._has_more = first, second, False

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """Partitions of both."""
        return {**self._first.assigned(), **self._second.assigned()}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records of both; waits up to the timeout at the first, but not while the second has more."""
        heard = self._first.poll(0.0 if self._has_more else timeout_s)
        looked = self._second.poll(0.0)
        self._has_more = bool(looked)
        return {**heard, **looked}

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Go on from this offset (None: as the source that has the partition begins)."""
        self._of(partition).seek(partition, offset)

    def highwater(self, partition: PartitionId) -> int | None:
        """The end as the partition's source knows it."""
        return self._of(partition).highwater(partition)

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Each is told of its own partitions."""
        second = self._second.assigned()
        self._first.commit_hint({partition: at for partition, at in offsets.items() if partition not in second})
        self._second.commit_hint({partition: at for partition, at in offsets.items() if partition in second})

    def close(self) -> None:
        """Close both, the second even when the first fails."""
        try:
            self._first.close()
        finally:
            self._second.close()

    def _of(self, partition: PartitionId) -> Source:
        return self._second if partition in self._second.assigned() else self._first
