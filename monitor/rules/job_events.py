"""Alert events about retraining jobs: one alert a model and rule, from the request to the job's settlement.

A suggested rollback is an alert of its own: the next job of the rule must not take its place. The alert of the rule
itself is amended. Decided in docs/decisions/0044.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.domain.retraining import HoldReason, JobEnd, JobPhase, RetrainJob
from monitor.domain.rules import AlertEvent, RuleState, Severity
from monitor.domain.time import format_instant
from monitor.domain.verification import Answer

ALERT_NAME, ROLLBACK_NAME = "retraining", "rollback-suggested"

_LABELS = {ALERT_NAME: {"alertname", "model", "rule"}, ROLLBACK_NAME: {"alertname", "model"}}

_SHOWN_FOR = timedelta(hours=1)
_TROUBLE_SHOWN_FOR = timedelta(days=1)
_TROUBLE = {JobEnd.FAILED, JobEnd.WORSE}
_REQUESTED = "A retraining job is requested; the model's policy decides."
_ENDINGS = {
    JobEnd.HELPED: "settled: version {} is better",
    JobEnd.NO_WORSE: "settled: version {} is no worse",
    JobEnd.WORSE: "settled: version {} is worse, rollback suggested",
    JobEnd.KEPT: "settled: version {} is worse and stays",
    JobEnd.UNWATCHED: "settled: version {} was promoted",
    JobEnd.SUPERSEDED: "settled: version {} was superseded",
    JobEnd.REJECTED: "settled: version {} was rejected",
    JobEnd.FAILED: "failed",
    JobEnd.DECLINED: "declined",
    JobEnd.NOT_NEEDED: "no longer needed",
    JobEnd.DRY_RUN: "would have been started (dry run)",
}


def is_of_a_rule(labels: Mapping[str, str]) -> bool:
    """Whether an alert with these labels is a rule's, and not about a retraining job, which no rule decides.

    >>> is_of_a_rule({"alertname": "drift", "model": "churn"})
    True
    >>> is_of_a_rule({"alertname": "retraining", "model": "churn", "rule": "drift"})
    False
    """
    return _LABELS.get(labels.get("alertname", "")) != labels.keys() - {"severity"}


def job_events(
    job: RetrainJob, asking: Sequence[RuleState] = (), others: Sequence[RetrainJob] = ()
) -> list[AlertEvent]:
    """Everything that people are told of a job as it stands now; the alert about the job itself comes last.

    `asking` is where the rule that asked for it stands: its alerts, where they fire, say how the job stands. `others`
    are jobs of the same model: a rollback that one of them suggests is no matter any more once this is promoted.
    """
    amendments = [_amendment(job, state) for state in asking if state.labels and _asked_for(job, state)]
    return [*amendments, *_rollback(job, others), job_event(job)]


def _rollback(job: RetrainJob, others: Sequence[RetrainJob]) -> list[AlertEvent]:
    """The suggestion, or its end: a person declined it, or yet another version serves."""
    if job.end is JobEnd.WORSE:
        return [_rollback_event(job, job.changed_at + _TROUBLE_SHOWN_FOR)]
    if job.end is JobEnd.KEPT:
        return [_rollback_event(job, job.changed_at)]
    if job.phase is not JobPhase.PROMOTED:
        return []
    suggesting = [one for one in others if one.end is JobEnd.WORSE and one.request.key != job.request.key]
    shown = [one for one in suggesting if job.changed_at < one.changed_at + _TROUBLE_SHOWN_FOR]
    return [_rollback_event(one, max(one.changed_at, job.changed_at)) for one in shown[-1:]]


def _asked_for(job: RetrainJob, state: RuleState) -> bool:
    return state.phase.is_active and state.fired_at is not None and job.request.at >= state.fired_at


def _amendment(job: RetrainJob, state: RuleState) -> AlertEvent:
    return AlertEvent(
        labels=state.labels,
        annotations={"retraining": job_words(job)},
        severity=Severity(state.labels["severity"]),
        starts_at=job.changed_at,  # equal events are one: a job that stands as once before is news again
        amends=True,
    )


def job_words(job: RetrainJob | None, *, is_over: bool = False) -> str:
    """How the job that a rule's alert asked for stands, in a sentence; None: the guard has not seen it yet.

    With the alert a job `is_over` that still waits: the guard settles it, and nobody need approve it any more.
    """
    if job is None:
        return _REQUESTED
    if is_over and job.phase is JobPhase.HELD:
        return f"Job {job.request.key} of {job.request.asker} was held back, and is no longer needed."
    since = f" at {format_instant(job.promoted_at)}" if job.phase is JobPhase.PROMOTED and job.promoted_at else ""
    return f"Job {job.request.key} of {job.request.asker}: {_headline(job)}{since}. {_sentence(job.detail)}".strip()


def job_event(job: RetrainJob) -> AlertEvent:
    """What people are told of a job as it stands now.

    A job in flight fires until it is settled, one that waits for a person until it has its answer; any other held or
    ended job is shown for a while and goes by itself.
    """
    request = job.request
    return AlertEvent(
        labels={"alertname": ALERT_NAME, "model": request.model, "rule": request.rule},
        annotations={
            "summary": f"Retraining of {request.model}: {_headline(job)}",
            "description": f"{_sentence(_headline(job))} {_sentence(job.detail)}".strip(),
            "reason": request.reason,
            "requested_by": request.asker,
            "job": request.key,
            "version": request.version,
            **_more(job),
        },
        severity=Severity.WARNING if _is_trouble(job) else Severity.INFO,
        starts_at=job.requested_at,
        ends_at=_end(job),
        link=job.link,
    )


def _rollback_event(job: RetrainJob, ends_at: datetime) -> AlertEvent:
    request, version = job.request, job.candidate.version
    to_do = f"let version {request.version} serve again, train another, or driftline retraining decline {request.key}"
    return AlertEvent(
        labels={"alertname": ROLLBACK_NAME, "model": request.model},
        annotations={
            "summary": f"Rollback of {request.model} suggested: version {version} is worse than {request.version}",
            "description": _sentence(job.detail),
            "job": request.key,
            "version": version or "",
            "to_do": to_do,
        },
        severity=Severity.WARNING,
        starts_at=job.changed_at,
        ends_at=ends_at,
        link=job.link,
    )


def _is_trouble(job: RetrainJob) -> bool:
    return job.phase is JobPhase.LOST or job.end in _TROUBLE or job.hold_reason is HoldReason.DID_NOT_HELP


def _sentence(words: str) -> str:
    ends = "" if not words or words.endswith(".") else "."
    return f"{words[:1].upper()}{words[1:]}{ends}"


def _headline(job: RetrainJob) -> str:
    if job.end is not None:
        return _ENDINGS[job.end].format(job.candidate.version or "not named")
    if job.phase is JobPhase.HELD:
        return f"held back ({job.hold_reason.words if job.hold_reason else 'by hand'})"
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
        case JobPhase.SETTLED if job.end is JobEnd.FAILED:
            return job.changed_at + _TROUBLE_SHOWN_FOR
        case JobPhase.SETTLED | JobPhase.PROMOTED:
            return job.changed_at
        case JobPhase.HELD if job.hold_reason is not None and job.hold_reason.passes_by_itself:
            return job.changed_at + _SHOWN_FOR
        case _:
            return None
