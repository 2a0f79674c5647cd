"""What a worker saves of a stream: claims on partitions, shares of windows, progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, PartitionId, Prediction, Truth
from monitor.domain.sequential import SequentialAlarm, SequentialState

HISTORY_PREFIX = "history/"
"""Begins the owner of partitions that a backfill has read."""

REPLAY_PREFIX = "dead-letters:"
"""Replayed dead letters of a topic are read as partition 0 of a topic of this name, with offsets of their own."""


class TopicKind(StrEnum):
    """What a topic carries; only inference topics move the watermark that closes drift windows."""

    INFERENCE = "inference"
    GROUND_TRUTH = "ground_truth"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write a partition's progress: whoever raised the epoch last holds it.

    `next_offset` is the offset of the next record to read (None: never read before), `remembered` the event ids that
    are known of the records before it, in the order in which they were first seen. `detectors` stand where the records
    before it have brought them.
    """

    partition: PartitionId
    epoch: int
    next_offset: int | None
    watermark_ms: int | None
    remembered: Sequence["IdBlock"] = field(default=(), repr=False)
    detectors: Sequence[SequentialState] = field(default=(), repr=False)


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
class IdBlock:
    """Some event ids of one model version in one partition, as 64-bit hashes (little-endian, 8 bytes each).

    `first` is how many ids of the version were first seen in this partition before the block's own. A block is
    replaced whole while it grows; `newest_ms` is the newest event time among its records.
    """

    model: str
    version: str
    first: int
    newest_ms: int
    ids: bytes


DUPLICATE = "duplicate"
"""What became of a record whose event id was seen before; other records that were not counted have a RejectReason."""


@dataclass(frozen=True, slots=True, order=True)
class TallyKey:
    """Of which pane, and what became of the records: `fate` is DUPLICATE or the value of a RejectReason.

    `model` and `version` are empty where a refused record does not tell.
    """

    model: str
    version: str
    pane_start_ms: int
    fate: str
    partition: PartitionId
    epoch: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records of one claim were not counted in a pane, for one reason; replaced whole, as a share is."""

    key: TallyKey
    n: int


@dataclass(frozen=True, slots=True, order=True)
class ServedKey:
    """Of which pane, and who served: `producer` is empty where records state a weight alone."""

    model: str
    version: str
    pane_start_ms: int
    producer: str
    partition: PartitionId
    epoch: int


@dataclass(frozen=True, slots=True)
class Served:
    """What a producer says of how much it served, in the records of one claim that were counted in a pane.

    `n` records stated something; they stand for so many thousandths of served ones. `first` and `last` are the least
    and greatest of its running numbers among them, None where they have none.
    """

    key: ServedKey
    n: int
    weight_thousandths: int
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A Parquet file of raw rows, named by what it holds, so that a rewrite after a crash is the same file.

    `path` is relative to the archive's root; `rate` (above 0, at most 1) is the share of predictions that was kept.
    """

    path: str
    model: str
    version: str
    start_ms: int
    end_ms: int
    rows: int
    partition: PartitionId
    first_offset: int
    next_offset: int
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Flush:
    """Everything that one transaction saves for one partition; all of it or nothing.

    `old_offset` is the offset that the previous flush (or the claim) left; the store refuses the flush (`Fenced`)
    unless the partition still stands there in the claim's epoch. `forgotten_ids` names versions with the number of ids
    up to which blocks are dropped; `replayed` are dead letters that were counted now. `halves` begin to wait; those of
    `halves_done` wait no more (met or given up), and the flush is refused, too, unless every one of them is still
    there. `halves_clock_ms` is the newest event time of the partition's halves. `detectors` stand at `next_offset`, and
    `alarms` are what came of the records on the way.
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
    tallies: Sequence[Tally] = field(default=())
    served: Sequence[Served] = field(default=())
    id_blocks: Sequence[IdBlock] = field(default=())
    forgotten_ids: Sequence[tuple[ModelRef, int]] = field(default=())
    replayed: Sequence[tuple[PartitionId, int]] = field(default=())
    halves: Sequence[Half] = field(default=())
    halves_done: Sequence[HalfKey] = field(default=())
    halves_clock_ms: int | None = None
    detectors: Sequence[SequentialState] = field(default=())
    alarms: Sequence[SequentialAlarm] = field(default=())


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

    @property
    def is_history(self) -> bool:
        """Whether a backfill has read it: it holds all there is, nobody watches its end, which is no silence."""
        return self.owner.startswith(HISTORY_PREFIX)

    @property
    def is_replay(self) -> bool:
        """Whether it stands for replayed dead letters: an order of its own, which says nothing about the stream."""
        return self.partition.topic.startswith(REPLAY_PREFIX)


@dataclass(frozen=True, slots=True)
class TruthScope:
    """Which statements of truth count: of this name, known at most so long after the start of the prediction's pane."""

    name: str = ""
    within_ms: int = 1 << 53


@dataclass(frozen=True, slots=True)
class JoinSpan:
    """Which predictions with truth are asked for: made in [since, until), truth of this name known until `known_by`."""

    ref: ModelRef
    since_ms: int
    until_ms: int
    name: str = ""
    known_by_ms: int = 1 << 53


@dataclass(frozen=True, slots=True)
class PaneSpan:
    """Which panes of a model are asked for: those of `pane_ms` that start in [since, until).

    Predictions with known truth are counted only where `truth` says which truth: it takes a join.
    """

    model: str
    since_ms: int
    until_ms: int
    pane_ms: int
    truth: TruthScope | None = None


@dataclass(frozen=True, slots=True)
class ShareSpan:
    """Which shares of a segment of a model version are asked for: those whose pane starts in [since, until)."""

    ref: ModelRef
    segment: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class PaneSummary:
    """How many records a pane of a model version holds, over all its shares.

    `truths` of its predictions have known truth, by so many `statements`: these grow with every correction.
    """

    model: str
    version: str
    pane_start_ms: int
    n: int
    late: int
    truths: int = 0
    statements: int = 0


@dataclass(frozen=True, slots=True)
class PaneStatement:
    """What the producers of a pane of a model version say in its counted records, over all partitions and epochs.

    `n` records say something and stand for `weight` served ones. Those of them that are `numbered` stand for
    `numbered_weight` of the `expected` ones that their running numbers span. `weights` are the least and the greatest
    mean weight of a producer.
    """

    ref: ModelRef
    pane_start_ms: int
    n: int
    weight: float
    numbered: int
    numbered_weight: float
    expected: int
    weights: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PaneAccount:
    """What came for one pane of a model version, over all partitions and epochs.

    `refused` is by reason; it stands where the stream was when the records came, for their own event time is unknown or
    not believed. `weight` is how many served records the counted ones stand for, `expected` how many the producers
    with running numbers say that they served, and `numbered` how many of those were counted.
    """

    model: str
    version: str
    pane_start_ms: int
    counted: int = 0
    late: int = 0
    replayed: int = 0
    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    weight: float = 0.0
    numbered: int = 0
    expected: int = 0
