"""A person asks for retraining: who asked and why stays with the job, and the same request is taken once."""

from dataclasses import replace

import pytest

from monitor.adapters.triggers.content import request_content
from monitor.domain.errors import MonitorError
from monitor.domain.retraining import BY_HAND, HoldReason, JobEnd, JobOutcome, JobPhase, Mode, RetrainRequest
from tests.unit.usecases.retrain_rig import HOUR, POLICY, START, Rig

ASKING = replace(POLICY, mode=Mode.ASK)
DRY = replace(POLICY, mode=Mode.DRY_RUN, budget=1)
ADA = RetrainRequest("churn", "3", BY_HAND, START, "new prices", "ada")
TICKET = replace(ADA, asked_as="OPS-12")


def test_who_asked_and_why_is_in_the_ledger_in_the_alert_and_in_what_the_pipeline_is_told() -> None:
    rig = Rig(ASKING)

    job = rig.retrain.ask(ADA)

    requested = rig.stores.jobs.history(ADA.key)[0]
    assert (requested.by, requested.detail) == ("ada", "new prices")
    assert (job.phase, job.request) == (JobPhase.RUNNING, ADA)
    told = rig.events()[-1].annotations
    assert (told["requested_by"], told["reason"]) == ("ada", "asked for by ada: new prices")
    assert request_content(job.request, {})["requested_by"] == "ada"


def test_what_a_rule_asked_for_names_the_rule_and_no_person() -> None:
    rig = Rig()

    request = rig.running()

    told = rig.events()[-1].annotations
    assert (told["requested_by"], told["reason"]) == ("rule drift", "half of the columns drifted")
    assert request_content(request, {})["requested_by"] is None


def test_a_request_with_a_key_is_taken_once_however_often_and_late_it_is_said() -> None:
    rig = Rig(ASKING)
    first = rig.retrain.ask(TICKET)
    rig.retrain.reject(_finished(rig, first.request).key, "bo")

    again = rig.retrain.ask(replace(TICKET, at=START + 5 * HOUR, version="4"))

    assert (again.request, again.end) == (TICKET, JobEnd.REJECTED)
    assert rig.pipeline.keys == [TICKET.key]
    with pytest.raises(MonitorError, match="'OPS-12' was asked for before by ada \\(new prices\\)"):
        rig.retrain.ask(replace(TICKET, by="bo"))


def test_a_request_that_was_the_yes_to_a_waiting_job_is_known_again_too() -> None:
    rig = Rig(ASKING)
    waiting = rig.ask()
    rig.retrain.run_once()
    first = rig.retrain.ask(TICKET)

    again = rig.retrain.ask(TICKET)

    assert (first.request, again) == (waiting, first)
    yes = next(one for one in rig.stores.jobs.history(waiting.key) if one.phase is JobPhase.APPROVED)
    assert (yes.by, yes.detail, yes.asked) == ("ada", "approved: new prices", TICKET)
    with pytest.raises(MonitorError, match="is running"):
        rig.retrain.ask(replace(TICKET, asked_as="OPS-13"))


def test_a_person_may_ask_twice_about_the_same_window_and_is_no_loop() -> None:
    rig = Rig(replace(ASKING, cooldown=HOUR))
    first = rig.retrain.ask(ADA)
    rig.retrain.promote(_finished(rig, first.request).key, "bo")
    rig.clock.at += 2 * HOUR

    second = rig.retrain.ask(ADA)

    assert (second.phase, second.request.rule) == (JobPhase.RUNNING, BY_HAND)
    assert second.request.key != first.request.key


def test_without_a_policy_a_person_is_told_so_and_nothing_is_left_waiting() -> None:
    rig = Rig(policy=None)

    with pytest.raises(MonitorError, match="churn has no retraining policy"):
        rig.retrain.ask(ADA)

    assert rig.stores.jobs.jobs() == []


def test_a_dry_run_begins_nothing_and_so_uses_neither_cooldown_nor_budget() -> None:
    rig = Rig(DRY)
    first = rig.ask()
    rig.retrain.run_once()
    rig.policy = replace(DRY, mode=Mode.AUTO)
    rig.restart()

    second = rig.ask()
    rig.retrain.run_once()

    assert (rig.job(first).end, rig.job(first).ran) == (JobEnd.DRY_RUN, False)
    assert rig.job(second).phase is JobPhase.RUNNING


def test_a_job_that_was_declined_before_it_began_uses_neither_cooldown_nor_budget() -> None:
    rig = Rig(replace(POLICY, budget=1))
    declined = _approved_and_declined(rig)

    later = rig.ask()
    rig.retrain.run_once()

    assert (rig.job(declined).end, rig.job(declined).ran) == (JobEnd.DECLINED, False)
    assert (rig.job(later).phase, rig.job(later).hold_reason) == (JobPhase.RUNNING, None)


def test_what_was_held_for_another_reason_asks_for_a_yes_when_that_has_passed() -> None:
    rig = Rig(ASKING)
    rig.facts.data_fault = "missing-values"
    held = rig.retrain.ask(ADA)
    rig.facts.data_fault = ""
    rig.clock.at += HOUR

    rig.retrain.run_once()

    assert held.hold_reason is HoldReason.DATA_FAULT
    assert rig.job(ADA).hold_reason is HoldReason.NEEDS_APPROVAL
    assert rig.pipeline.keys == []


def _finished(rig: Rig, request: RetrainRequest) -> RetrainRequest:
    return rig.retrain.finish(JobOutcome(request.key, True, "4")).request


def _approved_and_declined(rig: Rig) -> RetrainRequest:
    """Let through by the guard, and declined before the knock that would have sent it."""
    request = rig.ask()
    rig.retrain._guard.take_new()  # the moment between the guard's yes and the start
    rig.retrain.decline(request.key, "ada")
    return request
