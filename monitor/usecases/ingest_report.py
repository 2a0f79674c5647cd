"""What one step of ingest did: counts for metrics, and whatever people should read about in the log."""

from collections import Counter
from dataclasses import dataclass, field

from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import PartitionId
from monitor.stream.intake import Accepted


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that the log forgot before they were read: offsets [expected, found) of a partition."""

    partition: PartitionId
    expected: int
    found: int


@dataclass(slots=True)
class StepReport:
    """Numbers of records by what became of them, and events. `records` = counted + duplicates + refused + truths
    (+ ignored ones).

    `pause_s` is how long the caller should wait before the next step: above 0 only while nothing can be done because
    the store is down and the memory is full. `store_error` says why the store could not be used in this step,
    `truths_by_topic` are those of `truths` and `truths_ignored` by where they were found,
    `unreadable_baselines` by id what is wrong with those that were met first in it: their models count unprofiled.
    """

    records: int = 0
    counted: Counter[ModelRef] = field(default_factory=Counter)
    late: Counter[ModelRef] = field(default_factory=Counter)
    duplicates: Counter[ModelRef] = field(default_factory=Counter)
    refused: Counter[RejectReason] = field(default_factory=Counter)
    truths: int = 0
    truths_ignored: int = 0
    truths_by_topic: Counter[str] = field(default_factory=Counter)
    saved_records: int = 0
    saved_shares: int = 0
    save_seconds: float | None = None
    claimed: list[PartitionId] = field(default_factory=list)
    lost: list[PartitionId] = field(default_factory=list)
    fenced: list[PartitionId] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    beyond_end: list[PartitionId] = field(default_factory=list)
    unreadable_baselines: dict[str, str] = field(default_factory=dict)
    store_error: str | None = None
    pause_s: float = 0.0

    def add(self, records: int, accepted: Accepted) -> None:
        """Count one poll of one partition."""
        self.records += records
        self.counted.update(accepted.counted)
        self.late.update(accepted.late)
        self.duplicates.update(accepted.duplicates)
        self.refused.update(accepted.refused)
        self.truths += accepted.truths
        self.truths_ignored += accepted.truths_ignored

    def unreadable(self, records: int) -> None:
        """Count what the log has lost."""
        self.records += records
        self.refused[RejectReason.UNREADABLE] += records
