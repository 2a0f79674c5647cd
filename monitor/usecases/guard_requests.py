"""Requests and held jobs before the guard: what may start is approved, everything else is held with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain.retraining import (
    HoldReason,
    JobEnd,
    JobPhase,
    Mode,
    RetrainJob,
    RetrainPolicy,
    RetrainRequest,
)
from monitor.domain.rules import RuleState
from monitor.rules.guard import Circumstances, Hold, decide
from monitor.usecases.job_ledger import Ledger

_BATCH = 100
_ASK_AGAIN = timedelta(minutes=1)


class Facts(Protocol):
    """What the guard must know of a model."""

    def seen(self, request: RetrainRequest, policy: RetrainPolicy | None, since: datetime | None) -> Circumstances:
        """How things stand now; truths are counted since that instant (None: all)."""
        ...

    def is_over(self, request: RetrainRequest) -> bool:
        """Whether the rule that asked no longer fires."""
        ...

    def asking(self, request: RetrainRequest) -> Sequence[RuleState]:
        """Where the rule that asked stands, for each of its subjects in the model."""
        ...


class Parameters(Protocol):
    """What a pipeline is told beside the request."""

    def __call__(self, request: RetrainRequest, policy: RetrainPolicy) -> Mapping[str, object]:
        """JSON-able."""
        ...


@dataclass(frozen=True, slots=True)
class GuardRequests:
    """Takes requests from the evaluation's queue, and asks itself again about what it held.

    `asked` remembers, in this process, when it last did: what waiting costs takes many findings to say.
    """

    ledger: Ledger
    facts: Facts
    policy_of: "PolicyOf"
    parameters: Parameters
    asked: dict[str, datetime] = field(default_factory=dict)

    def take_new(self) -> int:
        """Put every new request before the guard; how many were held."""
        held = 0
        for sequence, request in self.ledger.jobs.pending_requests(_BATCH):
            job = self._decided(self._new(request))
            if job.phase is JobPhase.APPROVED and self._other_is_open(job):
                continue  # another process got there first; what it left is seen at the next knock
            if self.ledger.jobs.settle_request(sequence, job, self.ledger.events(job)):
                held += job.phase is JobPhase.HELD
        return held

    def reconsider(self, job: RetrainJob) -> RetrainJob | None:
        """A held job again: over when its rule is, else whatever the guard says now. Only changes are recorded."""
        if self.facts.is_over(job.request):
            return self.ledger.settle(job, JobEnd.NOT_NEEDED, f"rule {job.request.rule} no longer fires")
        if not self._may_have_passed(job):
            return None
        again = self._decided(replace(job, phase=JobPhase.HELD))
        if again.phase is JobPhase.HELD and again.hold_reason is job.hold_reason:
            return None
        if again.phase is JobPhase.APPROVED and self._other_is_open(again):
            return None
        return self.ledger.jobs.update(again, self.ledger.events(again))

    def _may_have_passed(self, job: RetrainJob) -> bool:
        now, last = self.ledger.clock.now(), self.asked.get(job.request.key)
        waits_for_a_person = job.hold_reason is not None and not job.hold_reason.passes_by_itself
        if waits_for_a_person or (last is not None and now - last < _ASK_AGAIN):
            return False
        self.asked[job.request.key] = now
        return True

    def _new(self, request: RetrainRequest) -> RetrainJob:
        now = self.ledger.clock.now()
        return RetrainJob(request, JobPhase.REQUESTED, now, now)

    def _other_is_open(self, job: RetrainJob) -> bool:
        others = self.ledger.jobs.jobs(job.request.model)
        return any(other.phase.is_open and other.request.key != job.request.key for other in others)

    def _decided(self, job: RetrainJob) -> RetrainJob:
        request, now = job.request, self.ledger.clock.now()
        jobs, policy = self.ledger.jobs.jobs(request.model), self.policy_of(request.model)
        began = [one.approved_at for one in jobs if one.ran and one.approved_at is not None]
        seen = self.facts.seen(request, policy, max(began, default=None))
        hold = decide(policy, request, jobs, seen, now)
        job = replace(job, changed_at=now, cost=seen.cost, by="guard")
        if policy is None or hold is not None:
            return _held(job, hold)
        return self._approved(job, policy, now)

    def _approved(self, job: RetrainJob, policy: RetrainPolicy, now: datetime) -> RetrainJob:
        job = replace(job, approved_at=now, hold_reason=None, parameters=self.parameters(job.request, policy))
        if policy.mode is Mode.DRY_RUN:
            detail = f"would have been sent to {policy.trigger}; policy {policy.name} is a dry run"
            return replace(job, phase=JobPhase.SETTLED, end=JobEnd.DRY_RUN, detail=detail)
        asked = f"{job.request.by} asked, and " if job.request.by else ""
        return replace(job, phase=JobPhase.APPROVED, detail=f"{asked}policy {policy.name} starts jobs by itself")


class PolicyOf(Protocol):
    """Which policy a model has."""

    def __call__(self, model: str) -> RetrainPolicy | None:
        """None when it has none."""
        ...


def _held(job: RetrainJob, hold: Hold | None) -> RetrainJob:
    reason, sentence = (hold.reason, hold.sentence) if hold else (HoldReason.NO_POLICY, "")
    return replace(job, phase=JobPhase.HELD, hold_reason=reason, detail=sentence)
