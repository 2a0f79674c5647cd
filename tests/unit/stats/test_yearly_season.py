"""A year is known from two years of training data in daily windows, and is drift where it is not."""

from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.calibration import Calibration
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.season import DAY_MS, WEEK_MS, YEAR_MS
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile

DAY = timedelta(days=1)
ROWS, COLUMNS = 200, 4
AMPLITUDE_OF_YEAR, AMPLITUDE_OF_WEEK = 0.4, 0.2


def rows_of(day: int, chance: np.random.Generator) -> dict[str, Column]:
    """Each column with its own phase of the year; the last has a week, too."""
    latent = chance.standard_normal((ROWS, COLUMNS))
    latent += AMPLITUDE_OF_YEAR * np.sin(2 * np.pi * (day * DAY_MS / YEAR_MS + np.arange(COLUMNS) / COLUMNS))
    latent[:, -1] += AMPLITUDE_OF_WEEK * np.sin(2 * np.pi * day * DAY_MS / WEEK_MS)
    return {f"x{index}": NumericColumn(latent[:, index].copy()) for index in range(COLUMNS)}


@cache
def judged(days: int, later: int) -> tuple[Calibration, int]:
    """What a baseline of so many days learns, and how many of the days after it alarm."""
    chance = np.random.default_rng(3)
    seen = [rows_of(day, chance) for day in range(days)]
    columns = {name: NumericColumn(np.concatenate([one[name].values for one in seen])) for name in seen[0]}
    baseline = Baseline.build(ModelRef("m", "1"), columns)
    times = np.repeat(np.arange(days) * DAY_MS, ROWS)
    windows = BaselineWindows.of(baseline.whole, columns, times, DAY_MS)
    drift = ModelDrift.of(baseline.whole, windows, WindowSpec(DAY, DAY), AlarmBudget(1e-3, DAY))
    state, alarms = None, 0
    for day in range(days, days + later):
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(rows_of(day, chance), ROWS)
        start = from_ms(day * DAY_MS)
        verdict = drift.judge(profile, Window(start, start + DAY), state)
        state, alarms = verdict.state, alarms + bool(verdict.columns)
    return drift.calibration, alarms


def test_a_year_that_the_training_data_covers_twice_is_no_drift() -> None:
    """At 1 in 1,000, more than 2 of 300 days happen to one seed in 250; a stuck accumulation would alarm for weeks."""
    calibration, alarms = judged(760, 300)

    periods = [period for period, _ in calibration.season.harmonics]
    assert set(periods) == {WEEK_MS, YEAR_MS}
    assert alarms <= 2


def test_a_year_that_is_not_covered_is_drift() -> None:
    calibration, alarms = judged(90, 120)

    assert YEAR_MS not in [period for period, _ in calibration.season.harmonics]
    assert alarms > 60


def test_the_course_of_the_year_is_the_one_that_was_planted() -> None:
    """Half a year apart the expected location differs by twice the amplitude at its peak, in standard deviations."""
    calibration, _ = judged(760, 300)
    middles = np.arange(0, 366, 7) * float(DAY_MS)

    courses = calibration.expected(np.asarray(middles, np.float64)).course

    swings = np.ptp(courses, axis=0)
    assert np.sort(swings)[-COLUMNS:] == pytest.approx(np.full(COLUMNS, 2 * AMPLITUDE_OF_YEAR), abs=0.2)
