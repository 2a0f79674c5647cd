"""Retraining: requests through the guard, jobs through their life. At most one in flight, none started twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.domain.errors import BaselineError, MonitorError, StoreUnavailable, TriggerFailed
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore, JobStore, Records, RetrainTrigger
from monitor.domain.retraining import JobOutcome, JobPhase, RetrainJob, RetrainPolicy, RetrainRequest
from monitor.domain.time import Clock, format_duration, to_ms
from monitor.rules.guard import Hold, decide
from monitor.rules.job_events import job_event

BuildCandidate = Callable[[ModelRef, str], str]
"""Builds and stores the baseline of a new version from a place of training data; returns its id or BaselineError."""

_BATCH = 100
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)


@dataclass(slots=True)
class RetrainReport:
    """What one run did, in numbers of jobs."""

    started: int = 0
    held: int = 0
    put_off: int = 0
    failed: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Retrain:
    """The life of retraining jobs, over the ledger.

    `policies` and `triggers` are by name, as configured; `data_fault` names the alert that says that a model's input is
    broken ("" when none does). Every change of a job is told by an alert event that is saved together with it.
    """

    models: Mapping[str, MonitoredModel]
    policies: Mapping[str, RetrainPolicy]
    triggers: Mapping[str, RetrainTrigger]
    jobs: JobStore
    records: Records
    baselines: BaselineStore
    build_candidate: BuildCandidate
    clock: Clock
    data_fault: Callable[[str], str] = field(default=lambda _model: "")

    # --- the knock

    def run_once(self) -> RetrainReport:
        """Give up on silent jobs, try again what may be tried again, and put new requests before the guard."""
        report, now = RetrainReport(), self.clock.now()
        for job in self.jobs.jobs():
            if job.phase is JobPhase.RUNNING and now - job.changed_at > self._deadline(job):
                self._lose(job, now, report)
            elif job.phase is JobPhase.REQUESTED and now - job.changed_at >= _pause(job):
                self._start(job, report)
        for sequence, request in self.jobs.pending_requests(_BATCH):
            self._settle(sequence, request, now, report)
        return report

    def _settle(self, sequence: int, request: RetrainRequest, now: datetime, report: RetrainReport) -> None:
        hold = self._decide(request, now)
        phase = JobPhase.REQUESTED if hold is None else JobPhase.HELD
        job = RetrainJob(request, phase, now, now)
        if hold is not None:
            job = replace(job, hold_reason=hold.reason, detail=hold.sentence)
        if not self.jobs.settle_request(sequence, job, [] if hold is None else [job_event(job)]):
            return  # another process got there first; what it left is seen at the next knock
        if hold is None:
            self._start(job, report)
        else:
            report.held += 1

    def _decide(self, request: RetrainRequest, now: datetime) -> Hold | None:
        jobs = self.jobs.jobs(request.model)
        began = [job.request.at for job in jobs if job.phase is not JobPhase.HELD]
        since_ms = to_ms(max(began)) if began else 0
        return decide(
            self._policy(request.model),
            request,
            jobs,
            truth_count=self.records.truth_count(request.model, since_ms),
            data_fault=self.data_fault(request.model),
            now=now,
        )

    def _start(self, job: RetrainJob, report: RetrainReport) -> None:
        """Note the job as running, then ask: a crash in between leaves a lost job, never one that runs twice.

        It is told before it is asked for, so that no call-back can be overtaken by the news of the start.
        """
        policy = self._policy(job.request.model)
        trigger = self.triggers.get(policy.trigger) if policy else None
        if policy is None or trigger is None:
            self._fail(job, "its policy or the policy's trigger is no longer configured", report)
            return
        running = replace(job, phase=JobPhase.RUNNING, changed_at=self.clock.now(), hold_reason=None, detail="")
        self.jobs.update(running, [job_event(running)])
        try:
            external_id = trigger.start(job.request, {"policy": policy.name})
        except TriggerFailed as error:
            self._not_started(running, error, policy, report)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises: whether a run began is unknown
            self._change(running, JobPhase.LOST, f"the trigger broke: {type(error).__name__}: {error}")
            report.lost += 1
        else:
            report.started += 1
            if external_id is not None:
                self.jobs.update(replace(running, external_id=external_id))

    def _not_started(self, job: RetrainJob, error: TriggerFailed, policy: RetrainPolicy, report: RetrainReport) -> None:
        if not error.retryable:
            self._fail(job, str(error), report)
        elif self.clock.now() - job.requested_at >= policy.deadline:
            self._fail(job, f"not started within {format_duration(policy.deadline)}: {error}", report)
        else:
            self._change(job, JobPhase.REQUESTED, str(error))
            report.put_off += 1

    def _lose(self, job: RetrainJob, now: datetime, report: RetrainReport) -> None:
        waited = format_duration(timedelta(seconds=int((now - job.changed_at).total_seconds())))
        detail = f"no call-back for {waited}: say what became of it, until then no other job of the model starts"
        self._change(job, JobPhase.LOST, detail)
        report.lost += 1

    def _fail(self, job: RetrainJob, why: str, report: RetrainReport) -> None:
        self._change(job, JobPhase.FAILED, why)
        report.failed += 1

    # --- people and pipelines

    def approve(self, key: str) -> RetrainJob:
        """Start a job that was held back; MonitorError when it is not held, or another one is in flight."""
        job = self._job(key)
        if job.phase is not JobPhase.HELD:
            raise MonitorError(f"job {key} is {job.phase} and waits for nobody's approval")
        for other in self.jobs.jobs(job.request.model):
            if other.phase.is_open:
                raise MonitorError(f"job {other.request.key} of {job.request.model} is {other.phase}: one at a time")
        self._start(job, RetrainReport())
        return self._job(key)

    def finish(self, outcome: JobOutcome) -> RetrainJob:
        """Close a job with what its pipeline (or a person) says, and deal with the new version; safe to repeat.

        A successful job's training data becomes the baseline of the new version: promoted at once where the policy
        says so, else proposed. What goes wrong with the baseline is told and leaves the job done. MonitorError when
        the job is unknown or was never started.
        """
        job = self._job(outcome.key)
        if job.phase in {JobPhase.DONE, JobPhase.FAILED}:
            return job  # said before
        if job.phase is JobPhase.HELD:
            raise MonitorError(f"job {outcome.key} is held back and was never started")
        if not outcome.succeeded:
            closed = replace(job, phase=JobPhase.FAILED, detail=outcome.detail or "the pipeline said so")
        else:
            baseline_id, detail = self._candidate(job, outcome)
            said = "; ".join(filter(None, (outcome.detail, detail)))
            closed = replace(
                job,
                phase=JobPhase.DONE,
                detail=said,
                candidate_version=outcome.model_version,
                candidate_baseline=baseline_id,
            )
        closed = replace(closed, changed_at=self.clock.now(), hold_reason=None)
        self.jobs.update(closed, [job_event(closed)])
        return self._job(outcome.key)

    def _candidate(self, job: RetrainJob, outcome: JobOutcome) -> tuple[str | None, str]:
        """(baseline id, what to tell people)."""
        if outcome.model_version is None or outcome.training_data is None:
            return None, "the call-back names no version and training data: build the new baseline by hand"
        ref = ModelRef(job.request.model, outcome.model_version)
        try:
            baseline_id = self.build_candidate(ref, outcome.training_data)
            return baseline_id, self._promoted_or_proposed(job, ref, baseline_id, outcome)
        except StoreUnavailable:
            raise
        except BaselineError as error:
            return None, f"no baseline for {ref}: {error}"

    def _promoted_or_proposed(self, job: RetrainJob, ref: ModelRef, baseline_id: str, outcome: JobOutcome) -> str:
        policy = self._policy(ref.name)
        if policy is None or not policy.auto_promote:
            return f"to compare {ref} with its new baseline: driftline baseline promote {baseline_id}"
        effective_ms = None if outcome.effective_from is None else to_ms(outcome.effective_from)
        self.baselines.promote(ref, baseline_id, effective_ms, f"retraining job {job.request.key}")
        return f"baseline {baseline_id} is current for {ref}"

    # --- small parts

    def _policy(self, model: str) -> RetrainPolicy | None:
        monitored = self.models.get(model)
        name = monitored.retraining if monitored else None
        return self.policies.get(name) if name else None

    def _deadline(self, job: RetrainJob) -> timedelta:
        policy = self._policy(job.request.model)
        return policy.deadline if policy else timedelta(0)

    def _job(self, key: str) -> RetrainJob:
        job = self.jobs.get(key)
        if job is None:
            raise MonitorError(f"there is no retraining job {key!r}")
        return job

    def _change(self, job: RetrainJob, phase: JobPhase, detail: str) -> None:
        changed = replace(job, phase=phase, changed_at=self.clock.now(), detail=detail)
        self.jobs.update(changed, [job_event(changed)])  # neither happens if its pipeline has called back meanwhile


def _pause(job: RetrainJob) -> timedelta:
    """How long to wait before the next try: as long as it has been tried, within bounds, so that pauses double."""
    return min(max(job.changed_at - job.requested_at, _FIRST_PAUSE), _LONGEST_PAUSE)
