"""The guard: may this retraining request become a job now, and if not, why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.retraining import (
    BY_HAND,
    EVERY_MODEL,
    CostSum,
    HoldReason,
    JobEnd,
    Mode,
    OperatorHold,
    RetrainJob,
    RetrainPolicy,
    RetrainRequest,
)
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Condition, Rule, RuleState, Subject
from monitor.domain.time import format_duration, format_instant

_DATA_TESTS = {"missing_rate", "silence", "volume", "coverage", "lag", "staleness"}
"""Checks that tell a broken feed from a changed world: retraining on what they complain of makes things worse."""

_MOST_DOUBLINGS = 5


@dataclass(frozen=True, slots=True)
class Hold:
    """The guard's no: a reason for programs and a sentence for people."""

    reason: HoldReason
    sentence: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the guard looks at besides the policy and the ledger, all about one model.

    `truth_count` are the ground-truth records since its last job, `data_fault` the name of an open alert about broken
    input ("" when there is none), `hold` what a person said, `cost` the sum of a cost policy.
    """

    truth_count: int = 0
    data_fault: str = ""
    hold: OperatorHold | None = None
    cost: CostSum | None = None


def decide(
    policy: RetrainPolicy | None,
    request: RetrainRequest,
    jobs: Sequence[RetrainJob],
    seen: Circumstances,
    now: datetime,
) -> Hold | None:
    """None when the job may start, else the first reason against it; a person may have the last word on most of them.

    `jobs` are the ledger's jobs of the request's model. Instants in the ledger are wall clock, as `now` is.
    """
    if policy is None:
        sentence = f"model {request.model} has no retraining policy: name one under `retraining`"
        return Hold(HoldReason.NO_POLICY, sentence)
    others = [job for job in jobs if job.request.model == request.model and job.request.key != request.key]
    return (
        forbids(others, seen.hold)
        or _data_fault(seen.data_fault)
        or _did_not_help(policy, request, others)
        or _cooldown(policy, others, now)
        or _budget(policy, others, now)
        or _truth(policy, seen.truth_count)
        or _cost(seen.cost)
        or _approval(policy)
    )


def forbids(jobs: Sequence[RetrainJob], hold: OperatorHold | None) -> Hold | None:
    """What nobody's approval of a single job can set aside: an operator's hold, and another job in flight."""
    return _operator(hold) or _in_flight(jobs)


def fault_in_data(rules: Sequence[Rule], states: Mapping[Subject, RuleState], model: str) -> str:
    """Name of an active rule of the model that is about broken input and nothing else; "" when there is none."""
    for rule in rules:
        active = any(s.rule == rule.name and s.model == model and state.phase.is_active for s, state in states.items())
        if active and _is_about_data(rule.when):
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
    """When the newest job that ran came to its answer; None when none did."""
    return max((_ended_at(job) for job in jobs if job.ran and not job.phase.is_open), default=None)


def _ended_at(job: RetrainJob) -> datetime:
    return job.promoted_at or job.changed_at


def _operator(hold: OperatorHold | None) -> Hold | None:
    if hold is None:
        return None
    until = f" until {format_instant(hold.until)}" if hold.until else ""
    about = "all models" if hold.model == EVERY_MODEL else hold.model
    return Hold(HoldReason.OPERATOR_HOLD, f"{hold.by} holds retraining of {about}{until}: {hold.reason}")


def _in_flight(jobs: Sequence[RetrainJob]) -> Hold | None:
    for job in jobs:
        if job.phase.is_open:
            since = format_instant(job.changed_at)
            return Hold(HoldReason.IN_FLIGHT, f"job {job.request.key} is {job.phase} since {since}")
    return None


def _data_fault(data_fault: str) -> Hold | None:
    if not data_fault:
        return None
    return Hold(HoldReason.DATA_FAULT, f"alert {data_fault} says that the input is broken: mend the feed first")


def _did_not_help(policy: RetrainPolicy, request: RetrainRequest, jobs: Sequence[RetrainJob]) -> Hold | None:
    """The loop breaker: the same rule, soon after the promotion that it had asked for. People are no loop."""
    if request.rule == BY_HAND:
        return None
    served = [(at, job) for job in jobs if job.request.rule == request.rule and (at := serves_since(job)) is not None]
    for at, job in sorted(served, key=lambda one: one[0], reverse=True)[:1]:
        if timedelta(0) <= request.at - at < policy.repeat_within:
            after = format_duration(_seconds_up(request.at - at))
            return Hold(
                HoldReason.DID_NOT_HELP,
                f"retraining did not help: {request.rule} fires again {after} after version {job.candidate.version} of"
                f" job {job.request.key} was promoted; look for another cause, or approve by hand",
            )
    return None


def serves_since(job: RetrainJob) -> datetime | None:
    """Event time from which the job's candidate serves; None when it was not, or no longer does."""
    if job.promoted_at is None or job.end is JobEnd.SUPERSEDED:
        return None
    return job.candidate.effective_from or job.promoted_at


def _cooldown(policy: RetrainPolicy, jobs: Sequence[RetrainJob], now: datetime) -> Hold | None:
    ended = last_end(jobs)
    if ended is None:
        return None
    in_vain = _disappointments_in_a_row(jobs)
    cooldown = policy.cooldown * 2 ** min(in_vain, _MOST_DOUBLINGS)
    if now - ended >= cooldown:
        return None
    left = format_duration(_seconds_up(cooldown - (now - ended)))
    doubled = f" (doubled after {in_vain} in vain)" if in_vain else ""
    sentence = f"the last job ended {format_instant(ended)}; {left} of the cooldown are left{doubled}"
    return Hold(HoldReason.COOLDOWN, sentence)


def _disappointments_in_a_row(jobs: Sequence[RetrainJob]) -> int:
    ran = sorted((job for job in jobs if job.ran and not job.phase.is_open), key=_ended_at, reverse=True)
    return next((position for position, job in enumerate(ran) if not job.disappointed), len(ran))


def _budget(policy: RetrainPolicy, jobs: Sequence[RetrainJob], now: datetime) -> Hold | None:
    since = now - policy.budget_period
    started = sum(job.ran and job.approved_at is not None and job.approved_at > since for job in jobs)
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
        f"{truth_count:,} ground-truth records since the last job, {policy.min_truth:,} are needed to learn from",
    )


def _cost(cost: CostSum | None) -> Hold | None:
    return None if cost is None or cost.pays else Hold(HoldReason.COST, cost.sentence)


def _approval(policy: RetrainPolicy) -> Hold | None:
    if policy.mode is not Mode.ASK:
        return None
    return Hold(HoldReason.NEEDS_APPROVAL, f"policy {policy.name} asks a person: approve the job to start it")


def _seconds_up(duration: timedelta) -> timedelta:
    return timedelta(seconds=-(-duration // timedelta(seconds=1)))
