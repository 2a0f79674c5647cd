"""A category too rare to be looked at by itself in a window: quiet while it is as rare as before, seen when not."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from monitor.stats.calibration.counts import Grouping
from monitor.stats.calibration.model_drift import Detector, DriftVerdict, JudgedWindow, ModelDrift, judge_together
from monitor.stats.calibration.power import visible
from monitor.stats.calibration.rare_sums import RareCounts
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stats.profiles.categorical import CategoricalLayout
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


# --- added up over windows: a column "fraud" alone, of which only the counts of its windows are made


@dataclass(frozen=True)
class Binary:
    """Windows of so many rows of one column, whose rare value has this rate; `spread` as above, `missing` a share."""

    rows: int
    rate: float = 0.009
    spread: float = 0.0
    missing: float = 0.0

    def blocks(self, chance: np.random.Generator, number: int) -> Ints:
        own = self.rate * chance.gamma(1 / self.spread**2, self.spread**2, number) if self.spread else self.rate
        rare, missing = chance.binomial(self.rows, own, number), chance.binomial(self.rows, self.missing, number)
        counted = np.zeros((number, 6), np.int64)
        counted[:, 0], counted[:, 1] = self.rows, missing
        counted[:, 4], counted[:, 5] = self.rows - rare - missing, rare
        return counted


LAYOUTS = {"fraud": CategoricalLayout(("no", "yes"))}
RARE = "yes or unseen values"


def profile_of(block: Ints) -> ModelProfile:
    return ModelProfile(ModelProfile.empty(LAYOUTS).layouts, block, np.empty((0, 2)), int(block[0]), frozenset())


def judge_of_counts(chance: np.random.Generator, usual: Binary, windows: int, a_window: float) -> ModelDrift:
    blocks = usual.blocks(chance, windows)
    whole = profile_of(blocks.sum(axis=0))
    counts = Grouping.of(whole, usual.rows).count(blocks)
    own = BaselineWindows(HOUR_MS, usual.rows, np.arange(windows) * HOUR_MS, counts)
    return ModelDrift.of(whole, own, WindowSpec(HOUR, HOUR), AlarmBudget(a_window, HOUR))


def courses(
    chance: np.random.Generator, judges: Sequence[ModelDrift], traffic: Sequence[Binary]
) -> list[list[DriftVerdict]]:
    """The verdicts of all judges on one window after the other."""
    found: list[list[DriftVerdict]] = []
    for hour, usual in enumerate(traffic):
        window = Window(from_ms(hour * HOUR_MS), from_ms((hour + 1) * HOUR_MS))
        before = [one.state for one in found[-1]] if found else [None] * len(judges)
        profiles = [profile_of(block) for block in usual.blocks(chance, len(judges))]
        asked = [
            JudgedWindow(judge, profile, window, state)
            for judge, profile, state in zip(judges, profiles, before, strict=True)
        ]
        found.append(judge_together(asked))
    return found


@pytest.mark.parametrize("windows", [30, 168])
@pytest.mark.parametrize("usual", [Binary(200, 0.002), Binary(200, 0.009, 1.0), Binary(500, 0.009, 0.5)])
def test_rare_values_added_up_stay_within_the_budget(usual: Binary, windows: int) -> None:
    """60 baselines, 60 windows after each: at 1 in 50, 72 of 3,600 are expected at most, 96 by chance 0.004.

    They share half of it with the window test. Windows that follow each other have most of their sum in common, so the
    band is that of 3,600 / 4.
    """
    chance = np.random.default_rng(windows)
    judges = [judge_of_counts(chance, usual, windows, A_WINDOW) for _ in range(60)]

    alarms = sum(bool(one.columns) for of_all in courses(chance, judges, [usual] * 60) for one in of_all)

    assert alarms <= 4 * (stats.binom.isf(1e-3, 900, A_WINDOW) + 1)


@pytest.mark.parametrize(("rows", "rate", "median"), [(200, 0.02, 10), (200, 0.03, 4), (500, 0.02, 5)])
def test_a_rare_value_that_becomes_less_rare_is_found_over_some_windows(rows: int, rate: float, median: int) -> None:
    """From 0.9 %, a budget of 1 a month; with the window test alone it took 31 or more, 8, and 10 windows."""
    chance = np.random.default_rng(rows)
    judges = [judge_of_counts(chance, Binary(rows), 168, 1 / 720) for _ in range(80)]

    said = courses(chance, judges, [Binary(rows)] * 8 + [Binary(rows, rate)] * 20)

    named = np.array([[bool(one.columns) for one in of_all] for of_all in said[8:]])
    assert np.median(np.where(named.any(axis=0), named.argmax(axis=0) + 1, 21)) <= median
    alone = [one.columns[0] for of_all in said[8:] for one in of_all if one.detectors == (Detector.ACCUMULATING,)]
    assert {one.what for one in alone} == {RARE}
    first = [
        next((of_all[judge].since_ms for of_all in said[8:] if of_all[judge].columns), None) for judge in range(80)
    ]
    began = np.array([since for since in first if since is not None]) / HOUR_MS
    assert 6 <= np.median(began) <= 12, "the change began with the eighth"


def test_what_stands_is_said_to_have_begun_when_it_did_although_few_windows_are_remembered() -> None:
    chance = np.random.default_rng(7)
    judge = judge_of_counts(chance, Binary(200), 168, 1 / 720)

    said = [of_all[0] for of_all in courses(chance, [judge], [Binary(200)] * 8 + [Binary(200, 0.04)] * 24)]

    assert all(one.columns for one in said[14:])
    assert len({one.columns[0].since_ms for one in said[14:]}) == 1
    assert 6 * HOUR_MS <= (said[-1].columns[0].since_ms or 0) <= 12 * HOUR_MS


def test_a_change_in_one_window_alone_is_not_added_up() -> None:
    """But where chance has made the windows beside it unusual, too: one in eight."""
    chance = np.random.default_rng(1)
    judges = [judge_of_counts(chance, Binary(500), 168, 1 / 720) for _ in range(40)]

    burst, *later = courses(chance, judges, [Binary(500)] * 8 + [Binary(500, 0.06), *[Binary(500)] * 7])[8:]

    assert sum(one.detectors == (Detector.SUDDEN,) for one in burst) >= 30
    assert sum(bool(one.columns) for of_all in later for one in of_all) <= 28, "of 280; all of them otherwise"


def test_few_missing_values_are_added_up_as_well() -> None:
    """From 0.4 % to 2 % of 200 rows: four in a window instead of one."""
    chance = np.random.default_rng(3)
    judges = [judge_of_counts(chance, Binary(200, missing=0.004), 168, 1 / 720) for _ in range(40)]

    said = courses(chance, judges, [Binary(200, missing=0.02)] * 20)

    assert sum(one.columns[0].what == "missing values" for one in said[-1] if one.columns) >= 36


@pytest.mark.parametrize(("windows", "rows"), [(168, 200), (168, 500), (30, 200)])
def test_the_stated_rise_of_a_rare_value_is_the_one_that_is_found(windows: int, rows: int) -> None:
    """In 90 % of first windows, and in about half of the runs within ten windows: 60 judges, each at its own rise."""
    chance = np.random.default_rng([windows, rows])
    judges = [judge_of_counts(chance, Binary(rows), windows, 1 / 720) for _ in range(60)]
    stated = [visible(judge, rows)[0] for judge in judges]
    usual = [float(judge.components.beyond_share[0]) for judge in judges]
    in_time = [one.beyond_in_time or 1.0 for one in stated]

    at_once = [
        bool(courses(chance, [judge], [Binary(rows, share + one.beyond_points / 100)])[0][0].columns)
        for judge, share, one in zip(judges, usual, stated, strict=True)
    ]
    within_ten = [
        any(
            of_all[0].columns
            for of_all in courses(chance, [judge], [Binary(rows)] * 8 + [Binary(rows, share + rise / 100)] * 10)
        )
        for judge, share, rise in zip(judges, usual, in_time, strict=True)
    ]

    assert sum(at_once) >= 46, "0.9 of 60; less by chance 0.001"
    assert 24 <= sum(within_ten) <= 58
    assert {one.label for one in stated} == {RARE}
    assert all(one.at_once is not None and one.in_time is not None for one in stated)


def test_a_state_from_before_rare_values_were_counted_goes_on() -> None:
    chance = np.random.default_rng(5)
    judge = judge_of_counts(chance, Binary(200), 30, 1 / 720)
    state = courses(chance, [judge], [Binary(200)] * 3)[-1][0].state
    until, _, body = state.to_text().partition(":")
    data = zlib.decompress(base64.b64decode(body))
    before = data[: -RareCounts.size_bytes(1)]

    read = judge.accumulation.restored(f"{until}:{base64.b64encode(zlib.compress(before, 0)).decode()}")

    assert (read.until_ms, read.levels.tolist()) == (state.until_ms, state.levels.tolist())
    assert not read.rare.records.any()
    assert judge.accumulation.restored(state.to_text()).to_text() == state.to_text()


def test_what_hardly_comes_and_then_in_bursts_is_stated_by_what_shows_it() -> None:
    """0.05 % of 200 rows, give or take three times as many: did that grow along, no share at all would be sure."""
    chance = np.random.default_rng(5)
    judges = [judge_of_counts(chance, Binary(200, 0.0005, 3.0), 168, 1 / 720) for _ in range(60)]
    stated = [visible(judge, 200)[0].beyond_points / 100 for judge in judges]

    found = [
        bool(courses(chance, [judge], [Binary(200, float(judge.components.beyond_share[0]) + rise)])[0][0].columns)
        for judge, rise in zip(judges, stated, strict=True)
    ]

    assert np.median(stated) < 0.1
    assert sum(found) >= 46, "0.9 of 60; less by chance 0.001"


def test_what_the_baseline_never_had_is_told_as_none() -> None:
    chance = np.random.default_rng(5)
    baseline, judge = judge_of(chance, 0.0)
    columns = rows(chance, RATE, 0.0)
    amount = columns["amount"]
    assert isinstance(amount, NumericColumn)
    amount.values[::20] = np.nan
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, ROWS)

    verdict = judge.judge(profile, Window(from_ms(96 * HOUR_MS), from_ms(97 * HOUR_MS)), None)

    (told,) = verdict.columns
    assert told.what == "missing values"
    assert told.rates is not None
    assert told.rates == pytest.approx((0.0, 0.05), abs=0.0005)
