"""What a worker saves of a stream: claims on partitions, shares of windows, progress."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.records import DeadLetter, PartitionId, Prediction, Truth


class TopicKind(StrEnum):
    """What a topic carries; only inference topics move the watermark that closes drift windows."""

    INFERENCE = "inference"
    GROUND_TRUTH = "ground_truth"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write a partition's progress: whoever raised the epoch last holds it.

    `next_offset` is the offset of the next record to read (None: never read before).
    """

    partition: PartitionId
    epoch: int
    next_offset: int | None
    watermark_ms: int | None


@dataclass(frozen=True, slots=True, order=True)
class ShareKey:
    """Whose part of which pane: only the claim's holder ever writes it."""

    model: str
    version: str
    segment: str
    pane_start_ms: int
    baseline_id: str
    partition: PartitionId
    epoch: int


@dataclass(frozen=True, slots=True)
class Share:
    """One partition's part of a pane: a pure function of the log in [first_offset, next_offset).

    `payload` is the profile of all columns (`ModelProfile.to_bytes`); empty where the model has no baseline.
    """

    key: ShareKey
    n: int
    late: int
    first_offset: int
    next_offset: int
    payload: bytes


class Side(StrEnum):
    """Which half of an inference record a message is."""

    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True, order=True)
class HalfKey:
    """Where a waiting half is kept: by the partition that it was read from."""

    partition: PartitionId
    model: str
    pair_id: str
    side: Side


@dataclass(frozen=True, slots=True)
class Half:
    """A request or a response that waits for its other half (docs/decisions/0020).

    Two halves of one model and pair id belong together when their event times differ by at most `wait_ms`. `payload`
    is what the format made of the message.
    """

    key: HalfKey
    offset: int
    event_time_ms: int
    wait_ms: int
    payload: bytes

    def belongs_to(self, other: "Half") -> bool:
        """Whether the two are close enough in event time; a pure function of the two."""
        return abs(self.event_time_ms - other.event_time_ms) <= min(self.wait_ms, other.wait_ms)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two halves that found each other; counted where and when the later one was read, at `offset`."""

    request: Half
    response: Half
    offset: int


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A Parquet file of raw rows, named by what it holds, so that a rewrite after a crash is the same file."""

    path: str
    model: str
    version: str
    start_ms: int
    end_ms: int
    rows: int
    partition: PartitionId
    first_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Everything that one transaction saves for one partition; all of it or nothing.

    `old_offset` is the offset that the previous flush (or the claim) left; the store refuses the flush (`Fenced`)
    unless the partition still stands there in the claim's epoch. `halves` begin to wait; those of `halves_done` wait no
    more (met or given up), and the flush is refused, too, unless every one of them is still there.
    `halves_clock_ms` is the newest event time of the partition's halves.
    """

    claim: Claim
    kind: TopicKind
    old_offset: int | None
    next_offset: int
    watermark_ms: int | None
    highwater: int | None
    saved_at_ms: int
    caught_up_at_ms: int | None = None
    shares: Sequence[Share] = field(default=())
    dead_letters: Sequence[DeadLetter] = field(default=())
    predictions: Sequence[Prediction] = field(default=())
    truths: Sequence[Truth] = field(default=())
    archive: Sequence[ArchiveFile] = field(default=())
    halves: Sequence[Half] = field(default=())
    halves_done: Sequence[HalfKey] = field(default=())
    halves_clock_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """How far a partition has been read; `caught_up_at_ms` is the wall-clock time at which its end was last seen.

    `next_offset` is None until the first flush, and `updated_at_ms` (wall clock of the last flush) is 0 until then.
    """

    partition: PartitionId
    kind: TopicKind
    epoch: int
    owner: str
    next_offset: int | None
    watermark_ms: int | None
    highwater: int | None
    updated_at_ms: int
    caught_up_at_ms: int | None


@dataclass(frozen=True, slots=True)
class PaneSummary:
    """How many records (of how many with known truth) a pane of a model version holds, over all its shares."""

    model: str
    version: str
    pane_start_ms: int
    n: int
    late: int
    truths: int = 0
