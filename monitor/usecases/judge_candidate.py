"""From a candidate to its promotion or rejection, and what came of it: the last third of a job's life."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.domain.errors import MonitorError
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore
from monitor.domain.retraining import JobEnd, JobPhase, RetrainJob
from monitor.domain.time import to_ms
from monitor.domain.verification import Answer, Verification, VerifyPolicy
from monitor.usecases.guard_requests import PolicyOf
from monitor.usecases.job_ledger import GUARD, Ledger
from monitor.usecases.verify_candidate import VerifyCandidate
from monitor.usecases.watch_promotion import WatchPromotion


@dataclass(frozen=True, slots=True)
class JudgeCandidate:
    """Verifies, promotes, rejects and watches."""

    ledger: Ledger
    models: Mapping[str, MonitoredModel]
    policy_of: PolicyOf
    baselines: BaselineStore
    verification: VerifyCandidate
    watching: WatchPromotion

    def go_on(self, job: RetrainJob) -> RetrainJob | None:
        """The next step of a job that is candidate, verifying, promoted or rejected, if one is due."""
        match job.phase:
            case JobPhase.CANDIDATE if job.candidate.version is not None:
                return self._begin(job)
            case JobPhase.VERIFYING:
                return self._look(job)
            case JobPhase.PROMOTED:
                return self._watch(job)
            case JobPhase.REJECTED:
                return self.ledger.settle(job, JobEnd.REJECTED, job.detail, job.by)
            case _:
                return None

    def _begin(self, job: RetrainJob) -> RetrainJob | None:
        policy = self.policy_of(job.request.model)
        if policy is not None and policy.verify is not None:
            said = f"comparing version {job.candidate.version} with {job.request.version} on the same records"
            return self.ledger.change(job, JobPhase.VERIFYING, said)
        if policy is not None and policy.auto_promote:
            return self.promote(job, f"policy {policy.name} promotes without verification", GUARD)
        return None

    def _look(self, job: RetrainJob) -> RetrainJob | None:
        model, policy = self.models.get(job.request.model), self.policy_of(job.request.model)
        if model is None or policy is None or policy.verify is None:
            return None
        report = self.verification.look(model, job, policy.verify, self.ledger.clock.now())
        if report is None:
            return None
        seen = replace(job, candidate=replace(job.candidate, verification=report))
        if report.answer is Answer.REJECT:
            return self.ledger.change(seen, JobPhase.REJECTED, report.because)
        if report.answer is Answer.PROMOTE and policy.auto_promote:
            return self.promote(seen, report.because, GUARD)
        return self.ledger.change(seen, JobPhase.VERIFYING, f"{report.answer}: {report.because}")

    def report(self, job: RetrainJob) -> Verification:
        """How the candidate stands now; MonitorError when there is none, or its model is not configured."""
        model, policy = self.models.get(job.request.model), self.policy_of(job.request.model)
        if model is None or job.candidate.version is None:
            raise MonitorError(f"job {job.request.key} is {job.phase} and has no candidate to verify")
        limits = policy.verify if policy and policy.verify else VerifyPolicy()
        return self.verification.report(model, job, limits)

    def promote(self, job: RetrainJob, why: str, by: str) -> RetrainJob | None:
        """Let the candidate's baseline hold, then say so: doing both again after a crash changes nothing.

        A version whose baseline could not be built is promoted all the same, for it serves; what it lacks is said.
        """
        candidate, said = job.candidate, why
        if candidate.baseline is not None and candidate.version is not None:
            effective_ms = None if candidate.effective_from is None else to_ms(candidate.effective_from)
            ref = ModelRef(job.request.model, candidate.version)
            self.baselines.promote(ref, candidate.baseline, effective_ms, f"retraining job {job.request.key}")
            said = f"{why}; baseline {candidate.baseline} is current for {ref}"
        else:
            said = "; ".join(filter(None, (why, self._lacking(job))))
        return self.ledger.change(replace(job, promoted_at=self.ledger.clock.now()), JobPhase.PROMOTED, said, by)

    def _watch(self, job: RetrainJob) -> RetrainJob | None:
        model, policy = self.models.get(job.request.model), self.policy_of(job.request.model)
        newer = self._promoted_later(job)
        if newer is not None:
            return self.ledger.settle(job, JobEnd.SUPERSEDED, f"version {newer.candidate.version} was promoted since")
        if model is None or policy is None:
            return self.ledger.settle(job, JobEnd.UNWATCHED, "its model or policy is no longer configured")
        verdict = self.watching.verdict(model, job, policy)
        if verdict is None:
            return None
        end, said = verdict
        return self.ledger.settle(job, end, "; ".join(filter(None, (self._lacking(job), said))))

    def _lacking(self, job: RetrainJob) -> str:
        """What is to be said of a promoted version that has no baseline, neither of the job nor made by hand."""
        model, version = job.request.model, job.candidate.version
        if job.candidate.baseline is not None or version is None:
            return ""
        if any(version == known for known, _, _ in self.baselines.timeline(model)):
            return ""
        build = f"driftline baseline build --model {model} --version {version}"
        return f"{model}:{version} has no baseline, so its drift is not seen: `{build} TRAINING_DATA` makes one"

    def _promoted_later(self, job: RetrainJob) -> RetrainJob | None:
        at = job.promoted_at
        others = self.ledger.jobs.jobs(job.request.model)
        return next((o for o in others if at is not None and o.promoted_at is not None and o.promoted_at > at), None)
