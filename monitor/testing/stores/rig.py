"""What the kit needs of an implementation: its stores, and the stores of another process on the same data."""

from dataclasses import dataclass
from typing import Protocol

from monitor.domain.ports import (
    AccountReads,
    AlarmStore,
    BaselineStore,
    EvaluationStore,
    HalfStore,
    HoldStore,
    IngestStore,
    JobStore,
    Lease,
    OutboxStore,
    PairReads,
    Records,
    Retention,
    TruthReads,
    WindowReads,
)


class Stores(Protocol):
    """Every store port of one database."""

    @property
    def ingest(self) -> IngestStore:
        """Claims, flushes."""
        ...

    @property
    def halves(self) -> HalfStore:
        """Requests and responses that wait for each other."""
        ...

    @property
    def windows(self) -> WindowReads:
        """What evaluation reads."""
        ...

    @property
    def accounts(self) -> AccountReads:
        """What became of every record."""
        ...

    @property
    def baselines(self) -> BaselineStore:
        """Baselines and promotions."""
        ...

    @property
    def evaluations(self) -> EvaluationStore:
        """Findings, rule states, transitions."""
        ...

    @property
    def alarms(self) -> AlarmStore:
        """Alarms of sequential detectors."""
        ...

    @property
    def outbox(self) -> OutboxStore:
        """Alert events."""
        ...

    @property
    def jobs(self) -> JobStore:
        """The retraining ledger."""
        ...

    @property
    def holds(self) -> HoldStore:
        """What operators hold."""
        ...

    @property
    def pairs(self) -> PairReads:
        """Predictions with their truth."""
        ...

    @property
    def records(self) -> Records:
        """Dead letters, archive files."""
        ...

    @property
    def truths(self) -> TruthReads:
        """Statements of truth."""
        ...

    @property
    def retention(self) -> Retention:
        """Sweeping."""
        ...

    @property
    def lease(self) -> Lease:
        """Named rights."""
        ...


@dataclass(frozen=True, slots=True)
class StoreRig:
    """An empty database under test. `other` sees the same data as a second process would."""

    mine: Stores
    other: Stores
