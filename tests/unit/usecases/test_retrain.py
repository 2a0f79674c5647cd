"""Retraining on the real ledger: the guard's decisions kept, every job started at most once, its life told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.errors import BaselineError, MonitorError, TriggerFailed
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.retraining import HoldReason, JobOutcome, JobPhase, RetrainJob, RetrainPolicy, RetrainRequest
from monitor.domain.rules import AlertEvent
from monitor.domain.windows import Window, WindowSpec
from monitor.usecases.retrain import Retrain

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
REF = ModelRef("churn", "3")
POLICY = RetrainPolicy("default", "pipeline", cooldown=24 * HOUR, budget=5, deadline=6 * HOUR)
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, retraining="default")


@dataclass
class ScriptedClock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Pipeline:
    """A trigger that answers as told, and remembers."""

    keys: list[str] = field(default_factory=list)
    answer: str | None = "run-1"
    error: Exception | None = None
    meanwhile: Callable[[str], object] = lambda _key: None

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        self.keys.append(request.key)
        self.meanwhile(request.key)
        if self.error:
            raise self.error
        return self.answer


class Rig:
    def __init__(self, policy: RetrainPolicy | None = POLICY) -> None:
        engine = create_engine("sqlite://")
        migrate(engine)
        self.stores, self.clock, self.pipeline = SqlStores.of(engine), ScriptedClock(), Pipeline()
        self.built: list[tuple[ModelRef, str]] = []
        self.fault, self._numbers = "", count()
        self.retrain = Retrain(
            {"churn": MODEL},
            {} if policy is None else {"default": policy},
            {"pipeline": self.pipeline},
            jobs=self.stores.jobs,
            records=self.stores.records,
            baselines=self.stores.baselines,
            build_candidate=self.build,
            clock=self.clock,
            data_fault=lambda _model: self.fault,
        )

    def build(self, ref: ModelRef, place: str) -> str:
        if place == "broken":
            raise BaselineError("the training data holds no row")
        self.built.append((ref, place))
        self.stores.baselines.put(f"baseline-{ref.version}", ref, b"payload", {"rows": 1, "columns": []})
        return f"baseline-{ref.version}"

    def ask(self) -> RetrainRequest:
        """A rule's request, saved as the evaluation saves it."""
        number = next(self._numbers)
        window = Window(START + number * HOUR, START + (number + 1) * HOUR)
        request = RetrainRequest("churn", "3", "drift", window.end, "half of the columns drifted")
        evaluation = Evaluation(REF, window, EvaluationKind.DRIFT, 0, 1)
        self.stores.evaluations.commit(EvaluationCommit(evaluation, [], requests=[request]))
        return request

    def job(self, request: RetrainRequest) -> RetrainJob:
        found = self.stores.jobs.get(request.key)
        assert found is not None
        return found

    def events(self) -> list[AlertEvent]:
        return [event for _, event in self.stores.outbox.pending(1000)]

    def headlines(self) -> list[str]:
        return [event.annotations["summary"].removeprefix("Retraining of churn: ") for event in self.events()]


def test_an_approved_request_becomes_a_running_job_and_is_told() -> None:
    rig = Rig()
    request = rig.ask()

    report = rig.retrain.run_once()

    job = rig.job(request)
    assert (report.started, job.phase, job.external_id) == (1, JobPhase.RUNNING, "run-1")
    assert rig.pipeline.keys == [request.key]
    assert rig.headlines() == ["running since 2026-11-01T00:00:00Z"]
    assert rig.events()[0].labels == {"alertname": "retraining", "model": "churn"}


def test_a_second_request_is_held_while_a_job_is_in_flight() -> None:
    rig = Rig()
    rig.ask()
    rig.retrain.run_once()
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


@pytest.mark.parametrize(
    ("policy", "fault", "reason"),
    [
        (None, "", HoldReason.NO_POLICY),
        (replace(POLICY, min_truth=10), "", HoldReason.TOO_LITTLE_TRUTH),
        (POLICY, "missing-values", HoldReason.DATA_FAULT),
        (replace(POLICY, mode="approve"), "", HoldReason.NEEDS_APPROVAL),
    ],
)
def test_the_guard_s_reason_is_kept_and_told(policy: RetrainPolicy | None, fault: str, reason: HoldReason) -> None:
    rig = Rig(policy)
    rig.fault = fault
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).hold_reason is reason
    assert rig.headlines() == [f"held back ({reason})"]
    assert rig.pipeline.keys == []


def test_a_held_job_starts_when_a_person_approves_it_and_only_then() -> None:
    rig = Rig(replace(POLICY, mode="approve"))
    request = rig.ask()
    rig.retrain.run_once()
    rig.clock.at += HOUR
    rig.retrain.run_once()

    job = rig.retrain.approve(request.key)

    assert (job.phase, rig.pipeline.keys) == (JobPhase.RUNNING, [request.key])
    with pytest.raises(MonitorError, match="waits for nobody"):
        rig.retrain.approve(request.key)


def test_approving_cannot_put_two_jobs_in_flight() -> None:
    rig = Rig()
    rig.ask()
    rig.retrain.run_once()
    second = rig.ask()
    rig.retrain.run_once()

    with pytest.raises(MonitorError, match="one at a time"):
        rig.retrain.approve(second.key)

    assert len(rig.pipeline.keys) == 1


def test_a_trigger_that_is_busy_is_asked_again_with_doubling_pauses() -> None:
    rig = Rig()
    rig.pipeline.error = TriggerFailed("host answered 503", retryable=True)
    request = rig.ask()
    tries = []

    for second in range(200):
        rig.clock.at = START + second * SECOND
        before = len(rig.pipeline.keys)
        rig.retrain.run_once()
        tries += [second] * (len(rig.pipeline.keys) - before)

    assert tries == [0, 10, 20, 40, 80, 160]
    assert rig.job(request).phase is JobPhase.REQUESTED
    rig.pipeline.error = None
    rig.clock.at += HOUR
    rig.retrain.run_once()
    assert rig.job(request).phase is JobPhase.RUNNING
    assert set(rig.pipeline.keys) == {request.key}


def test_a_trigger_that_is_busy_until_the_deadline_fails_the_job() -> None:
    rig = Rig()
    rig.pipeline.error = TriggerFailed("host answered 503", retryable=True)
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

    assert (rig.job(request).phase, len(rig.pipeline.keys)) == (JobPhase.FAILED, 1)
    assert rig.headlines()[-1] == "failed"


def test_a_trigger_that_breaks_leaves_the_job_lost_for_nobody_knows_whether_it_began() -> None:
    rig = Rig()
    rig.pipeline.error = RuntimeError("a mistake in a plug-in")
    request = rig.ask()

    rig.retrain.run_once()
    rig.clock.at += 48 * HOUR
    rig.retrain.run_once()

    assert (rig.job(request).phase, len(rig.pipeline.keys)) == (JobPhase.LOST, 1)


def test_a_crash_between_noting_and_asking_never_starts_a_job_twice() -> None:
    rig = Rig()
    rig.pipeline.error = KeyboardInterrupt()  # type: ignore[assignment]  # the process dies while it asks
    request = rig.ask()
    with pytest.raises(KeyboardInterrupt):
        rig.retrain.run_once()
    rig.pipeline.error = None

    rig.clock.at += HOUR
    rig.retrain.run_once()
    rig.clock.at += POLICY.deadline
    report = rig.retrain.run_once()

    assert len(rig.pipeline.keys) == 1
    assert (report.lost, rig.job(request).phase) == (1, JobPhase.LOST)
    assert "no call-back for 7h" in rig.job(request).detail


def test_a_lost_job_keeps_others_out_until_somebody_says_what_became_of_it() -> None:
    rig = Rig()
    first = rig.ask()
    rig.retrain.run_once()
    rig.clock.at += 7 * HOUR
    rig.retrain.run_once()
    second = rig.ask()
    rig.retrain.run_once()

    rig.retrain.finish(JobOutcome(first.key, succeeded=False, detail="the cluster was gone"))

    assert rig.job(second).hold_reason is HoldReason.IN_FLIGHT
    assert rig.job(first).phase is JobPhase.FAILED
    assert rig.events()[-1].ends_at is not None


def finished(policy: RetrainPolicy, **changes: object) -> tuple[Rig, RetrainJob]:
    rig = Rig(policy)
    request = rig.ask()
    rig.retrain.run_once()
    outcome = JobOutcome(request.key, succeeded=True, model_version="4", training_data="train.parquet")
    return rig, rig.retrain.finish(replace(outcome, **changes))  # type: ignore[arg-type]


def test_success_builds_the_new_version_s_baseline_and_proposes_it() -> None:
    rig, job = finished(POLICY)

    assert (job.phase, job.candidate_version, job.candidate_baseline) == (JobPhase.DONE, "4", "baseline-4")
    assert rig.built == [(ModelRef("churn", "4"), "train.parquet")]
    assert rig.stores.baselines.timeline("churn") == []
    assert "driftline baseline promote baseline-4" in rig.events()[-1].annotations["description"]
    assert rig.events()[-1].ends_at == START


def test_success_promotes_at_once_where_the_policy_says_so() -> None:
    effective = START + 30 * HOUR
    rig, job = finished(replace(POLICY, auto_promote=True), effective_from=effective)

    assert rig.stores.baselines.timeline("churn") == [("4", int(effective.timestamp() * 1000), "baseline-4")]
    assert "is current for churn:4" in job.detail


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"training_data": "broken"}, "no baseline for churn:4: the training data holds no row"),
        ({"training_data": None}, "the call-back names no version and training data: build the new baseline by hand"),
    ],
)
def test_trouble_with_the_new_baseline_is_told_and_leaves_the_job_done(changes: dict[str, object], detail: str) -> None:
    _, job = finished(POLICY, **changes)

    assert (job.phase, job.candidate_baseline, job.detail) == (JobPhase.DONE, None, detail)


def test_a_call_back_that_comes_twice_changes_nothing() -> None:
    rig, job = finished(POLICY)
    told = len(rig.events())

    again = rig.retrain.finish(JobOutcome(job.request.key, succeeded=False))

    assert again == job
    assert len(rig.events()) == told


def test_a_call_back_that_comes_before_the_trigger_has_answered_is_the_last_word() -> None:
    rig = Rig()
    rig.pipeline.meanwhile = lambda key: rig.retrain.finish(JobOutcome(key, succeeded=True, model_version="4"))
    rig.pipeline.error = TriggerFailed("no answer in time", retryable=True)
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.DONE
    assert rig.headlines() == ["running since 2026-11-01T00:00:00Z", "done, candidate version 4"]


def test_after_a_job_the_cooldown_holds_the_next_request() -> None:
    rig, _ = finished(POLICY)
    second = rig.ask()

    rig.retrain.run_once()

    assert rig.job(second).hold_reason is HoldReason.COOLDOWN


@pytest.mark.parametrize("key", ["unknown", "held"])
def test_a_job_that_never_started_cannot_be_finished(key: str) -> None:
    rig = Rig(None)
    request = rig.ask()
    rig.retrain.run_once()

    with pytest.raises(MonitorError, match=r"no retraining job|never started"):
        rig.retrain.finish(JobOutcome(request.key if key == "held" else key, succeeded=True))


def test_a_trigger_that_is_no_longer_configured_fails_the_job() -> None:
    rig = Rig(replace(POLICY, trigger="gone"))
    request = rig.ask()

    rig.retrain.run_once()

    assert rig.job(request).phase is JobPhase.FAILED
    assert "no longer configured" in rig.job(request).detail
