"""What a change is made of: parts that add up to the whole, and name what moved."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from monitor.domain.models import ModelRef, Segment
from monitor.stats.attribution.attribution import REST, Attribution, Division, attribute, divide
from monitor.stats.attribution.grouping import Grouping, group_names
from monitor.stats.attribution.words import as_document, carried_by, divided_among
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import every_group
from monitor.stats.window_test import WindowData
from monitor.stats.window_tests.divergence import Divergence

SEGMENTS = (Segment("germany", "land", "de"), Segment("france", "land", "fr"))


def rows(seed: int, n: int, shift: float = 0.0, weights: tuple[float, ...] = (0.5, 0.3, 0.2)) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    return {
        "amount": NumericColumn(rng.normal(shift, 1, n)),
        "land": CategoricalColumn(rng.choice(["de", "fr", "it"], n, p=weights).tolist()),
        "quiet": NumericColumn(rng.lognormal(0, 1, n)),
        "rare": CategoricalColumn([f"k{k}" for k in rng.geometric(0.02, n)]),
    }


def built(columns: Mapping[str, Column]) -> Baseline:
    return Baseline.build(ModelRef("churn", "1"), columns, segments=SEGMENTS)


BASELINE = built(rows(0, 5_000))


def counted(columns: Mapping[str, Column], baseline: Baseline = BASELINE) -> ModelProfile:
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, len(next(iter(columns.values()))))
    return profile


def by_segment(columns: Mapping[str, Column]) -> dict[str, ModelProfile]:
    land = columns["land"]
    assert isinstance(land, CategoricalColumn)
    parts = {"": counted(columns)}
    for one in SEGMENTS:
        mine = np.array([k for k, value in enumerate(land.values) if value == one.value], dtype=np.intp)
        parts[one.name] = counted({name: column.take(mine) for name, column in columns.items()})
    return parts


def divided(columns: Mapping[str, Column]) -> Division:
    before = {name: BASELINE.profile(name) for name in ("", "germany", "france")}
    return divide("land", ("germany", "france"), before, by_segment(columns))


def found(columns: Mapping[str, Column]) -> Attribution:
    return attribute(BASELINE.whole, counted(columns))


WINDOWS = st.builds(
    rows,
    st.integers(0, 10_000),
    st.integers(1, 800),
    st.floats(-3, 3),
    st.sampled_from([(0.5, 0.3, 0.2), (0.1, 0.1, 0.8), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)]),
)


@given(WINDOWS)
def test_groups_add_up_to_columns_and_columns_to_the_whole_and_no_part_is_negative(columns: dict[str, Column]) -> None:
    whole = found(columns)

    assert whole.bits == pytest.approx(sum(part.bits for part in whole.columns), rel=1e-12)
    for part in whole.columns:
        assert part.bits == pytest.approx(sum(group.bits for group in part.groups), rel=1e-12)
        assert all(group.bits > 0 for group in part.groups)
    assert sum(whole.share(part.bits) for part in whole.columns) == pytest.approx(1 if whole.columns else 0)


@given(WINDOWS)
def test_columns_of_segments_add_up_to_segments_and_these_to_the_division(columns: dict[str, Column]) -> None:
    division = divided(columns)

    assert division.bits == pytest.approx(sum(part.bits for part in division.segments), rel=1e-12)
    for part in division.segments:
        assert part.bits == pytest.approx(sum(bits for _, bits in part.columns), rel=1e-12)
        assert part.bits >= 0
    assert sum(part.baseline for part in division.segments) == pytest.approx(1)
    assert sum(part.current for part in division.segments) == pytest.approx(1)


@given(WINDOWS, st.booleans())
def test_groups_of_all_columns_are_those_of_each(columns: dict[str, Column], is_land_gone: bool) -> None:
    n = len(columns["land"])
    window = counted(columns | {"land": CategoricalColumn([None] * n)} if is_land_gone else columns)

    every = every_group(BASELINE.whole, window, ("rare", "quiet", "land", "amount"))

    assert sorted(every.columns) == sorted(columns)
    for name, begin, end in zip(every.columns, every.bounds[:-1], every.bounds[1:], strict=True):
        sides = BASELINE.whole.columns[name], window.columns[name]
        grouping = Grouping.of(*sides)
        assert every.counts[:, begin:end].tolist() == [grouping.count(side).tolist() for side in sides]
        assert group_names(BASELINE.whole, window, name) == grouping.names


@given(WINDOWS)
def test_columns_that_moved_are_those_that_do_when_each_is_looked_at_alone(columns: dict[str, Column]) -> None:
    window = counted(columns)

    whole = attribute(BASELINE.whole, window)

    alone = divide("land", (), {"": BASELINE.whole}, {"": window}).segments[0]
    assert dict(alone.columns) == pytest.approx({part.column: part.bits for part in whole.columns}, rel=1e-12)


def test_without_a_column_that_can_be_compared_nothing_moved() -> None:
    baseline = Baseline.build(ModelRef("m", "1"), {"never": NumericColumn(np.full(500, math.nan))})

    nothing = attribute(baseline.whole, counted({"never": NumericColumn(np.arange(500.0))}, baseline))

    assert (nothing.bits, nothing.columns, nothing.compared, nothing.lacking) == (0.0, (), 0, "")


def test_a_columns_part_is_its_jensen_shannon_divergence_less_what_chance_gives() -> None:
    columns = rows(1, 500, weights=(0.1, 0.1, 0.8))
    now = counted(columns).columns["land"]

    part = next(part for part in found(columns).columns if part.column == "land")

    before = BASELINE.whole.columns["land"]
    by_scipy = jensenshannon(before.counters[4:] / 5_000, now.counters[4:] / 500, base=2) ** 2
    by_chance = (3 - 1) * (1 / 5_000 + 1 / 500) / (8 * math.log(2))
    assert part.bits == pytest.approx(by_scipy - by_chance)


def test_the_column_and_the_category_that_moved_are_named_with_their_shares() -> None:
    said = carried_by(found(rows(1, 2_000, weights=(0.1, 0.3, 0.6))))

    assert said.startswith("land 100 % (de: 50 % -> 1")
    assert "; it: 20 % -> " in said


def test_a_new_value_is_named() -> None:
    columns = {**rows(1, 500), "land": CategoricalColumn(["es"] * 100 + ["de"] * 400)}

    land = found(columns).columns[0]

    assert land.column == "land"
    assert {group.name for group in land.groups} >= {"es (new)", "de"}


def test_values_that_are_missing_are_a_part() -> None:
    columns = rows(1, 500)
    amount = columns["amount"]
    assert isinstance(amount, NumericColumn)
    amount.values[:200] = math.nan

    first = found(columns).columns[0]

    assert (first.column, first.groups[0].name) == ("amount", "missing")
    assert first.groups[0].current == pytest.approx(0.4)


def test_the_segment_that_moved_carries_most_of_the_drift() -> None:
    columns = rows(1, 4_000)
    amount, land = columns["amount"], columns["land"]
    assert isinstance(amount, NumericColumn)
    assert isinstance(land, CategoricalColumn)
    amount.values[[value == "fr" for value in land.values]] += 2

    division = divided(columns)

    assert division.segments[0].segment == "france"
    assert division.segments[0].bits > 0.95 * division.bits
    assert division.segments[0].columns[0][0] == "amount"
    assert divided_among([division]).startswith("by land: france ")


def test_records_of_no_declared_segment_are_a_part_of_their_own() -> None:
    division = divided(rows(1, 2_000, weights=(0.1, 0.1, 0.8)))

    assert division.segments[0].segment == REST
    assert division.segments[0].baseline == pytest.approx(0.2, abs=0.02)
    assert division.segments[0].current == pytest.approx(0.8, abs=0.03)


def test_a_divergence_of_what_cannot_be_told_apart_is_not_called_ok() -> None:
    baseline = Baseline.build(ModelRef("m", "1"), {"plan": CategoricalColumn(["a"] * 19_600 + ["b"] * 400)})
    window = counted({"plan": CategoricalColumn(["a"] * 40 + ["b"] * 20)}, baseline)

    result = Divergence().run_window(baseline.whole, WindowData(window))

    assert result.statistic > 0.1
    assert "plan: too few records" in str(result.detail["lacks"])


def test_quiet_windows_have_hardly_any_divergence_and_nothing_to_name() -> None:
    sums = [found(rows(seed, 500)).bits for seed in range(100, 160)]

    assert sum(bits > 0 for bits in sums) <= 6
    assert max(sums) < 0.01


@pytest.mark.parametrize("n", [0, 1, 99])
def test_too_few_records_have_no_parts_and_a_reason(n: int) -> None:
    few = attribute(BASELINE.whole, counted(rows(1, n, 3.0)), least=100)

    assert (few.bits, few.columns) == (0.0, ())
    assert few.lacking == f"{n} record{'' if n == 1 else 's'} on one side, at least 100 are needed"
    assert as_document(few)["lacking"] == few.lacking


def test_a_column_that_has_no_value_in_the_baseline_cannot_move() -> None:
    baseline = built({**rows(0, 500), "never": NumericColumn(np.full(500, math.nan))})
    window = counted({**rows(1, 500), "never": NumericColumn(np.arange(500.0))}, baseline)

    assert "never" not in {part.column for part in attribute(baseline.whole, window).columns}


def test_a_finding_of_the_check_names_what_carries_it_and_holds_every_part() -> None:
    result = Divergence().run_window(BASELINE.whole, WindowData(counted(rows(1, 2_000, 1.0))))

    assert str(result.detail["says"]).startswith("carried by amount 100 % (1.2")
    columns = result.detail["columns"]
    assert isinstance(columns, list)
    assert sum(one["bits"] for one in columns) == pytest.approx(result.statistic)


def test_categories_that_all_went_missing_are_told_by_their_names() -> None:
    gone = counted(rows(1, 1_000) | {"land": CategoricalColumn([None] * 1_000)})
    land = next(part for part in attribute(BASELINE.whole, gone).columns if part.column == "land")
    assert {group.name for group in land.groups if group.bits} == {"de", "fr", "it", "missing"}
    assert math.isclose(math.fsum(group.bits for group in land.groups), land.bits)


def test_of_forty_quiet_columns_none_has_a_part() -> None:
    """One in a hundred windows names any; of thirty more than two do with probability 0.003."""
    named = 0
    for seed in range(30):
        chance = np.random.default_rng([seed, 5])
        quiet = [
            {f"f{k}": CategoricalColumn(np.where(chance.random(2_000) < 0.3, "y", "n").tolist()) for k in range(40)}
            for _ in range(2)
        ]
        profile = ModelProfile.empty((known := built_without_segments(quiet[0])).layouts)
        profile.update(quiet[1], 2_000)
        named += bool(attribute(known.whole, profile).columns)

    assert named <= 2


def built_without_segments(columns: Mapping[str, Column]) -> Baseline:
    return Baseline.build(ModelRef("churn", "1"), columns)
