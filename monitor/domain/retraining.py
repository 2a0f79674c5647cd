"""Retraining: requests, policies, and the ledger of jobs with the reason of every step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.domain.findings import content_id
from monitor.domain.verification import Verification, VerifyPolicy


class JobPhase(StrEnum):
    """The life of a retraining job. *Lost* is unknown, not failed: it stays in flight until somebody says."""

    REQUESTED = "requested"
    HELD = "held"
    APPROVED = "approved"
    SENDING = "sending"
    RUNNING = "running"
    CANDIDATE = "candidate"
    VERIFYING = "verifying"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    LOST = "lost"
    SETTLED = "settled"

    @property
    def is_open(self) -> bool:
        """Whether the job occupies its model's one place: from the yes to the answer about its candidate."""
        return self in _OPEN

    @property
    def has_been_sent(self) -> bool:
        """Whether a pipeline may know of the job, so that a call-back about it makes sense."""
        return self not in {JobPhase.REQUESTED, JobPhase.HELD, JobPhase.APPROVED}


_OPEN = {
    JobPhase.APPROVED,
    JobPhase.SENDING,
    JobPhase.RUNNING,
    JobPhase.CANDIDATE,
    JobPhase.VERIFYING,
    JobPhase.LOST,
}


class HoldReason(StrEnum):
    """Why the guard held a request back."""

    NO_POLICY = "no_policy"
    OPERATOR_HOLD = "operator_hold"
    IN_FLIGHT = "in_flight"
    DATA_FAULT = "data_fault"
    DID_NOT_HELP = "did_not_help"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    TOO_LITTLE_TRUTH = "too_little_truth"
    COST = "cost"
    NEEDS_APPROVAL = "needs_approval"

    @property
    def words(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ")

    @property
    def passes_by_itself(self) -> bool:
        """Whether the guard asks itself again later; the others wait for a person."""
        return self not in {HoldReason.DID_NOT_HELP, HoldReason.NEEDS_APPROVAL}


class JobEnd(StrEnum):
    """How a settled job ended."""

    HELPED = "helped"
    NO_WORSE = "no_worse"
    WORSE = "worse"
    KEPT = "kept"  # worse, and a person declined the rollback
    UNWATCHED = "unwatched"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    FAILED = "failed"
    DECLINED = "declined"
    NOT_NEEDED = "not_needed"
    DRY_RUN = "dry_run"


class Mode(StrEnum):
    """Who says yes when the guard has nothing against a job."""

    ASK = "ask"
    AUTO = "auto"
    DRY_RUN = "dry-run"


@dataclass(frozen=True, slots=True)
class CostPolicy:
    """What retraining costs, and what a worse model costs, in one `currency`.

    `error_point_per_1k` is the loss that 1,000 predictions make when `metric` is worse by one point (0.01 of its unit);
    the loss is expected over `horizon`.
    """

    retrain: float
    error_point_per_1k: float
    metric: str
    horizon: timedelta = timedelta(days=30)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class CostSum:
    """The sum that a cost policy makes: `loss` is what not retraining is expected to cost; None where unknown."""

    cost: float
    loss: float | None
    sentence: str

    @property
    def pays(self) -> bool | None:
        """Whether retraining is expected to pay; None when nobody knows."""
        return None if self.loss is None else self.loss > self.cost


@dataclass(frozen=True, slots=True)
class ExportPolicy:
    """Write the data to train on before a job is sent: rows of `look_back` before the request, below `directory`."""

    directory: str
    look_back: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """When retraining may start, how it is asked for, and what its candidate must show.

    `cooldown` counts from the end of the model's last job and doubles with every failure or rejection in a row;
    `budget` is jobs per `budget_period`; `min_truth` the ground-truth records needed since the last job; `deadline`
    after which a silent job is *lost*; `repeat_within` (event time) how soon after a promotion the same rule must not
    ask again; `auto_promote` promotes without asking a person; `watch_windows` is how many windows of the promoted
    version are compared with the old one afterwards (0: none).
    """

    name: str
    trigger: str
    mode: Mode = Mode.ASK
    cooldown: timedelta = timedelta(hours=24)
    budget: int = 3
    budget_period: timedelta = timedelta(days=7)
    min_truth: int = 0
    deadline: timedelta = timedelta(hours=6)
    repeat_within: timedelta = timedelta(days=3)
    auto_promote: bool = False
    cost: CostPolicy | None = None
    verify: VerifyPolicy | None = None
    watch_windows: int = 0
    export: ExportPolicy | None = None


EVERY_MODEL = "*"
"""Stands for all models where an operator holds them."""


@dataclass(frozen=True, slots=True)
class OperatorHold:
    """A person's (or a deploy freeze's) word that a model is not to be retrained; silences of alerts are another thing.

    `model` may be `*`. Wall clock; `until` None: until it is released. Who released it, and when, is kept.
    """

    model: str
    by: str
    reason: str
    since: datetime
    until: datetime | None = None
    released_at: datetime | None = None
    released_by: str | None = None

    def holds(self, model: str, now: datetime) -> bool:
        """Whether it is about this model and not over."""
        return (
            self.model in {model, EVERY_MODEL} and self.released_at is None and (self.until is None or now < self.until)
        )


LONGEST_ASKED_AS = 200
"""Characters of what a person's request may be known by."""

BY_HAND = "by hand"
"""Stands for the rule where a person asks about no rule's alert."""


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """A rule, or a person (`by`), asks for a model to be retrained; `at` is event time.

    `asked_as` is what a person's request is known by, so that the same said again is one request; empty where the
    window and the rule say it.
    """

    model: str
    version: str
    rule: str
    at: datetime
    why: str
    by: str = ""
    asked_as: str = ""

    @property
    def key(self) -> str:
        """Deterministic job key (32 hexadecimal digits): the same request is the same job."""
        if self.asked_as:
            return content_id(["asked", self.model, self.asked_as])
        return content_id(["retrain", self.model, self.version, self.rule, self.at.isoformat()])

    @property
    def asker(self) -> str:
        """Who asks: a person's name, or the rule."""
        return self.by or f"rule {self.rule}"

    @property
    def reason(self) -> str:
        """Why, and who says so where that is a person."""
        return f"asked for by {self.by}: {self.why or 'no reason given'}" if self.by else self.why


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a training run made, known `since` (wall clock). Places are files that this program can read.

    `scores` holds the candidate's predictions for events it did not serve; rows from `trained_until` (event time) on
    were not in its training data; `effective_from` (event time) is when it serves.
    """

    version: str | None = None
    since: datetime | None = None
    training_data: str | None = None
    scores: str | None = None
    trained_until: datetime | None = None
    effective_from: datetime | None = None
    baseline: str | None = None
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class RetrainJob:
    """A row of the ledger; instants are wall clock but for the request's `at`.

    `detail` is the reason of the present phase, `by` the person or program that decided it, `parameters` what the
    pipeline was (or would be) told, `asked` a person's request that was taken as the yes to this job. `revision` counts
    the changes: one that was made from an older revision is refused.
    """

    request: RetrainRequest
    phase: JobPhase
    changed_at: datetime
    requested_at: datetime
    hold_reason: HoldReason | None = None
    detail: str = ""
    external_id: str | None = None
    by: str = "guard"
    end: JobEnd | None = None
    approved_at: datetime | None = None
    attempts: int = 0
    link: str | None = None
    cost: CostSum | None = None
    candidate: Candidate = Candidate()
    promoted_at: datetime | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    revision: int = 0
    asked: RetrainRequest | None = None

    @property
    def ran(self) -> bool:
        """Whether the job used a run of the budget; a dry run begins nothing, so it uses none."""
        return self.approved_at is not None and self.end is not JobEnd.DRY_RUN

    @property
    def requests(self) -> tuple[RetrainRequest, ...]:
        """Its own request, and the one that was its yes."""
        return (self.request,) if self.asked is None else (self.request, self.asked)

    @property
    def disappointed(self) -> bool:
        """Whether the job ended without a model worth having."""
        return self.phase is JobPhase.REJECTED or self.end in {JobEnd.FAILED, JobEnd.REJECTED}


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What the training pipeline says when it ends: the call-back's content."""

    key: str
    succeeded: bool
    model_version: str | None = None
    training_data: str | None = None
    effective_from: datetime | None = None
    detail: str = ""
    scores: str | None = None
    trained_until: datetime | None = None


class RunPhase(StrEnum):
    """Where the pipeline's own run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RunState:
    """What a pipeline says of a run; *unknown* when it knows of none."""

    phase: RunPhase
    external_id: str | None = None
    link: str | None = None
    detail: str = ""
