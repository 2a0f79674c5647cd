"""Approved jobs to their pipelines, and runs followed to their end. What may have begun is never begun blindly."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import FollowsRuns, RetrainTrigger
from monitor.domain.retraining import JobEnd, JobPhase, RetrainJob, RetrainPolicy, RunPhase, RunState
from monitor.domain.time import format_duration
from monitor.usecases.guard_requests import PolicyOf
from monitor.usecases.job_ledger import PIPELINE, Ledger

SENT_BY_NOW = timedelta(minutes=5)
"""A job that is *sending* for so long was left by a process that died."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)
_FIRST_POLL, _LONGEST_POLL = timedelta(seconds=30), timedelta(minutes=5)
_GONE = "its policy or the policy's trigger is no longer configured"


@dataclass(frozen=True, slots=True)
class SendJob:
    """Starts runs and follows them. `polled` remembers, in this process, when a run was asked after, and its answer."""

    ledger: Ledger
    triggers: Mapping[str, RetrainTrigger]
    policy_of: PolicyOf
    polled: dict[str, tuple[datetime, RunPhase]] = field(default_factory=dict)

    def go_on(self, job: RetrainJob) -> RetrainJob | None:
        """The next step of a job that is approved, sending, running or lost, if one is due."""
        now, policy = self.ledger.clock.now(), self.policy_of(job.request.model)
        trigger = self.triggers.get(policy.trigger) if policy else None
        match job.phase:
            case JobPhase.APPROVED if now - job.changed_at >= _pause(job):
                return self.start(job)
            case JobPhase.SENDING if now - job.changed_at >= SENT_BY_NOW:
                return self._left_behind(job, policy, trigger)
            case JobPhase.RUNNING:
                return self._followed(job, trigger) or self._overdue(job, policy)
            case JobPhase.LOST:
                return self._followed(job, trigger)
            case _:
                return None

    def start(self, job: RetrainJob) -> RetrainJob | None:
        """Note the job as being sent, then ask: a crash in between leaves a job of which everybody knows that.

        It is told before it is asked for, so that no call-back can be overtaken by the news of the start.
        """
        policy = self.policy_of(job.request.model)
        trigger = self.triggers.get(policy.trigger) if policy else None
        if policy is None or trigger is None:
            return self.ledger.settle(job, JobEnd.FAILED, _GONE)
        noted = replace(job, attempts=job.attempts + 1)
        sending = self.ledger.change(noted, JobPhase.SENDING, f"asking {policy.trigger}", job.by)
        return None if sending is None else self._ask(sending, policy, trigger)

    def _ask(self, job: RetrainJob, policy: RetrainPolicy, trigger: RetrainTrigger) -> RetrainJob | None:
        try:
            external_id = trigger.start(job.request, job.parameters)
        except TriggerFailed as error:
            return self._not_started(job, error, policy, trigger)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises: whether a run began is unknown
            return self.ledger.change(job, JobPhase.LOST, f"the trigger broke: {type(error).__name__}: {error}")
        running = replace(job, external_id=external_id or job.external_id)
        said = f"{policy.trigger} took it" + (f" as {external_id}" if external_id else "")
        return self.ledger.change(running, JobPhase.RUNNING, said) or self._after_all(running, said)

    def _after_all(self, job: RetrainJob, said: str) -> RetrainJob | None:
        """The pipeline answered, but somebody had given the job up meanwhile: it runs."""
        now = self.ledger.job(job.request.key)
        if now.phase is not JobPhase.LOST:
            return None
        return self.ledger.change(replace(now, external_id=job.external_id), JobPhase.RUNNING, said)

    def _not_started(
        self, job: RetrainJob, error: TriggerFailed, policy: RetrainPolicy, trigger: RetrainTrigger
    ) -> RetrainJob | None:
        if error.may_have_begun and not trigger.resend_is_safe:
            why = f"{error}: whether a run began is unknown"
            return self.ledger.change(job, JobPhase.LOST, why)
        if not error.retryable:
            return self.ledger.settle(job, JobEnd.FAILED, str(error))
        if self.ledger.clock.now() - (job.approved_at or job.requested_at) >= policy.deadline:
            waited = format_duration(policy.deadline)
            return self.ledger.settle(job, JobEnd.FAILED, f"not started within {waited}: {error}")
        return self.ledger.change(job, JobPhase.APPROVED, f"not started yet, will be tried again: {error}")

    def _left_behind(
        self, job: RetrainJob, policy: RetrainPolicy | None, trigger: RetrainTrigger | None
    ) -> RetrainJob | None:
        """Nobody knows whether the pipeline was asked: ask again where that is safe, else look, else say so."""
        if policy is not None and trigger is not None and trigger.resend_is_safe:
            return self.start(job)
        found = self._followed(job, trigger)
        why = "the program ended while it asked the pipeline, which may run: say what became of it"
        return found or self.ledger.change(job, JobPhase.LOST, why)

    # --- following

    def _followed(self, job: RetrainJob, trigger: RetrainTrigger | None) -> RetrainJob | None:
        now, key, follower = self.ledger.clock.now(), job.request.key, _follower(trigger)
        if follower is None or not self._poll_is_due(job, now):
            return None
        self.polled[key] = (now, RunPhase.UNKNOWN)
        try:
            state = follower.follow(job.request, job.external_id)
        except Exception:  # noqa: BLE001 - a pipeline that cannot be asked now is asked again; the deadline stands
            return None
        self.polled[key] = (now, state.phase)
        return self._as_found(job, state)

    def _as_found(self, job: RetrainJob, state: RunState) -> RetrainJob | None:
        known, job = job, replace(job, external_id=state.external_id or job.external_id, link=state.link or job.link)
        is_elsewhere = (job.external_id, job.link) != (known.external_id, known.link)
        match state.phase:
            case RunPhase.FAILED:
                return self.ledger.settle(job, JobEnd.FAILED, state.detail or "the pipeline says so", PIPELINE)
            case RunPhase.SUCCEEDED:
                said = "the run ended well; its call-back has not said which version it made"
                return self.ledger.change(job, JobPhase.CANDIDATE, said, PIPELINE)
            case RunPhase.QUEUED | RunPhase.RUNNING if job.phase is not JobPhase.RUNNING or is_elsewhere:
                return self.ledger.change(job, JobPhase.RUNNING, f"the run is {state.phase}", PIPELINE)
            case _:
                return None

    def _poll_is_due(self, job: RetrainJob, now: datetime) -> bool:
        last = self.polled.get(job.request.key)
        pause = min(max((now - job.changed_at) / 2, _FIRST_POLL), _LONGEST_POLL)
        return now - (last[0] if last else job.changed_at) >= pause

    def _overdue(self, job: RetrainJob, policy: RetrainPolicy | None) -> RetrainJob | None:
        waited = self.ledger.clock.now() - job.changed_at
        _, run = self.polled.get(job.request.key, (None, RunPhase.UNKNOWN))
        if waited <= (policy.deadline if policy else timedelta(0)) or run in {RunPhase.QUEUED, RunPhase.RUNNING}:
            return None  # late, but known to be at work
        said = format_duration(timedelta(seconds=int(waited.total_seconds())))
        detail = f"no call-back for {said}: say what became of it, until then no other job of the model starts"
        return self.ledger.change(job, JobPhase.LOST, detail)


def _pause(job: RetrainJob) -> timedelta:
    """How long to wait before the next try: doubling from ten seconds to ten minutes."""
    if not job.attempts:
        return timedelta(0)
    doublings: int = 2 ** min(job.attempts - 1, 10)
    return min(_FIRST_PAUSE * doublings, _LONGEST_PAUSE)


def _follower(trigger: object) -> FollowsRuns | None:
    return trigger if isinstance(trigger, FollowsRuns) else None
