"""One alarm budget for all traffic and its segments: false alarms, power in one segment, shares of columns."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from monitor.adapters.sql.baselines import SqlBaselineStore
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel, Segment
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import BudgetedModel, BudgetVerdict, budgeted_model
from monitor.stats.calibration import shares
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.baseline import BuildBaseline
from monitor.usecases.training_columns import TrainingOptions

HOUR, HOUR_MS = timedelta(hours=1), 3_600_000
FIRST_HOUR = 168 * 2_900
"""Of the traffic, since the epoch: a week begins."""

SPEC = WindowSpec(HOUR, HOUR)
ROWS, WINDOWS, QUIET = 1_200, 40, 80
NUMBERS = ("n0", "n1", "n2", "n3", "n4")
A_WINDOW = 0.02


class Rows:
    """Training rows in one batch."""

    def __init__(self, columns: dict[str, list[object]]) -> None:
        self._columns = columns

    def batches(self) -> Iterator[dict[str, list[object]]]:
        yield self._columns


class Shop:
    """Hourly rows of one shop in so many countries, some of which differ for good; and what judges them."""

    def __init__(self, countries: int, seed: int) -> None:
        self._random, self._hour = np.random.default_rng(seed), 0
        self._names = [f"country {n:02d}" for n in range(max(1, countries))]
        self.segments = tuple(Segment(f"in-{n:02d}", "country", name) for n, name in enumerate(self._names[:countries]))
        self._level = self._random.normal(0, 1, len(self._names))
        self.baseline = self._built()
        judge = budgeted_model(self.baseline, SPEC, AlarmBudget(A_WINDOW, HOUR), self.segments)
        assert judge is not None
        self.judge: BudgetedModel = judge

    def _columns(self, where: int | None = None, shift: float = 0.0) -> dict[str, Column]:
        country = self._random.integers(0, len(self._names), ROWS)
        moved = shift * (np.ones(ROWS) if where is None else country == where)
        numbers = {name: self._random.standard_normal(ROWS) + self._level[country] for name in NUMBERS}
        numbers["n0"] = numbers["n0"] + moved
        kinds = np.array(["a", "b", "c"])[self._random.integers(0, 3, ROWS)]
        columns: dict[str, Column] = {name: NumericColumn(values) for name, values in numbers.items()}
        columns["kind"] = CategoricalColumn(kinds.tolist())
        return {**columns, "country": CategoricalColumn([self._names[one] for one in country])}

    def _built(self) -> Baseline:
        """By the way of `driftline baseline build --event-time at`."""
        parts = [self._columns() for _ in range(WINDOWS)]
        rows: dict[str, list[object]] = {
            name: [value for part in parts for value in part[name].values] for name in parts[0]
        }
        rows["at"] = [(FIRST_HOUR + hour) * 3_600 for hour in range(WINDOWS) for _ in range(ROWS)]
        self._hour = FIRST_HOUR + WINDOWS
        model = MonitoredModel("shop", SPEC, timedelta(0), HOUR, segments=self.segments)
        engine = create_engine("sqlite://")
        migrate(engine)
        build = BuildBaseline({"shop": model}, SqlBaselineStore(engine))
        built = build.build(ModelRef("shop", "1"), Rows(rows), options=TrainingOptions(event_time="at"))
        return Baseline.from_bytes(built.baseline.to_bytes())

    def verdicts(self, number: int, where: int | None = None, shift: float = 0.0) -> list[BudgetVerdict]:
        found: list[BudgetVerdict] = []
        states: dict[str, Accumulated] = {}
        for _ in range(number):
            start, columns = self._hour * HOUR_MS, self._columns(where, shift)
            self._hour += 1
            window = Window(from_ms(start), from_ms(start + HOUR_MS))
            found.append(self.judge.judge(self._profiles(columns), window, states))
            states = dict(found[-1].states)
        return found

    def _profiles(self, columns: dict[str, Column]) -> dict[str, ModelProfile]:
        found = {ALL_TRAFFIC: self._profile(columns, np.arange(ROWS))}
        country = np.array(columns["country"].values)
        for segment in self.segments:
            found[segment.name] = self._profile(columns, np.flatnonzero(country == segment.value))
        return found

    def _profile(self, columns: dict[str, Column], rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> ModelProfile:
        profile = ModelProfile.empty(self.baseline.layouts)
        profile.update({name: column.take(rows) for name, column in columns.items()}, len(rows))
        return profile


@pytest.fixture(scope="module", params=[0, 5, 20])
def shop(request: pytest.FixtureRequest) -> Shop:
    return Shop(request.param, seed=21)


def test_more_segments_do_not_mean_more_false_alarms(shop: Shop) -> None:
    """At 1 in 50 windows, 1.6 of 80 are expected at most, with 0, 5 or 20 segments; more than 7 by chance: 0.0004."""
    alarmed = sum(bool(verdict.drifted) for verdict in shop.verdicts(QUIET))

    assert len(shop.judge.parts) == 1 + len(shop.segments)
    assert shop.judge.unjudged == ()
    assert alarmed <= stats.binom.isf(1e-3, QUIET, A_WINDOW) + 1


@pytest.mark.parametrize("shop", [5, 20], indirect=True)
def test_a_shift_in_one_segment_only_is_found_and_named_there(shop: Shop) -> None:
    """0.6 within the segment: where it is one of twenty, all traffic moves by 0.02 of its standard deviations."""
    runs = [shop.verdicts(8, where=3, shift=0.6) for _ in range(5)]

    named = [{(one.drift.column, one.segment) for verdict in run for one in verdict.drifted} for run in runs]

    assert sum(("n0", "in-03") in one for one in named) >= 4
    assert {segment for one in named for _, segment in one} <= {"in-03", ALL_TRAFFIC}


def test_what_all_traffic_shows_is_not_told_again_of_every_segment(shop: Shop) -> None:
    verdict = shop.verdicts(2, shift=1.0)[1]

    assert [(one.drift.column, one.segment) for one in verdict.drifted] == [("n0", ALL_TRAFFIC)]


def test_parts_and_columns_share_the_budget_and_no_more(shop: Shop) -> None:
    of_parts = {name: part.alpha / (A_WINDOW / 2) for name, part in shop.judge.parts.items()}

    assert sum(of_parts.values()) == pytest.approx(1)
    assert of_parts[ALL_TRAFFIC] == pytest.approx(0.6 if shop.segments else 1)
    for name, part in shop.judge.parts.items():
        assert part.shares.sum() == pytest.approx(1)
        by_column = dict(zip(part.components.grouping.columns, part.shares, strict=True))
        assert (by_column["country"] == 0) == (name != ALL_TRAFFIC), "within a segment its own column says nothing"


def test_outputs_have_a_fifth_of_the_budget_however_many_features_there_are() -> None:
    found = shares.of_columns([*(f"f{n}" for n in range(100)), "prediction", "score"], {}, ["prediction", "score"])

    assert found[100:].tolist() == pytest.approx([0.1, 0.1])
    assert found[:100].tolist() == pytest.approx([0.008] * 100)
    assert shares.of_columns(["score"], {}, ["score"]).tolist() == [1.0]


def test_an_important_column_shows_smaller_changes_and_none_is_deaf() -> None:
    found = shares.of_columns(["a", "b", "c"], {"a": 9.0, "b": 1.0}, [])

    assert found.sum() == pytest.approx(1)
    assert found[0] > found[1] > found[2] == pytest.approx(0.5 / 3)
