"""Golden traces: canonical scenarios and every decision that follows from them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .stage import HOUR, START, Stage, Traffic, model, segmented, truths, with_truth

TRACES = Path(__file__).parent / "traces"


def quiet() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(6):
        stage.play(traffic.hour(hour))
    return stage


def sudden() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(8):
        stage.play(traffic.hour(hour, shift=1.0 if hour >= 3 else 0.0))
    return stage


def gradual() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(8):
        stage.play(traffic.hour(hour, shift=0.2 * hour))
    return stage


def recurring() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(10):
        stage.play(traffic.hour(hour, shift=1.0 if hour in {2, 3, 6, 7} else 0.0))
    return stage


def column_lost() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(5):
        stage.play(traffic.hour(hour, drop=hour >= 2))
    return stage


def one_segment_only() -> Stage:
    stage, traffic = Stage(segmented()), Traffic()
    for hour in range(5):
        stage.play(traffic.hour(hour, shift=1.0 if hour >= 2 else 0.0, only="DE"))
    return stage


def thin_traffic() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(4):
        stage.play(traffic.hour(hour, n=60 if hour == 2 else 400, shift=2.0 if hour == 2 else 0.0))
    return stage


def silence() -> Stage:
    stage, traffic = Stage(model(silence_after=HOUR)), Traffic()
    for hour in range(3):
        stage.play(traffic.hour(hour))
    stage.be_silent(START + 6 * HOUR)
    return stage


def no_baseline() -> Stage:
    stage, traffic = Stage(baseline=False), Traffic()
    for hour in range(3):
        stage.play(traffic.hour(hour))
    return stage


def late_records() -> Stage:
    stage, traffic = Stage(), Traffic()
    for hour in range(4):
        stage.play(traffic.hour(hour))
    stage.play(traffic.hour(1, n=50, shift=3.0))
    return stage


def late_truth() -> Stage:
    stage, traffic = Stage(with_truth()), Traffic()
    hours = [traffic.hour(hour) for hour in range(6)]
    random = np.random.default_rng(3)
    for number, records in enumerate(hours):
        stage.play(records)
        if number >= 2:
            right = 0.6 if number - 2 >= 2 else 0.9
            stage.play(list(truths(hours[number - 2], right, random, START + number * HOUR)))
    return stage


SCENARIOS: list[Callable[[], Stage]] = [
    quiet, sudden, gradual, recurring, column_lost, one_segment_only, thin_traffic, silence, no_baseline,
    late_records, late_truth,
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_the_decisions_of_a_scenario_are_those_on_file(scenario: Callable[[], Stage], rewrite: bool) -> None:
    path = TRACES / f"{scenario.__name__}.jsonl"

    lines = [json.dumps(line) for line in scenario().trace()]

    if rewrite:
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    assert path.read_text().splitlines() == lines


def test_a_scenario_played_twice_gives_the_same_bytes() -> None:
    first, second = sudden().trace(), sudden().trace()

    assert first == second


def test_late_records_raise_the_revision_and_tell_nobody() -> None:
    stage = late_records()
    findings = stage.stores.evaluations.findings("churn")

    revised = {finding.window.start for finding in findings if finding.revision == 1}

    assert revised == {START + HOUR}
    assert stage.stores.evaluations.transitions("churn") == []
