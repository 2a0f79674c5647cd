"""Windows of many models judged at once: each verdict has the very bits that it has alone."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from benchmarks.detectors import joined
from benchmarks.payloads import columns
from benchmarks.traffic_streams import CHANGES, HOUR_MS, Stream
from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import model_drift
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.calibration.model_drift import DriftVerdict, JudgedWindow, ModelDrift, judge_together
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Column
from monitor.stats.profiles.model import ModelProfile

HOUR = timedelta(hours=1)
SPEC = WindowSpec(HOUR, HOUR)
WINDOWS, ROWS = 8, 200
Course = tuple[ModelDrift, list[tuple[Window, ModelProfile]]]


def judge_of(baseline: Baseline) -> ModelDrift:
    judge = model_drift(baseline, SPEC, AlarmBudget(0.02, HOUR))
    assert judge is not None
    return judge


def counted(baseline: Baseline, start_ms: int, rows: dict[str, Column]) -> tuple[Window, ModelProfile]:
    profile, n = ModelProfile.empty(baseline.layouts), len(next(iter(rows.values())))
    profile.update(rows, n)
    return Window(from_ms(start_ms), from_ms(start_ms) + HOUR), profile


def measured(null: str, seed: int, windows: int, change: str) -> Course:
    """A model whose noise, and season, is known; half-way a change sets in."""
    stream = Stream(null, ROWS, seed)
    seen = list(stream.windows(windows))
    rows = joined([window for _, window in seen])
    built = Baseline.build(ModelRef("m", "1"), rows)
    own = BaselineWindows.of(built.whole, rows, np.repeat(np.array([start for start, _ in seen]), ROWS), HOUR_MS)
    assert own is not None
    built = replace(built, windows=own.stored())
    later = [*stream.windows(WINDOWS // 2), *stream.windows(WINDOWS // 2, CHANGES[change])]
    return judge_of(built), [counted(built, start, dict(one)) for start, one in later]


def by_theory(kinds: str) -> Course:
    """A model without windows in its baseline: windows of all sizes, one overlaps, a column is missing in one."""
    random = np.random.default_rng(len(kinds))
    built = Baseline.build(ModelRef("m", "1"), _only(kinds, columns(3_000, seed=1)))
    found = []
    for hour in range(WINDOWS):
        rows = _only(kinds, columns(int(random.integers(40, 1_500)), seed=10 + hour, shift=0.3 * (hour > 3)))
        if hour == 5 and len(rows) > 1:
            del rows[min(rows)]
        found.append(counted(built, hour * HOUR_MS - HOUR_MS // 2 * (hour == 6), rows))
    return judge_of(built), found


def _only(kinds: str, rows: dict[str, Column]) -> dict[str, Column]:
    return {name: column for name, column in rows.items() if name.startswith(tuple(kinds.split()))}


@cache
def fleet() -> list[Course]:
    return [
        measured("iid", 7, 24, "mean +0.50 sd"),
        measured("ar1", 3, 12, "missing +5 points"),
        measured("season", 5, 72, "new category 2 %"),
        by_theory("num cat"),
        by_theory("num_00"),
        by_theory("cat"),
    ]


def bits(verdict: DriftVerdict) -> object:
    state = verdict.state.to_text()
    numbers = (verdict.evidence.hex(), verdict.p_value.hex(), [one.effect.hex() for one in verdict.columns])
    return (*numbers, verdict.columns, verdict.detectors, verdict.since_ms, verdict.nearest, state)


@cache
def alone() -> list[list[object]]:
    found = []
    for judge, course in fleet():
        states: list[Accumulated | None] = [None]
        said = []
        for window, profile in course:
            verdict = judge.judge(profile, window, states[-1])
            states.append(verdict.state)
            said.append(bits(verdict))
        found.append(said)
    return found


@pytest.mark.parametrize("portion", [(0, 1, 2, 3, 4, 5), (5, 3, 1), (4, 2, 0, 2, 4), (2, 2, 2)])
def test_a_verdict_is_the_same_to_the_last_bit_whatever_is_judged_with_it(portion: tuple[int, ...]) -> None:
    states: list[Accumulated | None] = [None] * len(portion)
    for hour in range(WINDOWS):
        courses = [fleet()[model] for model in portion]
        parts = [(judge, *course[hour]) for judge, course in courses]
        asked = [
            JudgedWindow(judge, profile, window, state)
            for (judge, window, profile), state in zip(parts, states, strict=True)
        ]

        verdicts = judge_together(asked)

        assert [bits(one) for one in verdicts] == [alone()[model][hour] for model in portion]
        states = [one.state for one in verdicts]


def test_the_fleet_shows_what_detectors_can_say() -> None:
    """Otherwise equal bits would mean little: some windows alarm, by either detector, and some do not."""
    found = {tuple(str(one) for one in of_window[4]) for said in alone() for of_window in said}  # type: ignore[index]

    assert {(), ("sudden",), ("sudden", "accumulating")} <= found
