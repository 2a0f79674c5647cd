"""What a pipeline says of its run, by call-back or through a person: taken once, of jobs that were sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from monitor.domain.errors import BaselineError, MonitorError, StoreUnavailable
from monitor.domain.models import ModelRef
from monitor.domain.retraining import Candidate, JobEnd, JobOutcome, JobPhase, RetrainJob
from monitor.usecases.job_ledger import PIPELINE, Ledger

BuildCandidate = Callable[[ModelRef, str], str]
"""Builds and stores the baseline of a new version from a place of training data; returns its id or BaselineError."""


@dataclass(frozen=True, slots=True)
class FinishJob:
    """Turns a finished run into a candidate, or into a job that failed."""

    ledger: Ledger
    build_candidate: BuildCandidate

    def finish(self, outcome: JobOutcome, by: str = PIPELINE) -> RetrainJob:
        """Take what is said; saying the same again changes nothing.

        A successful job's training data becomes a baseline of the new version that waits for the promotion; what goes
        wrong with it is told and harms nothing else, and is mended by saying it again with the right place.
        MonitorError when the job was never sent, or ended otherwise.
        """
        job = self.ledger.job(outcome.key)
        if job.phase.is_open and (job.phase.has_been_sent or job.attempts) and not _has_candidate(job):
            return self._taken(job, outcome, by)
        if _agrees(job, outcome):
            return self._mended(job, outcome, by) if _lacks_baseline(job) else job
        if not job.attempts:
            raise MonitorError(f"job {outcome.key} is {job.phase} and was never started: nothing of it can have ended")
        version = f", version {job.candidate.version}" if job.candidate.version else ""
        raise MonitorError(f"job {outcome.key} is {job.phase}{version}: what was said before stands ({job.detail})")

    def _taken(self, job: RetrainJob, outcome: JobOutcome, by: str) -> RetrainJob:
        if not outcome.succeeded:
            changed = self.ledger.settle(job, JobEnd.FAILED, outcome.detail or "the pipeline said so", by)
        else:
            candidate, detail = self._candidate(job, outcome)
            said = "; ".join(filter(None, (outcome.detail, detail)))
            changed = self.ledger.change(replace(job, candidate=candidate), JobPhase.CANDIDATE, said, by)
        # somebody else moved the job meanwhile: look again at what it is now
        return changed if changed is not None else self.finish(outcome, by)

    def _mended(self, job: RetrainJob, outcome: JobOutcome, by: str) -> RetrainJob:
        """The candidate with the baseline that could not be built before; the same trouble again changes nothing."""
        found, detail = self._candidate(job, outcome)
        if found.baseline is None and detail in job.detail:
            return job
        candidate = replace(job.candidate, training_data=found.training_data, baseline=found.baseline)
        changed = self.ledger.change(replace(job, candidate=candidate), job.phase, detail, by)
        return changed if changed is not None else self.finish(outcome, by)

    def _candidate(self, job: RetrainJob, outcome: JobOutcome) -> tuple[Candidate, str]:
        """(the candidate, what to tell people)."""
        made = Candidate(
            version=outcome.model_version,
            since=self.ledger.clock.now(),
            training_data=outcome.training_data,
            scores=outcome.scores,
            trained_until=outcome.trained_until,
            effective_from=outcome.effective_from,
        )
        if outcome.model_version is None or outcome.training_data is None:
            lacking = "version" if outcome.model_version is None else "training data"
            return made, f"the call-back names no {lacking}: build the new baseline by hand"
        ref = ModelRef(job.request.model, outcome.model_version)
        try:
            baseline_id = self.build_candidate(ref, outcome.training_data)
        except StoreUnavailable:
            raise
        except BaselineError as error:
            return made, f"no baseline for {ref}: {error}"
        return replace(made, baseline=baseline_id), f"{ref} was trained, its baseline is {baseline_id}"


def _has_candidate(job: RetrainJob) -> bool:
    """Whether the version is known; a run that was only seen to end well still waits for its name."""
    return job.phase in {JobPhase.CANDIDATE, JobPhase.VERIFYING} and job.candidate.version is not None


def _lacks_baseline(job: RetrainJob) -> bool:
    return _has_candidate(job) and job.candidate.baseline is None


def _agrees(job: RetrainJob, outcome: JobOutcome) -> bool:
    if not outcome.succeeded:
        return job.end is JobEnd.FAILED
    return job.candidate.since is not None and job.candidate.version == outcome.model_version
