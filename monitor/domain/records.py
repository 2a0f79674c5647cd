"""The schema of a record, and the small values that are stored one by one.

The hot path never makes an object per record: the schema below documents a row of a `RecordBatch` (stream/batch.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from monitor.domain.errors import RejectReason
from monitor.domain.partitions import PartitionId as PartitionId  # noqa: PLC0414 - people look for it here too

Headers = Sequence[tuple[str, bytes | None]]
"""What a message carries beside its value, in order; a name may stand twice."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One message as it came: bytes and where it stood. `timestamp_ms` is the log's, -1 when it has none."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int = -1
    headers: Headers = ()


class LetterForm(StrEnum):
    """What the value of a dead letter is, which says how it can be replayed.

    MESSAGE: the message as it came, of which no row was taken. PART: the same, but other rows of it were taken. HALF:
    what a format made of a request or response whose other half did not come. PAIR: a JSON array of two halves that met
    and could not be counted together.
    """

    MESSAGE = "message"
    PART = "part"
    HALF = "half"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected message with its reason; the value is cut to a stated size, `size_bytes` says how long it was."""

    partition: PartitionId
    offset: int
    reason: RejectReason
    detail: str
    value: bytes
    size_bytes: int
    key: bytes | None = None
    model: str | None = None
    headers: Headers = ()
    timestamp_ms: int = -1
    form: LetterForm = LetterForm.MESSAGE


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as stored; `replayed_at_ms` is when it was counted after all (wall clock), None while it waits."""

    letter: DeadLetter
    seen_at_ms: int
    replayed_at_ms: int | None

    @property
    def is_whole(self) -> bool:
        """Whether the message was kept uncut."""
        return len(self.letter.value) == self.letter.size_bytes


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """Which dead letters are meant; None matches any. `is_waiting` leaves out those that were replayed."""

    model: str | None = None
    reason: RejectReason | None = None
    partition: PartitionId | None = None
    offset: int | None = None
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """What ground truth is joined to, by event id. `prediction` is a label or a number as text.

    `scores` are those of all classes as JSON text, where the model has many and its records say them.
    """

    model: str
    version: str
    event_id: str
    event_time_ms: int
    prediction: str
    score: float | None
    scores: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """A statement of what turned out to be true for the prediction with this event id.

    `known_at_ms` is when that was known (event time). `name` is which of several kinds of truth it is (a reviewer's
    decision, a thumb), empty for the ordinary one; `annotator` who says so, empty where nobody is named. `offset` is
    its place in the log (-1: unknown): of two statements known at the same instant the later in the log holds.
    """

    model: str
    event_id: str
    label: str
    known_at_ms: int
    name: str = ""
    annotator: str = ""
    offset: int = -1


class Joined(NamedTuple):
    """A prediction with the truth that holds for it: of several statements, the one that was known last.

    `age_ms` is how long after the prediction its truth was known first, by whatever statement: negative when the
    statement claims to be older than the prediction. `statements` is how many there are, `labels` how many different
    ones they name. `scores` are as those of the prediction.
    """

    prediction: str
    score: float | None
    label: str
    age_ms: int
    statements: int
    labels: int
    scores: str | None = None


@dataclass(frozen=True, slots=True)
class TruthTally:
    """What is stored of one kind of truth of a model; `replaced` predictions were told two different labels or more.

    `unmatched` are ids of which no prediction is stored. Instants are event time, of the statements.
    """

    name: str
    statements: int
    predictions: int
    unmatched: int
    replaced: int
    annotators: int
    first_known_at_ms: int
    last_known_at_ms: int
