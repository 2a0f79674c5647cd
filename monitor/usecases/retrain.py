"""Retraining: requests through the guard, jobs through their life. At most one in flight, none started twice unsaid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.domain.errors import BadRequest, MonitorError, StoreUnavailable
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import BaselineStore, HoldStore, JobStore, RetrainTrigger
from monitor.domain.retraining import (
    HoldReason,
    JobEnd,
    JobOutcome,
    JobPhase,
    RetrainJob,
    RetrainPolicy,
    RetrainRequest,
)
from monitor.domain.time import Clock, format_instant
from monitor.domain.verification import Verification
from monitor.rules.guard import forbids
from monitor.usecases.finish_job import BuildCandidate, FinishJob
from monitor.usecases.guard_requests import Facts, GuardRequests, Parameters
from monitor.usecases.job_ledger import GUARD, PIPELINE, Ledger
from monitor.usecases.judge_candidate import JudgeCandidate
from monitor.usecases.send_job import SendJob
from monitor.usecases.verify_candidate import VerifyCandidate
from monitor.usecases.watch_promotion import WatchPromotion

_OF_SENDING = {JobPhase.APPROVED, JobPhase.SENDING, JobPhase.RUNNING, JobPhase.LOST}
_CALM = {JobPhase.HELD}
_STEPS = 8
"""At most so many steps of one job at one knock."""


@dataclass(slots=True)
class RetrainReport:
    """What one knock did, in numbers of steps into a phase."""

    started: int = 0
    held: int = 0
    put_off: int = 0
    failed: int = 0
    lost: int = 0

    def count(self, job: RetrainJob) -> None:
        """One more step."""
        self.started += job.phase is JobPhase.RUNNING
        self.held += job.phase is JobPhase.HELD
        self.put_off += job.phase is JobPhase.APPROVED and job.attempts > 0
        self.failed += job.end is JobEnd.FAILED
        self.lost += job.phase is JobPhase.LOST


@dataclass(frozen=True, slots=True)
class RetrainParts:
    """What the use case is made of. `policies` and `triggers` are by name, as configured."""

    models: Mapping[str, MonitoredModel]
    policies: Mapping[str, RetrainPolicy]
    triggers: Mapping[str, RetrainTrigger]
    jobs: JobStore
    holds: HoldStore
    baselines: BaselineStore
    build_candidate: BuildCandidate
    facts: Facts
    verification: VerifyCandidate
    watching: WatchPromotion
    parameters: Parameters
    clock: Clock


class Retrain:
    """The life of retraining jobs, over the ledger."""

    def __init__(self, parts: RetrainParts) -> None:
        self._parts = parts
        self.ledger = Ledger(parts.jobs, parts.clock, parts.facts.asking)
        self._guard = GuardRequests(self.ledger, parts.facts, self._policy, parts.parameters)
        self._sending = SendJob(self.ledger, parts.triggers, self._policy)
        self._judging = JudgeCandidate(
            self.ledger, parts.models, self._policy, parts.baselines, parts.verification, parts.watching
        )
        self._finishing = FinishJob(self.ledger, parts.build_candidate)

    # --- the knock

    def run_once(self) -> RetrainReport:
        """Move every job as far as it goes, then put new requests before the guard and start what it lets through."""
        report = RetrainReport()
        for job in self._parts.jobs.jobs():
            self._go_on(job, report)
        report.held += self._guard.take_new()
        for job in self._parts.jobs.jobs():
            if job.phase is JobPhase.APPROVED and not job.attempts:
                self._go_on(job, report)
        return report

    def _go_on(self, job: RetrainJob, report: RetrainReport) -> RetrainJob:
        """Step by step, as long as each leads to another phase."""
        for _ in range(_STEPS):
            after = self._step(job)
            if after is None:
                return job
            report.count(after)
            if after.phase is job.phase or after.phase in _CALM:
                return after
            job = after
        return job

    def _step(self, job: RetrainJob) -> RetrainJob | None:
        try:
            if job.phase is JobPhase.HELD:
                return self._guard.reconsider(job)
            if job.phase is JobPhase.APPROVED and (why := self.held_by(job.request.model)):
                return self._put_back(job, HoldReason.OPERATOR_HOLD, why)
            if job.phase in _OF_SENDING:
                return self._sending.go_on(job)
            return self._judging.go_on(job)
        except StoreUnavailable:
            raise
        except MonitorError:  # a second process opened another job of the model just now: the next knock sees it
            return None

    # --- people and pipelines

    def approve(self, key: str, by: str = "a person", why: str = "") -> RetrainJob:
        """Start a job that was held back.

        MonitorError when it is not held, another one is in flight, an operator holds its model, or it has no policy.
        """
        return self._approve(self.ledger.job(key), by, why)

    def _approve(self, job: RetrainJob, by: str, why: str, asked: RetrainRequest | None = None) -> RetrainJob:
        key = job.request.key
        if job.phase is not JobPhase.HELD:
            raise MonitorError(f"job {key} is {job.phase} and waits for nobody's approval")
        policy = self._policy(job.request.model)
        if policy is None:
            raise MonitorError(f"{job.request.model} has no retraining policy, so nothing says what to start")
        hold = self.held_by(job.request.model)
        if hold is not None:
            raise MonitorError(hold)
        others = [one for one in self._parts.jobs.jobs(job.request.model) if one.request.key != key]
        against = forbids(others, None)
        if against is not None:
            raise MonitorError(f"{against.sentence}: one at a time")
        parameters = self._parts.parameters(job.request, policy)
        yes = replace(job, approved_at=self._parts.clock.now(), parameters=parameters, asked=asked)
        approved = self.ledger.must(self.ledger.change(yes, JobPhase.APPROVED, _approved(job, why), by), key)
        self._go_on(approved, RetrainReport())
        return self.ledger.job(key)

    def ask(self, request: RetrainRequest) -> RetrainJob:
        """A person wants the model retrained: approves the job that waits for a yes, else puts this before the guard.

        Asking is approving, so a policy that asks people asks nobody again. What else the guard holds against it
        stands: only `approve` overrides that. A request that says what it is known by (`asked_as`) is taken once: said
        again it is answered with its job. MonitorError says why nothing can be started: while an operator holds the
        model no request is taken, whether a job waits or not.
        """
        jobs = self._parts.jobs.jobs(request.model)
        if request.asked_as and (known := asked_before(jobs, request)):
            return known
        if self._policy(request.model) is None:
            raise MonitorError(f"{request.model} has no retraining policy, so nothing says what to start")
        if (hold := self.held_by(request.model)) is not None:
            raise MonitorError(hold)
        if any(job.phase.is_open or job.phase is JobPhase.HELD for job in jobs):
            return self._approve_waiting(jobs, request)
        request = asked_anew(jobs, request)
        self._parts.jobs.ask(request)
        self._guard.take_new()
        job = self.ledger.job(request.key)
        return self._approve(job, request.by, request.why) if job.hold_reason is HoldReason.NEEDS_APPROVAL else job

    def _approve_waiting(self, jobs: Sequence[RetrainJob], request: RetrainRequest) -> RetrainJob:
        for job in reversed(jobs):
            if job.phase is JobPhase.HELD and job.hold_reason is HoldReason.NEEDS_APPROVAL:
                return self._approve(job, request.by, request.why, request)
        job = next(job for job in reversed(jobs) if job.phase.is_open or job.phase is JobPhase.HELD)
        raise MonitorError(f"job {job.request.key} of {request.model} is {job.phase}: {job.detail}")

    def held_by(self, model: str) -> str | None:
        """The sentence of an operator's hold on the model; None when nobody holds it."""
        now = self._parts.clock.now()
        hold = next((one for one in self._parts.holds.holds(now) if one.holds(model, now)), None)
        against = forbids([], hold)
        if hold is None or against is None:
            return None
        return f"{against.sentence} (`driftline retraining release --model '{hold.model}'` ends it)"

    def decline(self, key: str, by: str, why: str = "") -> RetrainJob:
        """Settle a job that was not sent: it will not be. Of one that suggests a rollback: the new version stays.

        MonitorError when the job was sent and suggests nothing; BadRequest when a rollback is declined without a why.
        """
        job = self.ledger.job(key)
        if job.end is JobEnd.WORSE:
            return self._keep(job, by, why)
        if job.phase is not JobPhase.HELD and not (job.phase is JobPhase.APPROVED and not job.attempts):
            raise MonitorError(f"job {key} is {job.phase}: only one that was not sent can be declined")
        unused = replace(job, approved_at=None)
        return self.ledger.must(self.ledger.settle(unused, JobEnd.DECLINED, why or "declined", by), key)

    def _keep(self, job: RetrainJob, by: str, why: str) -> RetrainJob:
        if not why.strip():
            raise BadRequest(f"say why version {job.candidate.version} stays although it is worse: {job.detail}")
        return self.ledger.must(self.ledger.settle(job, JobEnd.KEPT, f"rollback declined: {why}", by), job.request.key)

    def hold(self, key: str, by: str, why: str = "") -> RetrainJob:
        """Keep a job that waits to be sent from being sent until somebody approves it."""
        job = self.ledger.job(key)
        if job.phase is not JobPhase.APPROVED:
            raise MonitorError(f"job {key} is {job.phase}: only a job that waits to be started can be held")
        return self.ledger.must(self._put_back(job, HoldReason.NEEDS_APPROVAL, why or "held by hand", by), key)

    def finish(self, outcome: JobOutcome, by: str = PIPELINE) -> RetrainJob:
        """Take what the pipeline (or a person) says of the run's end, and go on; safe to repeat."""
        job = self._finishing.finish(outcome, by)
        self._go_on(job, RetrainReport())
        return self.ledger.job(outcome.key)

    def verify(self, key: str) -> Verification:
        """The report on the job's candidate as things stand now; changes nothing."""
        return self._judging.report(self.ledger.job(key))

    def promote(self, key: str, by: str, why: str = "") -> RetrainJob:
        """Say that the candidate serves; MonitorError when there is none, or it was decided."""
        job = self._decidable(key)
        promoted = self.ledger.must(self._judging.promote(job, why or "promoted by hand", by), key)
        self._go_on(promoted, RetrainReport())
        return self.ledger.job(key)

    def reject(self, key: str, by: str, why: str = "") -> RetrainJob:
        """Say that the candidate is not wanted."""
        rejected = self.ledger.change(self._decidable(key), JobPhase.REJECTED, why or "rejected by hand", by)
        self._go_on(self.ledger.must(rejected, key), RetrainReport())
        return self.ledger.job(key)

    def serves(self, model: str, version: str, by: str) -> RetrainJob | None:
        """The registry says that this version serves: the job whose candidate it is, is promoted; None without one."""
        for job in self._parts.jobs.jobs(model):
            if job.phase in {JobPhase.CANDIDATE, JobPhase.VERIFYING} and job.candidate.version == version:
                return self.promote(job.request.key, by, f"{by} says that version {version} serves")
        return None

    # --- small parts

    def _put_back(self, job: RetrainJob, reason: HoldReason, why: str, by: str = GUARD) -> RetrainJob | None:
        """Hold a job that was let through and did not begin: it has used nothing of the budget."""
        return self.ledger.change(replace(job, hold_reason=reason, approved_at=None), JobPhase.HELD, why, by)

    def _decidable(self, key: str) -> RetrainJob:
        job = self.ledger.job(key)
        if job.phase not in {JobPhase.CANDIDATE, JobPhase.VERIFYING}:
            raise MonitorError(f"job {key} is {job.phase}: only a candidate can be promoted or rejected")
        return job

    def _policy(self, model: str) -> RetrainPolicy | None:
        monitored = self._parts.models.get(model)
        name = monitored.retraining if monitored else None
        return self._parts.policies.get(name) if name else None


def _approved(held: RetrainJob, why: str) -> str:
    """What a yes says: the guard's reason that it sets aside, and its own."""
    if held.hold_reason is HoldReason.NEEDS_APPROVAL:
        return f"approved: {why}" if why else "approved"
    return f"approved despite {held.hold_reason.words if held.hold_reason else 'a hold'}: {held.detail}" + (
        f"; {why}" if why else ""
    )


def asked_before(jobs: Sequence[RetrainJob], request: RetrainRequest) -> RetrainJob | None:
    """The job that the same request led to; MonitorError when it said something else then."""
    for job in jobs:
        for before in job.requests:
            if before.key == request.key:
                if (before.by, before.why) != (request.by, request.why):
                    said = f"{before.by} ({before.why})"
                    raise MonitorError(
                        f"{request.asked_as!r} was asked for before by {said}: give every request a key of its own"
                    )
                return job
    return None


def asked_anew(jobs: Sequence[RetrainJob], request: RetrainRequest) -> RetrainRequest:
    """The request as no job knows it: a person may ask twice about the same window."""
    taken, named, number = {job.request.key for job in jobs}, request, 1
    while named.key in taken:
        number += 1
        named = replace(request, asked_as=f"{request.rule} {request.version} {format_instant(request.at)} {number}")
    return named
