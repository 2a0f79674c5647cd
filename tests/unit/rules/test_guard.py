"""The guard's reasons, each with its sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.retraining import HoldReason, JobPhase, RetrainJob, RetrainPolicy, RetrainRequest
from monitor.domain.rules import AnyOf, CheckIsBad, Condition, Phase, Rule, RuleState, ShareDrifted, Subject
from monitor.rules.guard import Hold, decide, fault_in_data

NOW = datetime(2026, 11, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
REQUEST = RetrainRequest("churn", "3", "drift", NOW - 2 * HOUR, "3 of 5 columns drifted")
POLICY = RetrainPolicy("default", "webhook", cooldown=24 * HOUR, budget=2, budget_period=7 * 24 * HOUR, min_truth=10)


def job(phase: JobPhase, age: timedelta, model: str = "churn") -> RetrainJob:
    request = RetrainRequest(model, "2", "drift", NOW - age, "earlier")
    return RetrainJob(request, phase, changed_at=NOW - age, requested_at=NOW - age)


def verdict(
    *jobs: RetrainJob, policy: RetrainPolicy | None = POLICY, truth_count: int = 10, data_fault: str = ""
) -> Hold | None:
    return decide(policy, REQUEST, jobs, truth_count=truth_count, data_fault=data_fault, now=NOW)


def test_a_request_with_nothing_against_it_is_approved() -> None:
    assert verdict() is None


@pytest.mark.parametrize("phase", [JobPhase.REQUESTED, JobPhase.RUNNING, JobPhase.LOST])
def test_one_job_of_a_model_is_in_flight_at_a_time_and_a_lost_one_still_is(phase: JobPhase) -> None:
    hold = verdict(job(phase, 100 * 24 * HOUR))

    assert hold is not None
    assert hold.reason is HoldReason.IN_FLIGHT
    assert f"is {phase.value}" in hold.sentence


@pytest.mark.parametrize(("age", "reason"), [(23, HoldReason.COOLDOWN), (24, None)])
def test_the_cooldown_counts_from_the_end_of_the_last_job(age: int, reason: HoldReason | None) -> None:
    hold = verdict(job(JobPhase.FAILED, age * HOUR))

    assert (hold.reason if hold else None) is reason


def test_the_budget_counts_started_jobs_and_no_held_ones() -> None:
    two_days, three_days = 48 * HOUR, 72 * HOUR

    held = verdict(job(JobPhase.DONE, two_days), job(JobPhase.HELD, three_days))
    spent = verdict(job(JobPhase.DONE, two_days), job(JobPhase.DONE, three_days))

    assert held is None
    assert spent == Hold(HoldReason.BUDGET, "2 jobs in the last 1w, as many as the budget of 2 allows")


def test_jobs_of_other_models_and_the_request_itself_do_not_count() -> None:
    itself = RetrainJob(REQUEST, JobPhase.REQUESTED, NOW, NOW)

    assert verdict(job(JobPhase.RUNNING, HOUR, model="fraud"), itself) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy": None}, HoldReason.NO_POLICY),
        ({"truth_count": 9}, HoldReason.TOO_LITTLE_TRUTH),
        ({"data_fault": "missing-rate"}, HoldReason.DATA_FAULT),
        ({"policy": RetrainPolicy("careful", "webhook", mode="approve")}, HoldReason.NEEDS_APPROVAL),
    ],
)
def test_other_reasons_against_a_job(changes: dict[str, object], reason: HoldReason) -> None:
    hold = verdict(**changes)  # type: ignore[arg-type]

    assert hold is not None
    assert hold.reason is reason
    assert len(hold.sentence) > 20


@pytest.mark.parametrize(
    ("when", "phase", "fault"),
    [
        (CheckIsBad(test="missing_rate"), Phase.FIRING, "input"),
        (AnyOf((CheckIsBad(test="missing_rate"), CheckIsBad(test="silence"))), Phase.RECOVERING, "input"),
        (CheckIsBad(test="missing_rate"), Phase.PENDING, ""),
        (AnyOf((CheckIsBad(test="missing_rate"), CheckIsBad(test="psi"))), Phase.FIRING, ""),
        (ShareDrifted(above=0.3), Phase.FIRING, ""),
    ],
)
def test_an_active_rule_about_broken_input_alone_is_a_fault_in_the_data(
    when: Condition, phase: Phase, fault: str
) -> None:
    states = {Subject("input", "churn"): RuleState(phase)}

    assert fault_in_data([Rule("input", when)], states, "churn") == fault
    assert fault_in_data([Rule("input", when)], states, "fraud") == ""
