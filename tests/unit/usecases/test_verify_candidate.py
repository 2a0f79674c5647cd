"""Verification on real predictions and truths: a better candidate is promoted, a worse one rejected, doubt waits."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.tables import predictions, truths
from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import BadRequest, MonitorError
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Evidence, Finding, Verdict
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel, Segment, Task
from monitor.domain.retraining import JobEnd, JobPhase, RetrainJob, RetrainPolicy
from monitor.domain.rules import AlertEvent
from monitor.domain.verification import Answer, VerifyPolicy
from monitor.domain.windows import Window
from tests.unit.usecases.retrain_rig import HOUR, MODEL, POLICY, START, Rig

EVIDENCE = Evidence("", "digest", {}, "test", "2026-11-01T12:00:00Z")
VERIFY = VerifyPolicy(metrics=("accuracy",), windows=2, min_truth=100, deadline=48 * HOUR)
VERIFYING = replace(POLICY, verify=VERIFY, auto_promote=True, watch_windows=2)
BINARY = replace(
    MODEL,
    task=Task.BINARY,
    positive_label="1",
    ground_truth=GroundTruthPolicy(HOUR, 0.9, 24 * HOUR),
    segments=(Segment("de", "country", "DE"),),
)
PER_WINDOW = 200

UNNAMED = {"name": "", "annotator": "", "offset": 0}


class World:
    """Champion 3 and candidate 4 on the same events; each is right with a probability of its own."""

    def __init__(self, policy: RetrainPolicy = VERIFYING, model: MonitoredModel = BINARY) -> None:
        self.rig = Rig(policy, model=model)
        self.random, self.served = np.random.default_rng(5), 0
        self.job = self.rig.finished()

    def serve(self, accuracies: Mapping[str, float], windows: int = 1, n: int = PER_WINDOW) -> list[str]:
        """Windows of records that every version named predicted, with their truth; the ids."""
        ids = []
        for _ in range(windows):
            window = Window(START + (self.served + 1) * HOUR, START + (self.served + 2) * HOUR)
            self.served += 1
            self.rig.clock.at = max(self.rig.clock.at, window.end)  # the clock of the wall is never behind
            labels = self.random.integers(0, 2, n)
            names = [f"e{self.served}-{k}" for k in range(n)]
            self._store(names, labels, window, accuracies)
            for version in accuracies:
                self._judge(ModelRef("churn", version), window)
            ids += names
        return ids

    def _store(
        self,
        names: list[str],
        labels: NDArray[np.int64],
        window: Window,
        right: Mapping[str, float],
    ) -> None:
        at = window.start_ms
        said = {
            version: np.where(self.random.random(len(labels)) < share, labels, 1 - labels)
            for version, share in right.items()
        }
        rows = [
            {"model": "churn", "event_id": name, "version": version, "event_time_ms": at + k, "prediction": str(value)}
            for version, values in said.items()
            for k, (name, value) in enumerate(zip(names, values, strict=True))
        ]
        known = [
            {"model": "churn", "event_id": name, "label": str(label), "known_at_ms": at, **UNNAMED}
            for name, label in zip(names, labels, strict=True)
        ]
        with writing(self.rig.stores.jobs._engine) as connection:
            connection.execute(predictions.insert(), rows)
            connection.execute(truths.insert(), known)

    def _judge(self, ref: ModelRef, window: Window) -> None:
        check = Check("accuracy", "ground_truth", "", Threshold(0.0, below=True), 1)
        kind = EvaluationKind.PERFORMANCE
        finding = Finding(ref, check, window, 0, Verdict.OK, "fine", None, EVIDENCE, kind)
        self.rig.stores.evaluations.commit(EvaluationCommit(Evaluation(ref, window, kind, 0, 1), [finding]))

    def knock(self) -> RetrainJob:
        self.rig.retrain.run_once()
        return self.now()

    def now(self) -> RetrainJob:
        return self.rig.job(self.job.request)


def test_a_candidate_that_is_surely_better_on_the_same_records_is_promoted() -> None:
    world = World()
    assert world.now().phase is JobPhase.VERIFYING
    world.serve({"3": 0.7, "4": 0.95}, windows=2)

    job = world.knock()

    report = job.candidate.verification
    assert job.phase is JobPhase.PROMOTED
    assert report is not None
    (compared,) = report.comparisons
    assert (report.answer, report.windows, report.pairs, report.confidence) == (Answer.PROMOTE, 2, 400, 0.975)
    assert compared.low is not None
    assert 0 < compared.low < 0.25 < (compared.high or 0) < 0.35
    assert job.detail.startswith("surely better: accuracy 0.")
    assert world.rig.stores.baselines.timeline("churn") == [("4", None, "baseline-4")]


def test_without_leave_to_promote_the_answer_is_told_and_a_person_promotes() -> None:
    world = World(replace(VERIFYING, auto_promote=False))
    world.serve({"3": 0.7, "4": 0.95}, windows=2)

    job = world.knock()
    for _ in range(3):
        world.knock()

    assert job.phase is JobPhase.VERIFYING
    assert world.rig.headlines()[-1] == "verifying version 4: promote it"
    assert world.rig.phases(job.request).count("verifying") == 2  # nothing new to see, nothing said
    assert world.rig.retrain.promote(job.request.key, "ada").phase is JobPhase.PROMOTED


def test_a_candidate_that_is_surely_worse_is_rejected_and_its_baseline_never_holds() -> None:
    world = World()
    world.serve({"3": 0.9, "4": 0.7}, windows=2)

    job = world.knock()

    assert (job.phase, job.end) == (JobPhase.SETTLED, JobEnd.REJECTED)
    assert job.detail.startswith("surely worse: accuracy on all traffic")
    assert world.rig.stores.baselines.timeline("churn") == []


def test_doubt_waits_for_twice_as_many_windows_and_every_look_asks_for_more() -> None:
    world = World()
    looks = []
    for _ in range(9):
        world.serve({"3": 0.8, "4": 0.8})
        report = world.knock().candidate.verification
        looks.append((report.looks, report.next_look, report.confidence) if report else None)

    assert looks == [
        None,
        (1, 4, 0.975),
        (1, 4, 0.975),
        *[(2, 8, 0.9875)] * 4,
        *[(3, 16, 0.99375)] * 2,
    ]
    assert world.now().phase is JobPhase.VERIFYING


def test_a_candidate_that_has_not_shown_to_be_better_by_its_deadline_is_rejected() -> None:
    world = World()
    world.serve({"3": 0.8, "4": 0.8})
    world.rig.clock.at = START + VERIFY.deadline

    job = world.knock()

    assert job.end is JobEnd.REJECTED
    assert job.detail.startswith("not shown to be better within 2d: not decided")


def test_too_little_truth_by_the_deadline_is_a_person_s_decision_and_said_once() -> None:
    world = World()
    world.serve({"3": 0.8, "4": 0.9}, n=50)
    world.rig.clock.at += VERIFY.deadline
    job = world.knock()
    told = len(world.rig.events())

    world.knock()

    assert job.phase is JobPhase.VERIFYING
    assert "a person decides" in job.detail
    assert len(world.rig.events()) == told


def test_what_need_only_be_no_worse_is_promoted_when_it_is_surely_within_the_tolerance() -> None:
    verify = replace(VERIFY, not_worse=True, tolerance=0.15)
    world = World(replace(VERIFYING, verify=verify))
    world.serve({"3": 0.9, "4": 0.9}, windows=2)

    assert world.knock().detail.startswith("surely not worse: accuracy")


def test_records_that_the_training_data_can_reach_into_say_nothing() -> None:
    rig = World(replace(VERIFYING, auto_promote=False))
    rig.serve({"3": 0.7, "4": 0.95}, windows=2)
    job = replace(rig.now(), candidate=replace(rig.now().candidate, trained_until=START + 3 * HOUR))

    report = rig.rig.retrain._judging.report(job)

    assert (report.windows, report.pairs, report.answer) == (0, 0, Answer.WAIT)


def test_predictions_that_the_pipeline_scored_count_as_those_of_the_stream(tmp_path: Path) -> None:
    world = World(replace(VERIFYING, auto_promote=False))
    scores = tmp_path / "scores.csv"
    ids = world.serve({"3": 0.7}, windows=2)
    with writing(world.rig.stores.jobs._engine) as connection:
        known = dict(connection.execute(truths.select().with_only_columns(truths.c.event_id, truths.c.label)).all())
    scores.write_text("event_id,version,prediction\n" + "".join(f"{i},4,{known[i]}\n" for i in ids[:300]))
    job = replace(world.now(), candidate=replace(world.now().candidate, scores=str(scores)))

    report = world.rig.retrain._judging.report(job)

    assert (report.answer, report.pairs, report.comparisons[0].candidate) == (Answer.PROMOTE, 300, 1.0)
    assert report.notes[0].endswith("have one of the candidate: 0 from the stream, 300 scored by the pipeline")


class OfSegment:
    def __init__(self, ids: Collection[str]) -> None:
        self.ids = set(ids)

    def members(
        self, model: MonitoredModel, ref: ModelRef, since_ms: int, until_ms: int
    ) -> Mapping[str, Collection[str]]:
        return {"de": self.ids}


def test_a_candidate_that_is_better_as_a_whole_and_surely_worse_in_a_segment_is_rejected() -> None:
    world = World(replace(VERIFYING, auto_promote=False))
    harmed = world.serve({"3": 0.95, "4": 0.6})
    world.serve({"3": 0.5, "4": 0.98}, windows=3)
    world.rig.segments = OfSegment(harmed)
    world.rig.restart()

    job = world.knock()

    assert job.end is JobEnd.REJECTED
    assert job.detail.startswith("surely worse: accuracy on segment de 0.9")
    report = job.candidate.verification
    assert report is not None
    assert [one.scope for one in report.comparisons] == ["all traffic", "segment de"]


def test_without_raw_rows_the_report_says_that_it_is_not_by_segment() -> None:
    world = World()
    world.serve({"3": 0.7, "4": 0.95}, windows=2)

    report = world.knock().candidate.verification

    assert report is not None
    assert "not by segment: the model keeps no raw rows" in report.notes[-1]


@pytest.mark.parametrize(("candidate", "answer"), [("good", Answer.PROMOTE), ("bad", Answer.REJECT)])
def test_a_frozen_hold_out_can_reject_what_the_stream_likes(tmp_path: Path, candidate: str, answer: Answer) -> None:
    holdout, scores = tmp_path / "holdout.csv", tmp_path / "scores.csv"
    holdout.write_text("event_id,label\n" + "".join(f"h{k},{k % 2}\n" for k in range(400)))
    scores.write_text(
        "event_id,version,prediction\n"
        + "".join(
            f"h{k},3,{k % 2 if k % 10 else 0}\nh{k},4,{k % 2 if candidate == 'good' else 0}\n" for k in range(399)
        )
    )
    world = World(replace(VERIFYING, auto_promote=False, verify=replace(VERIFY, holdout=str(holdout))))
    world.serve({"3": 0.7, "4": 0.95}, windows=2)
    job = replace(world.now(), candidate=replace(world.now().candidate, scores=str(scores)))

    report = world.rig.retrain._judging.report(job)

    assert report.answer is answer
    assert (report.comparisons[-1].scope, report.comparisons[-1].n) == ("hold-out", 399)
    assert "399 of the hold-out's 400 records were scored by both versions" in report.notes


@pytest.mark.parametrize(("text", "words"), [("id,label\n1,2\n", "has no column event_id"), (None, "does not exist")])
def test_files_that_cannot_be_used_are_a_note_and_no_crash(tmp_path: Path, text: str | None, words: str) -> None:
    place = tmp_path / "scores.csv"
    if text is not None:
        place.write_text(text)
    world = World(replace(VERIFYING, auto_promote=False, verify=replace(VERIFY, holdout=str(place))))
    world.serve({"3": 0.7, "4": 0.95}, windows=2)
    job = replace(world.now(), candidate=replace(world.now().candidate, scores=str(place)))

    report = world.rig.retrain._judging.report(job)

    assert report.answer is Answer.PROMOTE
    assert sum(words in note for note in report.notes) == 2


# --- after the promotion


@pytest.mark.parametrize(
    ("after", "end", "words"),
    [
        (0.95, JobEnd.HELPED, "gain +"),
        (0.7, JobEnd.NO_WORSE, "in the first 2 windows of the new version"),
        (0.4, JobEnd.WORSE, "rollback suggested: accuracy"),
    ],
)
def test_the_first_windows_of_the_new_version_are_compared_with_the_last_of_the_old_one(
    after: float, end: JobEnd, words: str
) -> None:
    world = World()
    world.serve({"3": 0.7, "4": 0.95}, windows=2)
    assert world.knock().phase is JobPhase.PROMOTED
    world.serve({"4": after}, windows=1)
    assert world.knock().phase is JobPhase.PROMOTED
    world.serve({"4": after}, windows=1)

    job = world.knock()

    assert (job.phase, job.end) == (JobPhase.SETTLED, end)
    assert words in job.detail


def worse() -> World:
    """Version 4 turned out worse than version 3, so a rollback is suggested."""
    world = World(replace(VERIFYING, cooldown=timedelta(seconds=1), repeat_within=timedelta(seconds=1)))
    world.serve({"3": 0.7, "4": 0.95}, windows=2)
    world.knock()
    world.serve({"4": 0.4}, windows=2)
    assert world.knock().end is JobEnd.WORSE
    return world


def rollbacks(world: World) -> list[AlertEvent]:
    return [one for one in world.rig.events() if one.labels["alertname"] == "rollback-suggested"]


def test_a_suggested_rollback_ends_as_soon_as_a_person_declines_it_with_a_reason() -> None:
    world = worse()
    world.rig.clock.at += HOUR
    key = world.job.request.key

    with pytest.raises(BadRequest, match="say why version 4 stays although it is worse"):
        world.rig.retrain.decline(key, "ada")
    kept = world.rig.retrain.decline(key, "ada", "the feed of labels was broken")

    suggested, over = rollbacks(world)
    assert suggested.ends_at == suggested.starts_at + timedelta(days=1)
    assert (kept.end, kept.by, kept.detail) == (JobEnd.KEPT, "ada", "rollback declined: the feed of labels was broken")
    assert (over.labels, over.ends_at) == (suggested.labels, world.rig.clock.at)
    with pytest.raises(MonitorError, match="only one that was not sent"):
        world.rig.retrain.decline(key, "ada", "again")


def test_a_suggested_rollback_ends_when_another_job_of_the_model_is_promoted() -> None:
    world = worse()
    world.rig.clock.at += HOUR

    job = world.rig.finished(model_version="5")
    world.rig.retrain.promote(job.request.key, "ada")

    suggested, over = rollbacks(world)
    assert (over.labels, over.ends_at) == (suggested.labels, world.rig.clock.at)
    assert world.now().end is JobEnd.WORSE


def test_a_watch_ends_when_a_newer_version_is_promoted() -> None:
    policy = replace(VERIFYING, verify=None, cooldown=timedelta(seconds=1), repeat_within=timedelta(seconds=1))
    world = World(policy)
    assert world.now().phase is JobPhase.PROMOTED
    world.rig.clock.at += 2 * HOUR
    world.rig.finished(model_version="5")

    assert (world.knock().end, world.now().detail) == (JobEnd.SUPERSEDED, "version 5 was promoted since")


def test_a_model_without_ground_truth_is_not_watched() -> None:
    world = World(replace(VERIFYING, verify=None), replace(BINARY, ground_truth=None))

    assert world.now().end is JobEnd.UNWATCHED
