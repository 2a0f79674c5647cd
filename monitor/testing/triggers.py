"""Conformance kit of retraining triggers: what every implementation of `RetrainTrigger` must do, whatever it starts.

Subclass `TriggerConformance` as a pytest class and give it a `rig` fixture.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import FollowsRuns, RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase

REQUEST = RetrainRequest(
    "churn", "3", "drift", datetime(2026, 11, 1, 12, tzinfo=UTC), 'half of the columns "drifted"; $(echo no) ü'
)
OTHER_REQUEST = RetrainRequest("churn", "4", "drift", datetime(2026, 11, 2, tzinfo=UTC), "again")


class Mood(StrEnum):
    """How the pipeline behind the trigger answers."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    BUSY = "busy"
    HANGS = "hangs"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class TriggerRig:
    """One trigger under test.

    `build` makes it against a pipeline in some mood; `started` are the keys that the pipeline took so far. `moods` are
    those that it can have; for each that is no acceptance, whether a re-send would help. `secrets` must never be told,
    and every call ends within `patience_s`. `runs` are the keys of the runs that really began, where the pipeline
    tells; `go_to` moves the run of a key on the pipeline's side, into one of `phases`: those that its API knows.
    """

    build: Callable[[Mood], RetrainTrigger]
    started: Callable[[], Sequence[str]]
    runs: Callable[[], Sequence[str]] | None = None
    go_to: Callable[[str, RunPhase], None] | None = None
    phases: Sequence[RunPhase] = (RunPhase.QUEUED, RunPhase.RUNNING, RunPhase.SUCCEEDED, RunPhase.FAILED)
    moods: Mapping[Mood, bool] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    patience_s: float = 10.0


class TriggerConformance:
    """The promises of `RetrainTrigger`, as tests."""

    def test_a_start_tells_the_pipeline_the_job_s_key(self, rig: TriggerRig) -> None:
        """The key is how the call-back finds the job."""
        answer = rig.build(Mood.ACCEPTS).start(REQUEST, {"policy": "default"})

        assert answer is None or answer.strip()
        assert REQUEST.key in rig.started()

    def test_a_re_send_carries_the_same_key_and_another_request_another(self, rig: TriggerRig) -> None:
        """So that a pipeline that knows the key starts nothing twice."""
        trigger = rig.build(Mood.ACCEPTS)

        for request in (REQUEST, REQUEST, OTHER_REQUEST):
            trigger.start(request, {})

        assert set(rig.started()) == {REQUEST.key, OTHER_REQUEST.key}

    def test_whoever_promises_that_a_re_send_is_safe_begins_one_run_a_key(self, rig: TriggerRig) -> None:
        """After a crash the ledger sends such a job again without asking anybody."""
        trigger = rig.build(Mood.ACCEPTS)
        if not trigger.resend_is_safe or rig.runs is None:
            pytest.skip("makes no such promise, or its pipeline cannot tell")

        answers = [trigger.start(REQUEST, {}) for _ in range(3)]

        assert list(rig.runs()) == [REQUEST.key]
        assert len(set(answers)) == 1

    def test_a_run_is_followed_to_its_end_and_an_unknown_one_is_unknown(self, rig: TriggerRig) -> None:
        """Unknown is not failed: the ledger decides what it means."""
        trigger: object = rig.build(Mood.ACCEPTS)
        if not isinstance(trigger, FollowsRuns) or rig.go_to is None:
            pytest.skip("waits for the call-back alone")
        unknown = trigger.follow(OTHER_REQUEST, None)
        external_id = rig.build(Mood.ACCEPTS).start(REQUEST, {})

        seen = {}
        for phase in rig.phases:
            rig.go_to(REQUEST.key, phase)
            seen[phase] = trigger.follow(REQUEST, external_id).phase

        assert unknown.phase is RunPhase.UNKNOWN
        assert seen == {phase: phase for phase in seen}

    def test_every_way_to_fail_is_a_trigger_failed_that_knows_whether_to_try_again(self, rig: TriggerRig) -> None:
        """The ledger decides by `retryable`, and by nothing else."""
        answers = {}
        for mood in rig.moods:
            with pytest.raises(TriggerFailed) as caught:
                rig.build(mood).start(REQUEST, {})
            answers[mood] = caught.value.retryable

        assert answers == dict(rig.moods)

    def test_a_failure_is_explained_without_secrets_and_in_time(self, rig: TriggerRig) -> None:
        """People read the message; the worker waits for it."""
        for mood in rig.moods:
            began = time.monotonic()
            with pytest.raises(TriggerFailed) as caught:
                rig.build(mood).start(REQUEST, {})
            assert time.monotonic() - began < rig.patience_s
            assert len(str(caught.value)) > 5
            assert not [secret for secret in rig.secrets if secret in str(caught.value)]

    def test_the_request_and_parameters_are_left_as_they_are(self, rig: TriggerRig) -> None:
        """What the ledger stored is what was sent."""
        parameters = {"policy": "default", "nested": {"a": [1, 2]}}

        rig.build(Mood.ACCEPTS).start(REQUEST, parameters)

        assert parameters == {"policy": "default", "nested": {"a": [1, 2]}}
