"""Retraining: requests, the guard's policy, and the ledger of jobs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.domain.findings import content_id


class JobPhase(StrEnum):
    """The life of a retraining job. *Lost* is unknown, not failed: it stays in flight until somebody says."""

    REQUESTED = "requested"
    HELD = "held"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_open(self) -> bool:
        """Whether the job occupies its model's one place."""
        return self in {JobPhase.REQUESTED, JobPhase.RUNNING, JobPhase.LOST}


class HoldReason(StrEnum):
    """Why the guard held a request back."""

    IN_FLIGHT = "in_flight"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    TOO_LITTLE_TRUTH = "too_little_truth"
    DATA_FAULT = "data_fault"
    NEEDS_APPROVAL = "needs_approval"
    NO_POLICY = "no_policy"


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """When retraining may start and how it is asked for.

    `cooldown` counts from the end of the model's last job; `budget` is jobs per `budget_period`; `min_truth` the
    ground-truth records needed since the last job; `deadline` after which a silent job is *lost*;
    `auto_promote` makes the call-back's baseline current without asking.
    """

    name: str
    trigger: str
    mode: str = "auto"
    cooldown: timedelta = timedelta(hours=24)
    budget: int = 3
    budget_period: timedelta = timedelta(days=7)
    min_truth: int = 0
    deadline: timedelta = timedelta(hours=6)
    auto_promote: bool = False


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """A rule asks for a model to be retrained; `at` is event time."""

    model: str
    version: str
    rule: str
    at: datetime
    why: str

    @property
    def key(self) -> str:
        """Deterministic job key (32 hexadecimal digits): the same request is the same job."""
        return content_id(["retrain", self.model, self.version, self.rule, self.at.isoformat()])


@dataclass(frozen=True, slots=True)
class RetrainJob:
    """A row of the ledger; instants are wall clock but for the request's `at`."""

    request: RetrainRequest
    phase: JobPhase
    changed_at: datetime
    requested_at: datetime
    hold_reason: HoldReason | None = None
    detail: str = ""
    external_id: str | None = None
    candidate_version: str | None = None
    candidate_baseline: str | None = None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What the training pipeline says when it ends: the call-back's content."""

    key: str
    succeeded: bool
    model_version: str | None = None
    training_data: str | None = None
    effective_from: datetime | None = None
    detail: str = ""
