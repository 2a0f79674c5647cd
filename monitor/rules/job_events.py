"""Alert events about the life of a retraining job: one alert a model, from the request to the job's end."""

from datetime import datetime, timedelta

from monitor.domain.retraining import HoldReason, JobPhase, RetrainJob
from monitor.domain.rules import AlertEvent, Severity
from monitor.domain.time import format_instant

ALERT_NAME = "retraining"

_HELD_FOR = timedelta(hours=1)
_FAILED_FOR = timedelta(days=1)
_TROUBLE = {JobPhase.FAILED, JobPhase.LOST}


def job_event(job: RetrainJob) -> AlertEvent:
    """What people are told of a job as it stands now.

    A running job fires until it is done. A lost one fires until somebody says what became of it, one that waits for
    approval until it has it; any other held or failed job is shown for a while and goes by itself.
    """
    request = job.request
    return AlertEvent(
        labels={"alertname": ALERT_NAME, "model": request.model},
        annotations={
            "summary": f"Retraining of {request.model}: {_headline(job)}",
            "description": f"{_sentence(_headline(job))} {job.detail}".strip(),
            "reason": request.why,
            "job": request.key,
            "rule": request.rule,
            "version": request.version,
            **_candidate(job),
        },
        severity=Severity.WARNING if job.phase in _TROUBLE else Severity.INFO,
        starts_at=job.requested_at,
        ends_at=_end(job),
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _headline(job: RetrainJob) -> str:
    match job.phase:
        case JobPhase.REQUESTED:
            return "about to be started" if not job.detail else "not started yet, will be tried again"
        case JobPhase.HELD:
            return f"held back ({job.hold_reason or 'by hand'})"
        case JobPhase.RUNNING:
            known = f" as {job.external_id}" if job.external_id else ""
            return f"running{known} since {format_instant(job.changed_at)}"
        case JobPhase.DONE:
            return f"done, candidate version {job.candidate_version or 'not named'}"
        case JobPhase.FAILED:
            return "failed"
        case JobPhase.LOST:
            return "lost: no news by its deadline"


def _candidate(job: RetrainJob) -> dict[str, str]:
    words = {"candidate_version": job.candidate_version, "candidate_baseline": job.candidate_baseline}
    return {name: word for name, word in words.items() if word}


def _end(job: RetrainJob) -> datetime | None:
    match job.phase:
        case JobPhase.DONE:
            return job.changed_at
        case JobPhase.FAILED:
            return job.changed_at + _FAILED_FOR
        case JobPhase.HELD if job.hold_reason is not HoldReason.NEEDS_APPROVAL:
            return job.changed_at + _HELD_FOR
        case _:
            return None
