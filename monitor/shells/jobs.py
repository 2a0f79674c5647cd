"""Retraining jobs as JSON: the same for the command line and for HTTP."""

from dataclasses import asdict

from monitor.domain.retraining import OperatorHold, RetrainJob
from monitor.domain.time import format_instant
from monitor.domain.verification import Verification


def job_row(job: RetrainJob) -> dict[str, object]:
    """All that is known of a job."""
    request, candidate, cost = job.request, job.candidate, job.cost
    return {
        "key": request.key,
        "model": request.model,
        "version": request.version,
        "rule": request.rule,
        "at": format_instant(request.at),
        "why": request.why,
        "requested_by": request.by or None,
        **history_row(job),
        "requested_at": format_instant(job.requested_at),
        "attempts": job.attempts,
        "external_id": job.external_id,
        "link": job.link,
        "candidate_version": candidate.version,
        "candidate_baseline": candidate.baseline,
        "cost": None
        if cost is None
        else {"pays": cost.pays, "loss": cost.loss, "cost": cost.cost, "sum": cost.sentence},
        "verification": None if candidate.verification is None else report_row(candidate.verification),
        "parameters": dict(job.parameters),
    }


def history_row(job: RetrainJob) -> dict[str, object]:
    """One step: into which phase, when, by whom and why."""
    return {
        "phase": job.phase.value,
        "changed_at": format_instant(job.changed_at),
        "by": job.by,
        "hold_reason": job.hold_reason.value if job.hold_reason else None,
        "end": job.end.value if job.end else None,
        "detail": job.detail,
    }


def hold_row(hold: OperatorHold) -> dict[str, object]:
    """An operator's hold: of what, by whom, why, until when, and who ended it."""
    until, released_at = (format_instant(at) if at else None for at in (hold.until, hold.released_at))
    return {
        "model": hold.model,
        "by": hold.by,
        "reason": hold.reason,
        "since": format_instant(hold.since),
        "until": until,
        "released_at": released_at,
        "released_by": hold.released_by,
    }


def report_row(report: Verification) -> dict[str, object]:
    """A verification with all its comparisons."""
    return {**asdict(report), "answer": report.answer.value, "notes": list(report.notes)}
