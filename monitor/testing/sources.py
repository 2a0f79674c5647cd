"""Conformance kit of sources: what every implementation of `Source` must do, whatever it reads.

Subclass `SourceConformance` as a pytest class and give it a `rig` fixture.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.domain.ports import Source
from monitor.domain.records import PartitionId, RawRecord


@dataclass(frozen=True, slots=True)
class SourceRig:
    """One source under test: how to write to what it reads, and how to open another reader of the same.

    `write` appends values to the first partition; `patience_s` bounds every wait.
    """

    open: Callable[[], Source]
    write: Callable[[Sequence[bytes]], None]
    patience_s: float = 60.0


def read(
    source: Source,
    expected: int,
    patience_s: float,
    start: Mapping[PartitionId, int] | None = None,
) -> dict[PartitionId, list[RawRecord]]:
    """Read as a worker does: seek what is newly assigned, poll, until `expected` records came or patience ends."""
    start = start or {}
    sought: set[PartitionId] = set()
    got: dict[PartitionId, list[RawRecord]] = {}
    deadline = time.monotonic() + patience_s
    while sum(map(len, got.values())) < expected and time.monotonic() < deadline:
        for partition, records in source.poll(0.1).items():
            got.setdefault(partition, []).extend(records)
        assigned = set(source.assigned())
        for partition in assigned - sought:
            source.seek(partition, start.get(partition))
        sought = assigned
    return got


def first_of(got: Mapping[PartitionId, Sequence[RawRecord]]) -> tuple[PartitionId, Sequence[RawRecord]]:
    """The partition that was read from; an AssertionError that says so when nothing came at all."""
    assert got, "no record came: was nothing written, was no partition given to the source, or is the machine too busy?"
    return next(iter(got.items()))


def values(got: Mapping[PartitionId, Sequence[RawRecord]]) -> list[bytes | None]:
    """The values read, partition by partition."""
    return [record.value for _, records in sorted(got.items()) for record in records]


class SourceConformance:
    """The promises of `Source`, as tests."""

    def test_records_arrive_unchanged_in_order_with_growing_offsets(self, rig: SourceRig) -> None:
        """Bytes are bytes: nothing is decoded, trimmed or dropped on the way."""
        sent = [b'{"n":%d}' % i for i in range(50)] + [b"not json", b"\xff\xfe", b'{"x": NaN}']
        rig.write(sent)
        source = rig.open()

        got = read(source, len(sent), rig.patience_s)

        source.close()
        offsets = [[record.offset for record in records] for records in got.values()]
        assert values(got) == sent
        assert all(line == sorted(set(line)) for line in offsets)

    def test_nothing_is_delivered_before_the_partition_was_sought(self, rig: SourceRig) -> None:
        """Positions come from the database; a source that starts by itself would skip or double."""
        rig.write([b"1", b"2"])
        source = rig.open()

        deadline = time.monotonic() + rig.patience_s
        polled = dict(source.poll(0.1))
        while not source.assigned() and time.monotonic() < deadline:
            polled.update(source.poll(0.1))
        polled.update(source.poll(0.3))
        assigned = source.assigned()

        source.close()
        assert assigned
        assert polled == {}

    def test_a_new_reader_goes_on_from_the_stored_offset(self, rig: SourceRig) -> None:
        """After a crash: seek to the last offset plus one delivers the rest, exactly."""
        sent = [b'{"n":%d}' % i for i in range(20)]
        rig.write(sent)
        first = rig.open()
        before = read(first, len(sent), rig.patience_s)
        first.close()
        stored = {partition: records[6].offset + 1 for partition, records in before.items()}
        second = rig.open()

        after = read(second, len(sent) - 7, rig.patience_s, stored)

        second.close()
        assert values(after) == sent[7:]

    def test_seeking_back_delivers_again(self, rig: SourceRig) -> None:
        """A fenced worker rereads: the source must not insist on its own position."""
        sent = [b'{"n":%d}' % i for i in range(10)]
        rig.write(sent)
        source = rig.open()
        first = read(source, len(sent), rig.patience_s)
        partition, records = first_of(first)

        source.seek(partition, records[4].offset)
        again: list[RawRecord] = []
        deadline = time.monotonic() + rig.patience_s
        while len(again) < 6 and time.monotonic() < deadline:
            again.extend(source.poll(0.1).get(partition, ()))

        source.close()
        assert [record.value for record in again] == sent[4:]

    def test_records_written_later_are_delivered(self, rig: SourceRig) -> None:
        """A source follows what it reads."""
        rig.write([b"1"])
        source = rig.open()
        first = read(source, 1, rig.patience_s)
        partition, _ = first_of(first)

        rig.write([b"2", b"3"])
        later: list[bytes | None] = []
        deadline = time.monotonic() + rig.patience_s
        while len(later) < 2 and time.monotonic() < deadline:
            later.extend(record.value for record in source.poll(0.1).get(partition, ()))

        source.close()
        assert later == [b"2", b"3"]

    def test_the_end_is_known_once_everything_was_read(self, rig: SourceRig) -> None:
        """`highwater` equals the position exactly when the worker has caught up."""
        rig.write([b"1", b"2", b"3"])
        source = rig.open()
        partition, records = first_of(read(source, 3, rig.patience_s))

        source.poll(0.3)
        highwater = source.highwater(partition)

        source.close()
        assert highwater == records[-1].offset + 1

    def test_closing_twice_and_hinting_are_harmless(self, rig: SourceRig) -> None:
        """Shutdown has one path, and it may be taken twice."""
        rig.write([b"1"])
        source = rig.open()
        got = read(source, 1, rig.patience_s)

        source.commit_hint({partition: records[-1].offset + 1 for partition, records in got.items()})
        source.close()
        source.close()

        assert values(got) == [b"1"]
