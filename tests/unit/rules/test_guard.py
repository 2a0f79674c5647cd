"""The guard's reasons, each with its sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.retraining import (
    Candidate,
    CostPolicy,
    CostSum,
    HoldReason,
    JobEnd,
    JobPhase,
    Mode,
    OperatorHold,
    RetrainJob,
    RetrainPolicy,
    RetrainRequest,
)
from monitor.domain.rules import AnyOf, CheckIsBad, Condition, Phase, Rule, RuleState, ShareDrifted, Subject
from monitor.rules.cost import expected_cost, levels
from monitor.rules.guard import Circumstances, Hold, decide, fault_in_data

NOW = datetime(2026, 11, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
REQUEST = RetrainRequest("churn", "3", "drift", NOW - 2 * HOUR, "3 of 5 columns drifted")
POLICY = RetrainPolicy("default", "webhook", Mode.AUTO, cooldown=DAY, budget=2, budget_period=7 * DAY, min_truth=10)
OPEN = [phase for phase in JobPhase if phase.is_open]


def job(phase: JobPhase, age: timedelta, model: str = "churn", end: JobEnd | None = None) -> RetrainJob:
    request = RetrainRequest(model, "2", "drift", NOW - age, "earlier")
    approved = None if phase is JobPhase.HELD else NOW - age
    return RetrainJob(request, phase, changed_at=NOW - age, requested_at=NOW - age, approved_at=approved, end=end)


def settled(age: timedelta, end: JobEnd = JobEnd.UNWATCHED) -> RetrainJob:
    return job(JobPhase.SETTLED, age, end=end)


def verdict(*jobs: RetrainJob, policy: RetrainPolicy | None = POLICY, **seen: object) -> Hold | None:
    known = Circumstances(**{"truth_count": 10, **seen})  # type: ignore[arg-type]
    return decide(policy, REQUEST, jobs, known, NOW)


def reason_of(hold: Hold | None) -> HoldReason | None:
    return None if hold is None else hold.reason


def test_a_request_with_nothing_against_it_is_approved() -> None:
    assert verdict() is None


def test_a_job_is_in_flight_from_its_approval_to_the_answer_about_its_candidate() -> None:
    assert OPEN == [
        JobPhase.APPROVED,
        JobPhase.SENDING,
        JobPhase.RUNNING,
        JobPhase.CANDIDATE,
        JobPhase.VERIFYING,
        JobPhase.LOST,
    ]


@pytest.mark.parametrize("phase", OPEN)
def test_one_job_of_a_model_is_in_flight_at_a_time_and_a_lost_one_still_is(phase: JobPhase) -> None:
    hold = verdict(job(phase, 100 * DAY))

    assert hold is not None
    assert hold.reason is HoldReason.IN_FLIGHT
    assert f"is {phase.value}" in hold.sentence


@pytest.mark.parametrize(("age", "reason"), [(23, HoldReason.COOLDOWN), (24, None)])
def test_the_cooldown_counts_from_the_end_of_the_last_job(age: int, reason: HoldReason | None) -> None:
    assert reason_of(verdict(settled(age * HOUR))) is reason


@pytest.mark.parametrize("end", [JobEnd.FAILED, JobEnd.REJECTED])
def test_the_cooldown_doubles_with_every_job_in_vain_and_starts_anew_after_one_that_was_not(end: JobEnd) -> None:
    in_vain = (settled(47 * HOUR, end), settled(4 * DAY, end))
    patient = replace(POLICY, budget=9)

    twice = verdict(*in_vain, policy=patient)
    once = verdict(in_vain[0], settled(2 * DAY + HOUR), policy=patient)
    over = verdict(settled(4 * DAY, end), settled(5 * DAY, end), policy=patient)

    assert twice is not None
    assert twice.sentence.endswith("2d1h of the cooldown are left (doubled after 2 in vain)")
    assert once is not None
    assert once.sentence.endswith("1h of the cooldown are left (doubled after 1 in vain)")
    assert over is None


def test_the_budget_counts_jobs_that_were_allowed_and_no_held_ones() -> None:
    held = verdict(settled(2 * DAY), job(JobPhase.HELD, 3 * DAY))
    spent = verdict(settled(2 * DAY), settled(3 * DAY))

    assert held is None
    assert spent == Hold(HoldReason.BUDGET, "2 jobs in the last 1w, as many as the budget of 2 allows")


def test_jobs_of_other_models_and_the_request_itself_do_not_count() -> None:
    itself = RetrainJob(REQUEST, JobPhase.APPROVED, NOW, NOW)

    assert verdict(job(JobPhase.RUNNING, HOUR, model="fraud"), itself) is None


@pytest.mark.parametrize(
    ("seen", "policy", "reason"),
    [
        ({}, None, HoldReason.NO_POLICY),
        ({"truth_count": 9}, POLICY, HoldReason.TOO_LITTLE_TRUTH),
        ({"data_fault": "missing-rate"}, POLICY, HoldReason.DATA_FAULT),
        ({"hold": OperatorHold("churn", "ada", "deploy freeze", NOW)}, POLICY, HoldReason.OPERATOR_HOLD),
        ({"cost": CostSum(40, 39.9, "not more than it costs")}, POLICY, HoldReason.COST),
        ({"cost": CostSum(40, None, "nobody can say whether it pays")}, POLICY, HoldReason.COST),
        ({}, RetrainPolicy("careful", "webhook"), HoldReason.NEEDS_APPROVAL),
    ],
)
def test_other_reasons_against_a_job(seen: dict[str, object], policy: RetrainPolicy | None, reason: HoldReason) -> None:
    hold = verdict(policy=policy, **seen)

    assert hold is not None
    assert hold.reason is reason
    assert len(hold.sentence) > 20


def test_what_pays_is_not_held_for_its_cost_and_a_dry_run_asks_nobody() -> None:
    assert verdict(cost=CostSum(40, 40.1, "more")) is None
    assert verdict(policy=replace(POLICY, mode=Mode.DRY_RUN)) is None


def test_an_operators_hold_says_who_why_and_until_when_and_comes_before_all_other_reasons() -> None:
    hold = OperatorHold("*", "ada", "deploy freeze", NOW, NOW + HOUR)

    said = verdict(job(JobPhase.RUNNING, HOUR), hold=hold, data_fault="input")

    assert said == Hold(
        HoldReason.OPERATOR_HOLD, "ada holds retraining of all models until 2026-11-08T01:00:00Z: deploy freeze"
    )
    assert (hold.holds("churn", NOW), hold.holds("churn", NOW + HOUR)) == (True, False)


@pytest.mark.parametrize(
    ("rule", "after", "reason"),
    [
        ("drift", 2 * DAY, HoldReason.DID_NOT_HELP),
        ("drift", 3 * DAY, None),
        ("other", 2 * DAY, None),
    ],
)
def test_the_same_rule_soon_after_the_promotion_it_asked_for_says_that_retraining_did_not_help(
    rule: str, after: timedelta, reason: HoldReason | None
) -> None:
    serves = REQUEST.at - after
    promoted = replace(settled(9 * DAY), promoted_at=NOW - 9 * DAY, candidate=Candidate("3", effective_from=serves))
    promoted = replace(promoted, request=replace(promoted.request, rule=rule))

    hold = verdict(promoted)

    assert reason_of(hold) is reason
    if hold is not None:
        assert "retraining did not help: drift fires again 2d after version 3" in hold.sentence


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


# --- cost

COST = CostPolicy(retrain=40, error_point_per_1k=2, metric="f1", horizon=30 * DAY, currency="EUR")


def test_how_good_a_version_was_at_first_is_the_median_of_its_first_windows() -> None:
    assert levels([0.9]) is None
    assert levels([0.9, 0.8]) == (0.9, 0.8)
    assert levels([0.9, 0.94, 0.92, *[0.5] * 20, 0.7]) == (0.5, 0.7)
    assert levels([0.9, 0.94, 0.92, 0.7]) == (0.92, 0.7)


@pytest.mark.parametrize(
    ("level", "is_higher", "loss", "pays"),
    [((0.92, 0.90), True, 120.0, True), ((0.92, 0.915), True, 30.0, False), ((0.10, 0.12), False, 120.0, True)],
)
def test_the_expected_loss_is_points_times_traffic_times_price(
    level: tuple[float, float], is_higher: bool, loss: float, pays: bool
) -> None:
    found = expected_cost(COST, level, 1000.0, higher_is_better=is_higher, how="measured")

    assert found.loss == pytest.approx(loss)
    assert found.pays is pays


def test_the_sum_is_told_in_numbers_whatever_it_says() -> None:
    found = expected_cost(COST, (0.92, 0.90), 1000.0, higher_is_better=True, how="estimated")

    assert found.sentence == (
        "estimated f1 went from 0.92 to 0.9: 2 points x 30,000 predictions in 30d x 2 EUR per point and 1,000"
        " = 120.00 EUR, more than retraining costs (40.00 EUR); by the values alone:"
        " how sure they are (the intervals of f1) does not count"
    )


def test_a_better_model_loses_nothing_and_an_unknown_one_is_said_to_be_unknown() -> None:
    better = expected_cost(COST, (0.90, 0.95), 1000.0, higher_is_better=True, how="measured")
    unknown = expected_cost(COST, None, 1000.0, higher_is_better=True, how="measured")

    assert (better.loss, better.pays) == (0.0, False)
    assert (unknown.loss, unknown.pays) == (None, None)
    assert "f1 of at least two windows is not known" in unknown.sentence
