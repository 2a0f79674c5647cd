"""Categories with a long tail: every sample has rare ones of its own, and that is no drift."""

import numpy as np
import pytest

from benchmarks.detectors import OURS, Monitored
from benchmarks.traffic_streams import HOUR_MS
from monitor.domain.budgets import ONE_A_MONTH
from monitor.domain.models import ModelRef
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.columns import CategoricalColumn, Column
from monitor.stats.profiles.model import ModelProfile
from tests.unit.stats.test_rare_categories import HOUR


def shops(chance: np.random.Generator, rows: int, exponent: float, of_new: float = 0.0) -> dict[str, Column]:
    """Numbers of shops by Zipf's law; a share of `of_new` is at shops that opened since."""
    numbers = chance.zipf(exponent, rows).clip(max=10**6).astype(np.int64)
    numbers[chance.random(rows) < of_new] += 10**7
    return {"shop": CategoricalColumn([f"s{number}" for number in numbers.tolist()])}


@pytest.mark.parametrize("exponent", [1.3, 1.6, 2.0])
@pytest.mark.parametrize(("known", "rows"), [(1_000, 1_000), (1_000, 10_000), (5_000, 5_000), (20_000, 20_000)])
def test_other_rare_categories_are_no_drift(exponent: float, known: int, rows: int) -> None:
    """At 1 in 720 one of the 240 comparisons may alarm by chance, with probability 0.3; three do with 0.005."""
    alarms = 0
    for seed in range(20):
        chance = np.random.default_rng([seed, known, rows])
        baseline = Baseline.build(ModelRef("m", "1"), shops(chance, known, exponent))
        drift = ModelDrift.of(baseline.whole, None, WindowSpec(HOUR, HOUR), ONE_A_MONTH, assumed_records=rows)
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(shops(chance, rows, exponent), rows)
        alarms += bool(drift.judge(profile, Window(from_ms(0), from_ms(HOUR_MS)), None).columns)

    assert alarms <= 1


def test_windows_of_a_long_tail_keep_the_budget_and_new_shops_are_found() -> None:
    """A thousand categories are kept, of several thousand: what else comes is more than what the baseline left out."""
    chance, alarmed = np.random.default_rng(4), 0
    monitored = Monitored([(k * HOUR_MS, shops(chance, 100, 1.3)) for k in range(240)], ONE_A_MONTH)
    quiet = ((k * HOUR_MS, shops(chance, 100, 1.3)) for k in range(240, 1_240))
    for said in monitored.said(quiet, rules=False):
        alarmed += bool(said[OURS])
    moved = ((k * HOUR_MS, shops(chance, 100, 1.3, of_new=0.15)) for k in range(1_240, 1_245))

    assert alarmed <= 5  # 1.4 are expected
    assert any(said[OURS] for said in monitored.said(moved, rules=False))
