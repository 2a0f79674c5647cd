"""Retraining on the real ledger: the guard's decisions kept, every job started at most once, its life told."""

from dataclasses import replace
from itertools import pairwise

import pytest

from monitor.domain.errors import BadRequest, MonitorError, TriggerFailed, UnknownJob
from monitor.domain.models import ModelRef
from monitor.domain.retraining import (
    CostSum,
    HoldReason,
    JobEnd,
    JobOutcome,
    JobPhase,
    Mode,
    OperatorHold,
    RetrainPolicy,
    RetrainRequest,
    RunPhase,
    RunState,
)
from tests.unit.usecases.retrain_rig import HOUR, POLICY, SECOND, START, Followed, Pipeline, Rig

ASKING = replace(POLICY, mode=Mode.ASK)
BUSY = TriggerFailed("host answered 503", retryable=True)
SILENT = TriggerFailed("host did not answer", retryable=True, may_have_begun=True)


def test_an_approved_request_becomes_a_running_job_and_every_step_is_told_with_its_reason() -> None:
    rig = Rig()
    request = rig.ask()

    report = rig.retrain.run_once()

    job = rig.job(request)
    assert (report.started, job.phase, job.external_id) == (1, JobPhase.RUNNING, "run-1")
    assert rig.pipeline.keys == [request.key]
    assert rig.pipeline.parameters == [{"policy": "default"}]
    assert rig.headlines() == ["approved", "sending", "running as run-1 since 2026-11-01T00:00:00Z"]
    assert rig.events()[0].labels == {"alertname": "retraining", "model": "churn", "rule": "drift"}
    assert [(one.phase.value, one.by, one.detail) for one in rig.stores.jobs.history(request.key)] == [
        ("requested", "rule drift", "half of the columns drifted"),
        ("approved", "guard", "policy default starts jobs by itself"),
        ("sending", "guard", "asking pipeline"),
        ("running", "guard", "pipeline took it as run-1"),
    ]


def test_a_policy_asks_a_person_unless_it_says_otherwise() -> None:
    assert RetrainPolicy("new", "pipeline").mode is Mode.ASK


def test_a_second_request_is_held_while_a_job_is_in_flight() -> None:
    rig = Rig()
    rig.running()
    second = rig.ask()

    report = rig.retrain.run_once()

    assert report.held == 1
    assert (rig.job(second).phase, rig.job(second).hold_reason) == (JobPhase.HELD, HoldReason.IN_FLIGHT)
    assert len(rig.pipeline.keys) == 1


def test_knocking_again_starts_nothing_again() -> None:
    rig = Rig()
    rig.ask()

    for _ in range(3):
        rig.retrain.run_once()

    assert len(rig.pipeline.keys) == 1


def test_a_dry_run_records_what_would_have_been_sent_and_sends_nothing() -> None:
    rig = Rig(replace(POLICY, mode=Mode.DRY_RUN))
    first, second = rig.ask(), rig.ask()

    rig.retrain.run_once()

    job = rig.job(first)
    assert (job.phase, job.end, job.parameters) == (JobPhase.SETTLED, JobEnd.DRY_RUN, {"policy": "default"})
    assert rig.job(second).end is JobEnd.DRY_RUN  # nothing ran, so nothing has to cool down
    assert rig.pipeline.keys == []
    assert rig.headlines()[0] == "would have been started (dry run)"


@pytest.mark.parametrize(
    ("policy", "facts", "reason"),
    [
        (None, {}, HoldReason.NO_POLICY),
        (replace(POLICY, min_truth=10), {}, HoldReason.TOO_LITTLE_TRUTH),
        (POLICY, {"data_fault": "missing-values"}, HoldReason.DATA_FAULT),
        (POLICY, {"cost": CostSum(40, 3, "3 is not more than 40")}, HoldReason.COST),
        (ASKING, {}, HoldReason.NEEDS_APPROVAL),
    ],
)
def test_the_guard_s_reason_is_kept_and_told(
    policy: RetrainPolicy | None, facts: dict[str, object], reason: HoldReason
) -> None:
    rig = Rig(policy)
    for name, value in facts.items():
        setattr(rig.facts, name, value)
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).hold_reason is reason
    assert rig.headlines() == [f"held back ({reason.words})"]
    assert rig.pipeline.keys == []


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.ASK])
def test_the_cost_sum_is_told_whatever_its_answer(mode: Mode) -> None:
    rig = Rig(replace(POLICY, mode=mode))
    rig.facts.cost = CostSum(40, 120, "120 is more than 40")
    rig.ask()

    rig.retrain.run_once()

    assert {event.annotations["cost"] for event in rig.events()} == {"120 is more than 40"}


def test_a_held_job_starts_when_its_reason_has_passed_and_only_changes_are_told() -> None:
    rig = Rig()
    rig.facts.data_fault = "missing-values"
    request = rig.ask()
    for _ in range(3):
        rig.retrain.run_once()
    assert rig.headlines() == ["held back (data fault)"]

    rig.facts.data_fault = ""
    rig.clock.at += HOUR
    rig.retrain.run_once()
    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.RUNNING
    assert rig.phases(request) == "requested held approved sending running"


@pytest.mark.parametrize("policy", [ASKING, replace(POLICY, min_truth=10)])
def test_a_held_job_is_settled_when_the_rule_that_asked_no_longer_fires(policy: RetrainPolicy) -> None:
    rig = Rig(policy)
    request = rig.ask()
    rig.retrain.run_once()

    rig.facts.over.add("drift")
    rig.retrain.run_once()

    job = rig.job(request)
    assert (job.phase, job.end, job.detail) == (JobPhase.SETTLED, JobEnd.NOT_NEEDED, "rule drift no longer fires")


def test_a_held_job_starts_when_a_person_approves_it_and_only_then() -> None:
    rig = Rig(ASKING)
    request = rig.ask()
    rig.retrain.run_once()
    rig.clock.at += HOUR
    rig.retrain.run_once()

    job = rig.retrain.approve(request.key, "ada")

    assert (job.phase, rig.pipeline.keys) == (JobPhase.RUNNING, [request.key])
    approved = next(one for one in rig.stores.jobs.history(request.key) if one.phase is JobPhase.APPROVED)
    assert (approved.by, approved.detail) == ("ada", "approved")
    with pytest.raises(MonitorError, match="waits for nobody"):
        rig.retrain.approve(request.key, "ada")


def test_a_person_who_asks_has_approved_what_waits_for_a_yes_and_what_does_not_exist_yet() -> None:
    waits, fresh = Rig(ASKING), Rig(ASKING)
    waiting = waits.ask()
    waits.retrain.run_once()
    wanted = RetrainRequest("churn", "3", "drift", START, "new prices", "ada")

    approved, begun = waits.retrain.ask(wanted), fresh.retrain.ask(wanted)

    assert (approved.request, approved.phase) == (waiting, JobPhase.RUNNING)
    assert (begun.request, begun.phase) == (wanted, JobPhase.RUNNING)
    assert fresh.phases(wanted) == "requested held approved sending running"


def test_asking_overrides_nothing_that_the_guard_holds_against_it_and_starts_no_second_job() -> None:
    faulty, busy = Rig(ASKING), Rig(ASKING)
    faulty.facts.data_fault = "missing-values"
    wanted = RetrainRequest("churn", "3", "drift", START, "new prices", "ada")
    busy.retrain.ask(wanted)

    held = faulty.retrain.ask(wanted)

    assert (held.phase, held.hold_reason) == (JobPhase.HELD, HoldReason.DATA_FAULT)
    with pytest.raises(MonitorError, match="is held: alert missing-values"):
        faulty.retrain.ask(wanted)
    with pytest.raises(MonitorError, match="is running"):
        busy.retrain.ask(wanted)
    assert faulty.pipeline.keys == []


def test_what_a_person_approves_against_the_guard_is_kept_with_the_guard_s_reason() -> None:
    rig = Rig()
    rig.facts.data_fault = "missing-values"
    request = rig.ask()
    rig.retrain.run_once()

    rig.retrain.approve(request.key, "ada", "the feed is mended")

    approved = next(one for one in rig.stores.jobs.history(request.key) if one.phase is JobPhase.APPROVED)
    assert approved.detail.startswith("approved despite data fault: alert missing-values says")
    assert approved.detail.endswith("mend the feed first; the feed is mended")


def test_approving_cannot_put_two_jobs_in_flight() -> None:
    rig = Rig()
    rig.running()
    second = rig.ask()
    rig.retrain.run_once()

    with pytest.raises(MonitorError, match="one at a time"):
        rig.retrain.approve(second.key)

    assert len(rig.pipeline.keys) == 1


def test_an_operators_hold_stops_guard_and_approvals_until_it_is_released() -> None:
    rig = Rig(ASKING)
    waiting = rig.ask()
    rig.retrain.run_once()
    rig.stores.holds.hold(OperatorHold("churn", "ops", "deploy freeze", START))
    other = rig.ask("other")
    rig.retrain.run_once()

    with pytest.raises(MonitorError, match="ops holds retraining of churn: deploy freeze"):
        rig.retrain.approve(waiting.key, "ada")
    assert rig.job(other).hold_reason is HoldReason.OPERATOR_HOLD
    rig.stores.holds.release("churn", "ops", START)
    rig.retrain.run_once()

    assert rig.job(other).hold_reason is HoldReason.NEEDS_APPROVAL
    assert rig.retrain.approve(waiting.key, "ada").phase is JobPhase.RUNNING


def test_while_an_operator_holds_the_model_no_request_of_a_person_is_taken_whether_a_job_waits_or_not() -> None:
    idle, waiting = Rig(ASKING), Rig(ASKING)
    waiting.ask()
    waiting.retrain.run_once()
    wanted = RetrainRequest("churn", "3", "drift", START, "new prices", "ada")

    for rig in (idle, waiting):
        rig.stores.holds.hold(OperatorHold("churn", "ops", "deploy freeze", START))
        before = rig.stores.jobs.jobs("churn")
        with pytest.raises(MonitorError, match="ops holds retraining of churn: deploy freeze"):
            rig.retrain.ask(wanted)
        assert rig.stores.jobs.jobs("churn") == before


def test_the_beginning_of_a_key_names_a_job_where_no_other_begins_so() -> None:
    rig = Rig(ASKING)
    keys = [rig.ask(f"rule-{number}").key for number in range(20)]
    rig.retrain.run_once()
    ledger = rig.retrain.ledger
    [shared, *_] = [key[0] for key in keys if sum(other[0] == key[0] for other in keys) > 1]

    assert [ledger.named(key[:12]) for key in keys] == keys
    assert ledger.named(keys[0]) == keys[0]
    with pytest.raises(BadRequest, match=f"retraining jobs begin with '{shared}'"):
        ledger.named(shared)
    for nobody in ("", "zzz"):
        with pytest.raises(UnknownJob):
            ledger.named(nobody)


def test_an_operators_hold_stops_a_job_that_was_approved_and_waits_to_be_sent_again() -> None:
    rig = Rig()
    rig.pipeline.error = BUSY
    request = rig.ask()
    rig.retrain.run_once()
    rig.stores.holds.hold(OperatorHold("*", "ada", "deploy freeze", rig.clock.at, rig.clock.at + HOUR))
    rig.pipeline.error = None

    rig.clock.at += 10 * SECOND
    rig.retrain.run_once()
    held = rig.job(request)
    for pause in (HOUR, 10 * SECOND):
        rig.clock.at += pause
        rig.retrain.run_once()

    assert (held.phase, held.hold_reason, held.approved_at) == (JobPhase.HELD, HoldReason.OPERATOR_HOLD, None)
    assert held.detail.startswith("ada holds retraining of all models until 2026-11-01T01:00:00Z: deploy freeze")
    assert (rig.job(request).phase, len(rig.pipeline.keys)) == (JobPhase.RUNNING, 2)


def test_a_person_can_decline_what_was_not_sent_and_nothing_else() -> None:
    rig = Rig(ASKING)
    request = rig.ask()
    rig.retrain.run_once()

    job = rig.retrain.decline(request.key, "ada", "we know why")

    assert (job.phase, job.end, job.by, job.detail) == (JobPhase.SETTLED, JobEnd.DECLINED, "ada", "we know why")
    with pytest.raises(MonitorError, match="only one that was not sent"):
        rig.retrain.decline(request.key, "ada")


def test_a_job_that_waits_to_be_sent_again_can_be_held_by_hand() -> None:
    rig = Rig()
    rig.pipeline.error = BUSY
    request = rig.ask()
    rig.retrain.run_once()

    held = rig.retrain.hold(request.key, "ada")
    rig.pipeline.error = None
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert (held.phase, rig.job(request).hold_reason) == (JobPhase.HELD, HoldReason.NEEDS_APPROVAL)
    assert len(rig.pipeline.keys) == 1


# --- sending


def test_a_trigger_that_is_busy_is_asked_again_with_doubling_pauses() -> None:
    rig = Rig()
    rig.pipeline.error = BUSY
    request = rig.ask()
    tries = []

    for second in range(200):
        rig.clock.at = START + second * SECOND
        before = len(rig.pipeline.keys)
        rig.retrain.run_once()
        tries += [second] * (len(rig.pipeline.keys) - before)

    assert tries == [0, 10, 30, 70, 150]
    assert rig.job(request).phase is JobPhase.APPROVED
    rig.pipeline.error = None
    rig.clock.at += HOUR
    rig.retrain.run_once()
    assert rig.job(request).phase is JobPhase.RUNNING
    assert set(rig.pipeline.keys) == {request.key}


def test_a_trigger_that_is_busy_until_the_deadline_fails_the_job() -> None:
    rig = Rig()
    rig.pipeline.error = BUSY
    request = rig.ask()
    rig.retrain.run_once()
    rig.clock.at += POLICY.deadline

    report = rig.retrain.run_once()

    assert report.failed == 1
    assert rig.job(request).detail == "not started within 6h: host answered 503"


def test_a_refusal_is_final() -> None:
    rig = Rig()
    rig.pipeline.error = TriggerFailed("host answered 404", retryable=False)
    request = rig.ask()

    rig.retrain.run_once()
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert (rig.job(request).end, len(rig.pipeline.keys)) == (JobEnd.FAILED, 1)
    assert rig.headlines()[-1] == "failed"


@pytest.mark.parametrize(("is_safe", "phase", "tries"), [(False, JobPhase.LOST, 1), (True, JobPhase.APPROVED, 2)])
def test_no_answer_is_tried_again_only_where_the_pipeline_knows_the_key(
    is_safe: bool, phase: JobPhase, tries: int
) -> None:
    rig = Rig(pipeline=Pipeline(error=SILENT, resend_is_safe=is_safe))
    request = rig.ask()

    rig.retrain.run_once()
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert (rig.job(request).phase, len(rig.pipeline.keys)) == (phase, tries)


def test_a_trigger_that_breaks_leaves_the_job_lost_for_nobody_knows_whether_it_began() -> None:
    rig = Rig()
    rig.pipeline.error = RuntimeError("a mistake in a plug-in")
    request = rig.ask()

    rig.retrain.run_once()
    rig.clock.at += 48 * HOUR
    rig.retrain.run_once()

    assert (rig.job(request).phase, len(rig.pipeline.keys)) == (JobPhase.LOST, 1)


def crashed_while_sending(pipeline: Pipeline) -> Rig:
    rig = Rig(pipeline=pipeline)
    pipeline.error = KeyboardInterrupt()  # the process dies while it asks
    rig.ask()
    with pytest.raises(KeyboardInterrupt):
        rig.retrain.run_once()
    pipeline.error = None
    rig.restart()
    return rig


def test_a_crash_while_sending_starts_nothing_twice_where_the_pipeline_does_not_know_the_key() -> None:
    rig = crashed_while_sending(Pipeline())
    (job,) = rig.stores.jobs.jobs()
    assert job.phase is JobPhase.SENDING

    for _ in range(3):
        rig.clock.at += HOUR
        rig.retrain.run_once()

    (job,) = rig.stores.jobs.jobs()
    assert (job.phase, len(rig.pipeline.keys)) == (JobPhase.LOST, 1)
    assert "say what became of it" in job.detail


def test_a_crash_while_sending_sends_the_same_key_again_where_that_is_safe() -> None:
    rig = crashed_while_sending(Pipeline(resend_is_safe=True))

    rig.clock.at += HOUR
    rig.retrain.run_once()

    (job,) = rig.stores.jobs.jobs()
    assert job.phase is JobPhase.RUNNING
    assert rig.pipeline.keys == [job.request.key] * 2


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (RunState(RunPhase.RUNNING, "77", "https://ci.example.com/77"), JobPhase.RUNNING),
        (RunState(RunPhase.UNKNOWN), JobPhase.LOST),
    ],
)
def test_a_crash_while_sending_looks_for_the_run_where_the_pipeline_can_be_asked(
    state: RunState, phase: JobPhase
) -> None:
    rig = crashed_while_sending(Followed(state=state))

    rig.clock.at += HOUR
    rig.retrain.run_once()

    (job,) = rig.stores.jobs.jobs()
    assert (job.phase, job.external_id, job.link) == (phase, state.external_id, state.link)
    assert len(rig.pipeline.keys) == 1


# --- following


def test_where_a_run_can_be_seen_is_kept_as_soon_as_the_pipeline_says_it() -> None:
    pipeline = Followed(state=RunState(RunPhase.RUNNING, "build/7", "https://jenkins.example.com/7", "building"))
    rig = Rig(pipeline=pipeline)
    request = rig.running()

    for _ in range(3):
        rig.clock.at += HOUR
        rig.retrain.run_once()

    assert (rig.job(request).external_id, rig.job(request).link) == ("build/7", "https://jenkins.example.com/7")
    assert rig.phases(request) == "requested approved sending running running"


def test_a_run_is_asked_after_less_and_less_often_and_its_failure_ends_the_job() -> None:
    pipeline = Followed(state=RunState(RunPhase.RUNNING))
    rig = Rig(pipeline=pipeline)
    request = rig.running()
    began = rig.clock.at
    asked = []

    for second in range(0, 1800, 10):
        rig.clock.at = began + second * SECOND
        before = len(pipeline.asked)
        rig.retrain.run_once()
        asked += [second] * (len(pipeline.asked) - before)
    pipeline.state = RunState(RunPhase.FAILED, detail="out of memory")
    rig.clock.at += HOUR
    rig.retrain.run_once()

    pauses = [after - before for before, after in pairwise(asked)]
    assert (pauses[0], max(pauses)) == (30, 300)
    assert pauses == sorted(pauses)
    assert (rig.job(request).end, rig.job(request).detail) == (JobEnd.FAILED, "out of memory")


def test_a_run_that_is_known_to_be_at_work_is_not_lost_at_its_deadline() -> None:
    pipeline = Followed(state=RunState(RunPhase.RUNNING))
    rig = Rig(pipeline=pipeline)
    request = rig.running()

    rig.clock.at += 9 * HOUR
    rig.retrain.run_once()
    assert rig.job(request).phase is JobPhase.RUNNING
    pipeline.away = True
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.LOST


def test_a_lost_job_runs_again_when_its_pipeline_turns_up() -> None:
    pipeline = Followed(away=True)
    rig = Rig(pipeline=pipeline)
    request = rig.running()
    rig.clock.at += 9 * HOUR
    rig.retrain.run_once()
    assert rig.job(request).phase is JobPhase.LOST

    pipeline.away, pipeline.state = False, RunState(RunPhase.RUNNING)
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.RUNNING


def test_a_run_that_ended_well_waits_for_the_name_of_its_version() -> None:
    rig = Rig(pipeline=Followed(state=RunState(RunPhase.SUCCEEDED)))
    request = rig.running()
    rig.clock.at += HOUR
    rig.retrain.run_once()
    rig.retrain.run_once()
    assert rig.job(request).phase is JobPhase.CANDIDATE
    assert rig.headlines()[-1] == "candidate version not named"

    rig.retrain.finish(JobOutcome(request.key, True, "4", "train.parquet"))

    assert (rig.job(request).phase, rig.job(request).candidate.baseline) == (JobPhase.CANDIDATE, "baseline-4")


def test_a_lost_job_keeps_others_out_until_somebody_says_what_became_of_it() -> None:
    rig = Rig()
    first = rig.running()
    rig.clock.at += 7 * HOUR
    rig.retrain.run_once()
    second = rig.ask()
    rig.retrain.run_once()
    assert "no call-back for 7h" in rig.job(first).detail
    assert rig.job(second).hold_reason is HoldReason.IN_FLIGHT

    rig.retrain.finish(JobOutcome(first.key, succeeded=False, detail="the cluster was gone"), "ada")

    assert (rig.job(first).end, rig.job(first).by) == (JobEnd.FAILED, "ada")
    assert rig.events()[-1].ends_at is not None


# --- the call-back


def test_success_builds_the_new_version_s_baseline_and_waits_for_a_person() -> None:
    rig = Rig()

    job = rig.finished()
    rig.retrain.run_once()

    assert (job.phase, job.candidate.version, job.candidate.baseline) == (JobPhase.CANDIDATE, "4", "baseline-4")
    assert rig.built == [(ModelRef("churn", "4"), "train.parquet")]
    assert rig.stores.baselines.timeline("churn") == []
    assert rig.events()[-1].annotations["to_do"] == f"driftline retraining promote {job.request.key} (or reject)"
    assert rig.events()[-1].ends_at is None


def test_success_promotes_at_once_where_the_policy_says_so() -> None:
    rig = Rig(replace(POLICY, auto_promote=True))
    effective = START + 30 * HOUR

    job = rig.finished(effective_from=effective)

    assert rig.stores.baselines.timeline("churn") == [("4", int(effective.timestamp() * 1000), "baseline-4")]
    assert rig.phases(job.request).split()[-3:] == ["candidate", "promoted", "settled"]
    assert job.end is JobEnd.UNWATCHED


def test_a_person_promotes_or_rejects_a_candidate_once() -> None:
    rig = Rig()
    job = rig.finished()

    promoted = rig.retrain.promote(job.request.key, "ada", "looks good")

    assert (promoted.phase, promoted.promoted_at) == (JobPhase.SETTLED, START)
    assert rig.stores.baselines.timeline("churn") == [("4", None, "baseline-4")]
    assert [one.by for one in rig.stores.jobs.history(job.request.key)][-2:] == ["ada", "guard"]
    with pytest.raises(MonitorError, match="only a candidate"):
        rig.retrain.reject(job.request.key, "ada")


def test_a_rejected_candidate_is_settled_and_its_baseline_never_holds() -> None:
    rig = Rig()
    job = rig.finished()

    rejected = rig.retrain.reject(job.request.key, "ada", "too slow")

    assert (rejected.phase, rejected.end, rejected.detail) == (JobPhase.SETTLED, JobEnd.REJECTED, "too slow")
    assert rig.stores.baselines.timeline("churn") == []


def test_a_version_that_the_registry_says_to_serve_is_promoted() -> None:
    rig = Rig()
    job = rig.finished()

    assert rig.retrain.serves("churn", "5", "alias champion") is None
    promoted = rig.retrain.serves("churn", "4", "alias champion")

    assert promoted is not None
    assert promoted.request == job.request
    assert rig.stores.baselines.timeline("churn") == [("4", None, "baseline-4")]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"training_data": "broken"}, "no baseline for churn:4: the training data holds no row"),
        ({"training_data": None}, "the call-back names no training data: build the new baseline by hand"),
    ],
)
def test_trouble_with_the_new_baseline_is_told_and_leaves_the_candidate(
    changes: dict[str, object], detail: str
) -> None:
    job = Rig().finished(**changes)

    assert (job.phase, job.candidate.baseline, job.detail) == (JobPhase.CANDIDATE, None, detail)


def test_a_baseline_that_could_not_be_built_is_built_when_the_right_place_is_said() -> None:
    rig = Rig()
    job = rig.finished(training_data="broken")
    told = len(rig.events())

    again = rig.retrain.finish(JobOutcome(job.request.key, True, "4", "broken"))
    told_again = len(rig.events())
    mended = rig.retrain.finish(JobOutcome(job.request.key, True, "4", "train.parquet"), "ada")

    assert (again, told_again) == (job, told)
    assert (mended.phase, mended.candidate.baseline, mended.by) == (JobPhase.CANDIDATE, "baseline-4", "ada")
    assert mended.candidate.training_data == "train.parquet"
    assert rig.retrain.promote(job.request.key, "ada").candidate.baseline == "baseline-4"
    assert rig.stores.baselines.timeline("churn") == [("4", None, "baseline-4")]


@pytest.mark.parametrize("policy", [POLICY, replace(POLICY, auto_promote=True)])
def test_a_version_that_is_promoted_without_a_baseline_is_said_to_lack_one(policy: RetrainPolicy) -> None:
    rig = Rig(policy)
    job = rig.finished(training_data="broken")

    promoted = job if policy.auto_promote else rig.retrain.promote(job.request.key, "ada", "it serves")

    lacks = "churn:4 has no baseline, so its drift is not seen: `driftline baseline build --model churn --version 4"
    assert (promoted.phase, promoted.end) == (JobPhase.SETTLED, JobEnd.UNWATCHED)
    assert promoted.detail.startswith(lacks)
    assert lacks in rig.stores.jobs.history(job.request.key)[-2].detail


def test_nothing_is_lacking_where_the_baseline_was_built_by_hand() -> None:
    rig = Rig()
    job = rig.finished(training_data=None)
    rig.build(ModelRef("churn", "4"), "train.parquet")
    rig.stores.baselines.promote(ModelRef("churn", "4"), "baseline-4", None, "by hand")

    promoted = rig.retrain.promote(job.request.key, "ada", "it serves")

    assert promoted.detail == "nothing was set up to watch the new version by"


@pytest.mark.parametrize("policy", [POLICY, replace(POLICY, auto_promote=True)])
def test_a_call_back_that_comes_twice_changes_nothing_and_one_that_says_otherwise_is_refused(
    policy: RetrainPolicy,
) -> None:
    rig = Rig(policy)
    job = rig.finished()
    told = len(rig.events())

    again = rig.retrain.finish(JobOutcome(job.request.key, True, "4", "train.parquet"))

    assert again == job
    for other in (JobOutcome(job.request.key, succeeded=False), JobOutcome(job.request.key, True, "5")):
        with pytest.raises(MonitorError, match=r"version 4: what was said before stands"):
            rig.retrain.finish(other)
    assert len(rig.events()) == told


def test_a_call_back_that_comes_before_the_trigger_has_answered_is_the_last_word() -> None:
    rig = Rig()
    rig.pipeline.meanwhile = lambda key: rig.retrain.finish(JobOutcome(key, succeeded=True, model_version="4"))
    rig.pipeline.error = SILENT
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.CANDIDATE
    assert rig.headlines() == ["approved", "sending", "candidate version 4"]


def test_after_a_job_the_cooldown_holds_the_next_request() -> None:
    rig = Rig(replace(POLICY, auto_promote=True))
    rig.finished()
    second = rig.ask("other")

    rig.retrain.run_once()

    assert rig.job(second).hold_reason is HoldReason.COOLDOWN


def test_the_same_rule_soon_after_a_promotion_needs_a_person() -> None:
    rig = Rig(replace(POLICY, auto_promote=True, cooldown=HOUR))
    rig.finished(effective_from=START)
    rig.clock.at += 2 * HOUR
    second = rig.ask()

    rig.retrain.run_once()

    job = rig.job(second)
    assert job.hold_reason is HoldReason.DID_NOT_HELP
    assert job.detail.startswith("retraining did not help: drift fires again")
    assert rig.events()[-1].ends_at is None


def test_a_call_back_about_a_job_that_nobody_knows_or_that_was_never_sent_is_refused() -> None:
    rig = Rig(ASKING)
    request = rig.ask()
    rig.retrain.run_once()

    with pytest.raises(UnknownJob, match="no retraining job 'unknown'"):
        rig.retrain.finish(JobOutcome("unknown", succeeded=True))
    with pytest.raises(MonitorError, match="is held and was never started"):
        rig.retrain.finish(JobOutcome(request.key, succeeded=True))


def test_a_trigger_that_is_no_longer_configured_fails_the_job() -> None:
    rig = Rig(replace(POLICY, trigger="gone"))
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).end is JobEnd.FAILED
    assert "no longer configured" in rig.job(request).detail
