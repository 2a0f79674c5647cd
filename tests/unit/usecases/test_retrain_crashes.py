"""A crash at every step of the ledger: nothing is lost, and nothing is started twice but where the trigger says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from monitor.adapters.sql.jobs import SqlJobStore
from monitor.domain.retraining import JobEnd, JobOutcome, JobPhase, RetrainPolicy
from monitor.domain.verification import VerifyPolicy
from tests.unit.usecases.retrain_rig import HOUR, POLICY, Pipeline, Rig
from tests.unit.usecases.test_verify_candidate import BINARY, World

WHOLE = replace(
    POLICY,
    verify=VerifyPolicy(metrics=("accuracy",), windows=1, min_truth=50),
    auto_promote=True,
    watch_windows=1,
)
STORY = "requested approved sending running candidate verifying promoted settled"


class Crashed(BaseException):
    """The process is gone."""


class Crashes:
    """Ends the process at the n-th save of the ledger, before it or just after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left, self.after, self.saves = at, after, 0

    def around(self, save: Callable[..., object]) -> Callable[..., object]:
        def saved(*args: object, **more: object) -> object:
            self.saves += 1
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Crashed
            result = save(*args, **more)
            if self.left == 0:
                raise Crashed
            return result

        return saved


class Story:
    """A job from its request to its settlement, told again and again from wherever a crash left it."""

    def __init__(self, pipeline: Pipeline, policy: RetrainPolicy = WHOLE) -> None:
        self.rig = Rig(policy, pipeline, model=BINARY)
        self.world = World.__new__(World)
        self.world.rig, self.world.served = self.rig, 0
        self.world.random = np.random.default_rng(5)
        self.request, self.windows = self.rig.ask(), 0

    def act(self) -> None:
        """What the world does next: it serves, and its pipeline says that it has ended, as long as nobody heard it."""
        job = self.rig.stores.jobs.get(self.request.key)
        if job is not None and job.phase in {JobPhase.RUNNING, JobPhase.LOST}:
            self.rig.retrain.finish(JobOutcome(self.request.key, True, "4", "train.parquet"))
        if job is not None and job.phase in {JobPhase.VERIFYING, JobPhase.PROMOTED} and self.windows < 8:
            self.windows += 1
            self.world.serve({"3": 0.6, "4": 0.97} if job.phase is JobPhase.VERIFYING else {"4": 0.97}, n=100)
        self.rig.retrain.run_once()

    def play(self) -> None:
        """To the end, a new process after every crash."""
        for _ in range(14):
            self.rig.clock.at += timedelta(minutes=6)
            try:
                self.act()
            except Crashed:
                self.rig.restart()


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], Crashes]:
    def armed(at: int, after: bool) -> Crashes:
        crashes = Crashes(at, after=after)
        for name in ("settle_request", "update"):
            monkeypatch.setattr(SqlJobStore, name, crashes.around(getattr(SqlJobStore, name)))
        return crashes

    return armed


def test_the_story_without_a_crash(saves: Callable[[int, bool], Crashes]) -> None:
    crashes, story = saves(0, False), Story(Pipeline())

    story.play()

    assert story.rig.phases(story.request) == STORY
    assert (story.rig.job(story.request).end, crashes.saves) == (JobEnd.HELPED, 7)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("is_safe", [False, True], ids=["asked-once", "knows-the-key"])
def test_a_crash_before_or_after_any_save_loses_nothing(
    saves: Callable[[int, bool], Crashes], at: int, after: bool, is_safe: bool
) -> None:
    story = Story(Pipeline(resend_is_safe=is_safe))
    saves(at, after)

    story.play()

    assert story.rig.job(story.request).end is JobEnd.HELPED
    was_asking = (at, after) in {(2, True), (3, False)}  # of the saves, the second is *sending*, the third *running*
    asked = {(2, True): 0 if not is_safe else 1, (3, False): 1 if not is_safe else 2}.get((at, after), 1)
    assert len(story.rig.pipeline.keys) == asked
    assert ("lost" in story.rig.phases(story.request)) is (was_asking and not is_safe)
    told = story.rig.events()[-1].annotations["summary"]
    assert told == "Retraining of churn: settled: version 4 is better"
    assert story.rig.stores.baselines.timeline("churn") == [("4", None, "baseline-4")]


def test_two_processes_that_knock_at_once_start_a_job_once(tmp_path: object) -> None:
    rig = Rig(url=f"sqlite:///{tmp_path}/ledger.db")
    rig.ask()
    other = Rig.__new__(Rig)
    seen: list[sa.Connection] = []
    other.__dict__ |= rig.__dict__
    other.restart()

    def knock_too(connection: sa.Connection) -> None:
        if not seen:
            seen.append(connection)
            other.retrain.run_once()

    event.listen(rig.stores.jobs._engine, "commit", knock_too)
    rig.retrain.run_once()
    rig.clock.at += HOUR
    rig.retrain.run_once()

    assert seen
    assert len(rig.pipeline.keys) == 1
