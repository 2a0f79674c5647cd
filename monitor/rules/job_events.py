"""Alert events about the life of a retraining job: one alert a model, from the request to the job's settlement."""

from datetime import datetime, timedelta

from monitor.domain.retraining import HoldReason, JobEnd, JobPhase, RetrainJob
from monitor.domain.rules import AlertEvent, Severity
from monitor.domain.time import format_instant
from monitor.domain.verification import Answer

ALERT_NAME = "retraining"

_SHOWN_FOR = timedelta(hours=1)
_TROUBLE_SHOWN_FOR = timedelta(days=1)
_TROUBLE = {JobEnd.FAILED, JobEnd.WORSE}
_ENDINGS = {
    JobEnd.HELPED: "settled: version {} is better",
    JobEnd.NO_WORSE: "settled: version {} is no worse",
    JobEnd.WORSE: "version {} is worse, rollback suggested",
    JobEnd.UNWATCHED: "settled: version {} was promoted",
    JobEnd.SUPERSEDED: "settled: version {} was superseded",
    JobEnd.REJECTED: "settled: version {} was rejected",
    JobEnd.FAILED: "failed",
    JobEnd.DECLINED: "declined",
    JobEnd.NOT_NEEDED: "no longer needed",
    JobEnd.DRY_RUN: "would have been started (dry run)",
}


def job_event(job: RetrainJob) -> AlertEvent:
    """What people are told of a job as it stands now.

    A job in flight fires until it is settled, one that waits for a person until it has its answer; any other held or
    ended job is shown for a while and goes by itself.
    """
    request = job.request
    return AlertEvent(
        labels={"alertname": ALERT_NAME, "model": request.model},
        annotations={
            "summary": f"Retraining of {request.model}: {_headline(job)}",
            "description": f"{_sentence(_headline(job))} {job.detail}".strip(),
            "reason": request.reason,
            "requested_by": request.asker,
            "job": request.key,
            "rule": request.rule,
            "version": request.version,
            **_more(job),
        },
        severity=Severity.WARNING if _is_trouble(job) else Severity.INFO,
        starts_at=job.requested_at,
        ends_at=_end(job),
        link=job.link,
    )


def _is_trouble(job: RetrainJob) -> bool:
    return job.phase is JobPhase.LOST or job.end in _TROUBLE or job.hold_reason is HoldReason.DID_NOT_HELP


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _headline(job: RetrainJob) -> str:
    if job.end is not None:
        return _ENDINGS[job.end].format(job.candidate.version or "not named")
    if job.phase is JobPhase.HELD:
        return f"held back ({job.hold_reason or 'by hand'})"
    return f"{job.phase}{_details(job)}"


def _details(job: RetrainJob) -> str:
    """What makes the phase's name a headline."""
    known = f" as {job.external_id}" if job.external_id else ""
    version = f" version {job.candidate.version or 'not named'}"
    words = {
        JobPhase.APPROVED: ", not started yet" if job.attempts else "",
        JobPhase.RUNNING: f"{known} since {format_instant(job.changed_at)}",
        JobPhase.CANDIDATE: version,
        JobPhase.VERIFYING: f"{version}{_answer(job)}",
        JobPhase.PROMOTED: version,
        JobPhase.REJECTED: version,
        JobPhase.LOST: ": whether it runs is unknown",
    }
    return words.get(job.phase, "")


def _answer(job: RetrainJob) -> str:
    report = job.candidate.verification
    if report is None:
        return ""
    return ": promote it" if report.answer is Answer.PROMOTE else f": {report.answer}"


def _more(job: RetrainJob) -> dict[str, str]:
    words = {
        "candidate_version": job.candidate.version,
        "candidate_baseline": job.candidate.baseline,
        "cost": job.cost.sentence if job.cost else None,
        "to_do": _to_do(job),
    }
    return {name: word for name, word in words.items() if word}


def _to_do(job: RetrainJob) -> str:
    """The command that a person may want next."""
    key = job.request.key
    match job.phase:
        case JobPhase.HELD if job.hold_reason in {HoldReason.NEEDS_APPROVAL, HoldReason.DID_NOT_HELP}:
            return f"driftline retraining approve {key} (or decline)"
        case JobPhase.CANDIDATE | JobPhase.VERIFYING if job.candidate.version is not None:
            return f"driftline retraining promote {key} (or reject)"
        case JobPhase.LOST | JobPhase.CANDIDATE:
            return f"driftline retraining finish {key} --version VERSION (or --failed)"
        case _:
            return ""


def _end(job: RetrainJob) -> datetime | None:
    match job.phase:
        case JobPhase.SETTLED if job.end in _TROUBLE:
            return job.changed_at + _TROUBLE_SHOWN_FOR
        case JobPhase.SETTLED | JobPhase.PROMOTED:
            return job.changed_at
        case JobPhase.HELD if job.hold_reason is not None and job.hold_reason.passes_by_itself:
            return job.changed_at + _SHOWN_FOR
        case _:
            return None
