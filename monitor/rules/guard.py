"""The guard: may this retraining request become a job now, and if not, why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.retraining import HoldReason, JobPhase, RetrainJob, RetrainPolicy, RetrainRequest
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Condition, Rule, RuleState, Subject
from monitor.domain.time import format_duration, format_instant

AUTOMATIC = "auto"
"""The mode of a policy that starts jobs by itself; under any other a person approves every job."""

_DATA_TESTS = {"missing_rate", "silence", "volume", "coverage"}
"""Checks that tell a broken feed from a changed world: retraining on what they complain of makes things worse."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The guard's no: a reason for programs and a sentence for people."""

    reason: HoldReason
    sentence: str


def decide(
    policy: RetrainPolicy | None,
    request: RetrainRequest,
    jobs: Sequence[RetrainJob],
    *,
    truth_count: int,
    data_fault: str,
    now: datetime,
) -> Hold | None:
    """None when the job may start, else the first reason against it.

    `jobs` are the ledger's jobs of the request's model, `truth_count` the ground-truth records since the last of them,
    `data_fault` the name of an open alert about broken input ("" when there is none): retraining on a broken feed makes
    it worse. Instants in the ledger are wall clock, as `now` is.
    """
    if policy is None:
        return Hold(
            HoldReason.NO_POLICY, f"model {request.model} has no retraining policy: name one under `retraining`"
        )
    others = [job for job in jobs if job.request.model == request.model and job.request.key != request.key]
    return (
        _in_flight(others)
        or _data_fault(data_fault)
        or _cooldown(policy, others, now)
        or _budget(policy, others, now)
        or _truth(policy, truth_count)
        or _approval(policy)
    )


def fault_in_data(rules: Sequence[Rule], states: Mapping[Subject, RuleState], model: str) -> str:
    """Name of an active rule of the model that is about broken input and nothing else; "" when there is none."""
    for rule in rules:
        state = states.get(Subject(rule.name, model))
        if state is not None and state.phase.is_active and _is_about_data(rule.when):
            return rule.name
    return ""


def _is_about_data(condition: Condition) -> bool:
    match condition:
        case CheckIsBad():
            return condition.test in _DATA_TESTS
        case AllOf(parts) | AnyOf(parts):
            return all(map(_is_about_data, parts))
        case _:
            return False


def last_end(jobs: Sequence[RetrainJob]) -> datetime | None:
    """When the newest finished job ended; None when no job has finished."""
    return max((job.changed_at for job in jobs if job.phase in {JobPhase.DONE, JobPhase.FAILED}), default=None)


def _in_flight(jobs: Sequence[RetrainJob]) -> Hold | None:
    for job in jobs:
        if job.phase.is_open:
            since = format_instant(job.requested_at)
            return Hold(HoldReason.IN_FLIGHT, f"job {job.request.key} is {job.phase} since {since}")
    return None


def _data_fault(data_fault: str) -> Hold | None:
    if not data_fault:
        return None
    return Hold(HoldReason.DATA_FAULT, f"alert {data_fault} says that the input is broken: mend the feed first")


def _cooldown(policy: RetrainPolicy, jobs: Sequence[RetrainJob], now: datetime) -> Hold | None:
    ended = last_end(jobs)
    if ended is None or now - ended >= policy.cooldown:
        return None
    left = format_duration(_seconds_up(policy.cooldown - (now - ended)))
    return Hold(HoldReason.COOLDOWN, f"the last job ended {format_instant(ended)}; {left} of the cooldown are left")


def _budget(policy: RetrainPolicy, jobs: Sequence[RetrainJob], now: datetime) -> Hold | None:
    since = now - policy.budget_period
    started = sum(job.phase is not JobPhase.HELD and job.requested_at > since for job in jobs)
    if started < policy.budget:
        return None
    period = format_duration(policy.budget_period)
    return Hold(
        HoldReason.BUDGET, f"{started} jobs in the last {period}, as many as the budget of {policy.budget} allows"
    )


def _truth(policy: RetrainPolicy, truth_count: int) -> Hold | None:
    if truth_count >= policy.min_truth:
        return None
    return Hold(
        HoldReason.TOO_LITTLE_TRUTH,
        f"{truth_count} ground-truth records since the last job, {policy.min_truth} are needed to learn from",
    )


def _approval(policy: RetrainPolicy) -> Hold | None:
    if policy.mode == AUTOMATIC:
        return None
    return Hold(HoldReason.NEEDS_APPROVAL, f"policy {policy.name} asks a person: approve the job to start it")


def _seconds_up(duration: timedelta) -> timedelta:
    return timedelta(seconds=-(-duration // timedelta(seconds=1)))
