"""A category too rare to be looked at by itself in a window: quiet while it is as rare as before, seen when not."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from benchmarks.detectors import joined
from benchmarks.traffic_streams import HOUR_MS
from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import model_drift
from monitor.stats.calibration.model_drift import DriftVerdict, ModelDrift
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile

HOUR = timedelta(hours=1)
ROWS, RATE, RISEN, A_WINDOW = 500, 0.006, 0.05, 0.02


def rows(chance: np.random.Generator, rate: float, spread: float) -> dict[str, Column]:
    """A window whose rate is one of its own: `spread` is its standard deviation over its mean (0: always the same)."""
    own = rate if not spread else rate * chance.gamma(1 / spread**2, spread**2)
    fraud = np.where(chance.random(ROWS) < own, "yes", "no").tolist()
    return {"amount": NumericColumn(chance.normal(size=ROWS)), "fraud": CategoricalColumn(fraud)}


def judge_of(chance: np.random.Generator, spread: float) -> tuple[Baseline, ModelDrift]:
    windows = [rows(chance, RATE, spread) for _ in range(96)]
    columns = joined(windows)
    built = Baseline.build(ModelRef("m", "1"), columns)
    times = np.repeat(np.arange(96) * HOUR_MS, ROWS)
    own = BaselineWindows.of(built.whole, columns, times, HOUR_MS)
    assert own is not None
    baseline = replace(built, windows=own.stored())
    judge = model_drift(baseline, WindowSpec(HOUR, HOUR), AlarmBudget(A_WINDOW, HOUR))
    assert judge is not None
    return baseline, judge


def verdicts(
    baseline: Baseline, judge: ModelDrift, chance: np.random.Generator, number: int, rate: float, spread: float
) -> list[DriftVerdict]:
    found: list[DriftVerdict] = []
    for k in range(96, 96 + number):
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(rows(chance, rate, spread), ROWS)
        window = Window(from_ms(k * HOUR_MS), from_ms((k + 1) * HOUR_MS))
        found.append(judge.judge(profile, window, found[-1].state if found else None))
    return found


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_it_stays_within_the_budget_also_where_it_comes_in_clusters(spread: float) -> None:
    """At 1 in 50 windows 8 of 400 are expected at most; more than 17 by chance 0.001."""
    alarms = 0
    for seed in range(4):
        chance = np.random.default_rng(seed)
        alarms += sum(bool(one.columns) for one in verdicts(*judge_of(chance, spread), chance, 100, RATE, spread))

    assert alarms <= stats.binom.isf(1e-3, 400, A_WINDOW) + 1


def test_a_rate_that_rises_to_five_percent_is_found_in_its_first_window() -> None:
    chance = np.random.default_rng(9)
    baseline, judge = judge_of(chance, 0.0)

    (first,) = verdicts(baseline, judge, chance, 1, RISEN, 0.0)

    assert [(one.column, one.what) for one in first.columns] == [("fraud", "yes or unseen values")]
    assert first.columns[0].effect == pytest.approx(
        2 * (np.arcsin(np.sqrt(RISEN)) - np.arcsin(np.sqrt(RATE))), abs=0.15
    )
