"""Categories that were never seen, where records depend on each other: clusters are no drift, what comes again is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pytest
from scipy import special, stats
from scipy.signal import lfilter

from benchmarks.detectors import OURS, Monitored
from benchmarks.traffic_streams import HOUR_MS, PHI
from monitor.domain.budgets import ONE_A_MONTH, AlarmBudget
from monitor.stats.calibration.new_in_windows import NewInWindows, p_of_windows
from monitor.stats.calibration.power import visible
from monitor.stats.columns import CategoricalColumn, Column

ROWS, COLUMNS = 500, 10
CLUSTER = 19
"""Mean records of a burst: what the variance of sums of these rows is, over that of independent ones."""


@dataclass
class Traffic:
    """Windows of dependent rows in ten columns of four categories; `bursts` of never seen ones, by window and column,
    on average; and where a new category has `share` of the records of column k0.
    """

    seed: int
    bursts: float = 0.0
    _at: int = 0
    _last: np.ndarray = field(default_factory=lambda: np.zeros(COLUMNS))

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng([self.seed, 77])

    def windows(self, number: int, share: float = 0.0) -> Iterator[tuple[int, dict[str, Column]]]:
        for _ in range(number):
            fresh = self._chance.standard_normal((ROWS, COLUMNS))
            rows, _ = lfilter([np.sqrt(1 - PHI**2)], [1, -PHI], fresh, axis=0, zi=PHI * self._last[np.newaxis])
            self._last = rows[-1]
            levels = np.array(list("abcd"), object)[np.searchsorted([0.4, 0.7, 0.9], special.ndtr(rows))]
            for column in range(COLUMNS):
                for _ in range(self._chance.poisson(self.bursts)):
                    begin = self._chance.integers(ROWS)
                    levels[begin : begin + self._chance.geometric(1 / CLUSTER), column] = "in a burst"
            levels[self._chance.random(ROWS) < share, 0] = "new"
            yield self._at * HOUR_MS, {f"k{k}": CategoricalColumn(levels[:, k].tolist()) for k in range(COLUMNS)}
            self._at += 1


def delays(baseline: int, share: float, runs: int = 4) -> list[int]:
    """Windows until a new category of this share is told, in each run; 21: not in twenty."""
    traffic, found = Traffic(1), []
    monitored = Monitored(list(traffic.windows(baseline)), ONE_A_MONTH)
    for _ in range(runs):
        monitored.forget()
        for _ in monitored.said(traffic.windows(8), rules=False):
            pass
        named = ["k0" in said[OURS] for said in monitored.said(traffic.windows(20, share), rules=False)]
        found.append([*named, True].index(True) + 1)
    return found


@pytest.mark.parametrize(("baseline", "share", "most"), [(168, 0.02, 5), (168, 0.3, 1), (30, 0.02, 9), (30, 0.3, 1)])
def test_it_is_found_by_coming_again_or_by_being_more_than_a_cluster(baseline: int, share: float, most: int) -> None:
    assert max(delays(baseline, share)) <= most


@pytest.mark.parametrize("bursts", [0.01, 0.03])
def test_bursts_of_never_seen_categories_stay_within_the_budget(bursts: float) -> None:
    """At 1 in 50 windows 20 of 1,000 are expected at most; a baseline that has a burst alarms in clusters, so more may
    come than independent windows would show: four standard errors, as they were measured, are allowed.
    """
    alarmed = 0
    for seed in range(20):
        traffic = Traffic(seed, bursts)
        monitored = Monitored(list(traffic.windows(30)), AlarmBudget(0.02, timedelta(hours=1)))
        alarmed += sum(bool(said[OURS]) for said in monitored.said(traffic.windows(50), rules=False))

    assert alarmed <= 20 + 4 * 5


def test_the_budget_says_what_can_be_seen_of_them() -> None:
    drift = Monitored(list(Traffic(2).windows(168)), ONE_A_MONTH).drift

    points = {one.column: (one.beyond_points, one.beyond_in_time) for one in visible(drift, ROWS)}

    for at_once, in_time in points.values():
        assert in_time is not None
        assert 3 < in_time < 8
        assert 25 < at_once < 50


@pytest.mark.parametrize(("having", "windows", "without"), [(2, 2, 168), (3, 4, 168), (7, 8, 30), (1, 8, 30)])
def test_windows_that_have_some_follow_polya_s_urn(having: int, windows: int, without: int) -> None:
    expected = stats.betabinom(windows, 0.5, without + 0.5).sf(having - 1)

    assert p_of_windows(having, windows, float(without), 1.0) == pytest.approx(expected, rel=1e-9)


def test_no_rate_of_windows_with_hits_alarms_more_often_than_the_law_says() -> None:
    """That none of the baseline's windows has hits and then so many do, at the rate that makes it most probable."""
    for having, windows, without in ((2, 2, 30), (3, 4, 30), (4, 4, 168), (7, 8, 30), (5, 8, 168)):
        rates = np.linspace(0, 1, 2_001)
        worst = float((stats.binom.sf(having - 1, windows, rates) * (1 - rates) ** without).max())

        assert worst <= p_of_windows(having, windows, float(without), 1.0)


def test_neighbouring_windows_that_are_alike_count_as_one() -> None:
    assert p_of_windows(4, 4, 168.0, 2.0) == p_of_windows(2, 2, 84.0, 1.0)
    assert p_of_windows(1, 8, 168.0, 2.0) == 1.0


def test_columns_of_independent_records_are_not_asked() -> None:
    chance = np.random.default_rng(3)
    windows = [(k * HOUR_MS, {"k0": CategoricalColumn(chance.choice(list("abcd"), ROWS).tolist())}) for k in range(40)]
    drift = Monitored(windows, ONE_A_MONTH).drift

    assert NewInWindows.of(drift.components, drift.calibration).tests.tolist() == [1]
