"""Changes of retraining jobs: every one with its reason, told by an alert event that is saved together with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from monitor.domain.errors import BadRequest, MonitorError, UnknownJob
from monitor.domain.ports import JobStore
from monitor.domain.retraining import JobEnd, JobPhase, RetrainJob, RetrainRequest
from monitor.domain.rules import AlertEvent, RuleState
from monitor.domain.time import Clock
from monitor.rules.job_events import job_events

GUARD, PIPELINE = "guard", "pipeline"
"""Who decides when no person does."""

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Ledger:
    """The store of jobs, the clock by which they change, and where the rule that made a request stands."""

    jobs: JobStore
    clock: Clock
    asking: Callable[[RetrainRequest], Sequence[RuleState]]

    def events(self, job: RetrainJob) -> list[AlertEvent]:
        """What is told of a job as it stands now, also by the alerts of the rule that asked for it."""
        others = self.jobs.jobs(job.request.model) if job.phase is JobPhase.PROMOTED else ()
        return job_events(job, self.asking(job.request), others)

    def job(self, key: str) -> RetrainJob:
        """The job; UnknownJob when there is none."""
        job = self.jobs.get(key)
        if job is None:
            raise UnknownJob(f"there is no retraining job {key!r}: see `driftline retraining list`")
        return job

    def named(self, beginning: str) -> str:
        """The key that begins like this, where one alone does; UnknownJob for none, BadRequest for several."""
        if self.jobs.get(beginning) is not None:
            return beginning
        found = [job.request.key for job in self.jobs.jobs() if job.request.key.startswith(beginning)]
        if beginning and len(found) > 1:
            shown = ", ".join(found[:_MOST_SHOWN]) + (", ..." if len(found) > _MOST_SHOWN else "")
            raise BadRequest(f"{len(found)} retraining jobs begin with {beginning!r}: {shown}")
        return found[0] if beginning and found else self.job(beginning).request.key

    def change(self, job: RetrainJob, phase: JobPhase, detail: str, by: str = GUARD) -> RetrainJob | None:
        """Move the job; None when somebody else changed it meanwhile, who is then right.

        A held job keeps its hold reason, any other has none.
        """
        reason = job.hold_reason if phase is JobPhase.HELD else None
        moved = replace(job, phase=phase, detail=detail, by=by, hold_reason=reason, changed_at=self.clock.now())
        return self.jobs.update(moved, self.events(moved))

    def settle(self, job: RetrainJob, end: JobEnd, detail: str, by: str = GUARD) -> RetrainJob | None:
        """Close the job for good."""
        return self.change(replace(job, end=end), JobPhase.SETTLED, detail, by)

    def must(self, changed: RetrainJob | None, key: str) -> RetrainJob:
        """The change that a person asked for; MonitorError when another came first."""
        if changed is None:
            now = self.job(key)
            raise MonitorError(f"job {key} was changed meanwhile and is {now.phase}: {now.detail}; look again")
        return changed
