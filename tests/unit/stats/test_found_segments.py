"""The search for weak segments: planted ones are found, none are where there is none, overlaps are not named twice."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Floats, Mask, NumericColumn
from monitor.stats.found_segments.conditions import Condition, conditions_of, numeric_cuts
from monitor.stats.found_segments.losses import LOSSES
from monitor.stats.found_segments.search import Search, search
from monitor.stats.found_segments.slices import p_values, scene_of, slices_of
from monitor.stats.performance.metric import Judged

N = 1_500


def people(random: np.random.Generator, n: int = N) -> dict[str, Column]:
    region = [str(one) for one in random.choice(["north", "south", "east", "west"], n)]
    plan = [str(one) if one != "none" else None for one in random.choice(["pro", "free", "none"], n)]
    age = NumericColumn(random.uniform(20, 80, n))
    return {"age": age, "plan": CategoricalColumn(plan), "region": CategoricalColumn(region)}


BASELINE = Baseline.build(ModelRef("churn", "1"), people(np.random.default_rng(0), 5_000))
CUTS = numeric_cuts(BASELINE.whole.columns, BASELINE.layouts)


def of_region(columns: dict[str, Column], region: str) -> Mask:
    column = columns["region"]
    assert isinstance(column, CategoricalColumn)
    return np.array([one == region for one in column.values])


def above(columns: dict[str, Column], age: float) -> Mask:
    column = columns["age"]
    assert isinstance(column, NumericColumn)
    return np.asarray(column.values >= age, dtype=np.bool_)


def found(columns: dict[str, Column], losses: Floats, *, is_share: bool = True, smallest: int = 40) -> Search:
    return search(list(conditions_of(columns, CUTS, smallest)), losses, smallest, is_share=is_share)


def texts(one: Search) -> Sequence[str]:
    return [segment.text for segment in one.found]


def test_numeric_features_are_cut_at_the_quintiles_of_the_baseline() -> None:
    assert CUTS["age"] == pytest.approx([32, 44, 56, 68], abs=1.0)
    assert set(CUTS) == {"age"}


def test_a_constant_column_is_not_cut() -> None:
    constant = Baseline.build(ModelRef("churn", "1"), {"x": NumericColumn(np.full(500, 3.0))})

    assert len(numeric_cuts(constant.whole.columns, constant.layouts)["x"]) == 0


def test_conditions_are_categories_ranges_and_missing_values_large_enough_on_both_sides() -> None:
    columns = people(np.random.default_rng(1))

    made = {one.text for one in conditions_of(columns, CUTS, 40)}

    assert {"region=north", "plan=pro", "plan missing"} <= made
    assert sum(text.startswith("age>=") for text in made) == 4
    assert "age missing" not in made


def planted(random: np.random.Generator) -> tuple[dict[str, Column], Mask, Floats]:
    """People, of whom the old ones of the north are told wrong in 35 %, and the others in 12 %."""
    columns = people(random, 4_000)
    weak = of_region(columns, "north") & above(columns, CUTS["age"][2])
    return columns, weak, (random.random(4_000) < np.where(weak, 0.35, 0.12)).astype(np.float64)


def test_a_planted_segment_is_described_with_its_size_its_error_and_the_difference() -> None:
    columns, weak, wrong = planted(np.random.default_rng(0))

    (one,) = found(columns, wrong).found

    assert one.inside.n == int(weak.sum())
    assert one.inside.low < 0.35 < one.inside.high
    assert one.outside.low < 0.12 < one.outside.high
    assert one.low < 0.23 < one.high
    assert one.p_value < 1e-6


def test_a_planted_segment_of_two_features_comes_first_and_what_merely_overlaps_is_seldom_named() -> None:
    planted_text, others = f"age>={CUTS['age'][2]:.4g} and region=north", 0
    for seed in range(20):
        columns, _, wrong = planted(np.random.default_rng(1_000 + seed))
        first, *rest = texts(found(columns, wrong))
        assert first == planted_text
        others += bool(rest)

    assert others <= 4  # 5 % of 20, give or take three standard errors


def test_two_planted_segments_are_both_named() -> None:
    random = np.random.default_rng(3)
    columns = people(random, 6_000)
    north, old = of_region(columns, "north"), above(columns, CUTS["age"][3])
    wrong = (random.random(6_000) < 0.1 + 0.3 * north + 0.2 * old).astype(np.float64)

    first, *rest = texts(found(columns, wrong))

    assert first == "region=north"
    assert any(f"age>={CUTS['age'][3]:.4g}" in text for text in rest)


def test_a_weak_segment_inside_a_weak_majority_is_found_too() -> None:
    random = np.random.default_rng(4)
    columns = people(random, 6_000)
    most, north = above(columns, CUTS["age"][0]), of_region(columns, "north")
    wrong = (random.random(6_000) < 0.02 + 0.15 * most + 0.2 * (north & most)).astype(np.float64)

    assert any("region=north" in text for text in texts(found(columns, wrong)))


def test_planted_larger_errors_of_numbers_are_found() -> None:
    random = np.random.default_rng(5)
    columns = people(random, 3_000)
    losses = random.exponential(np.where(of_region(columns, "west"), 1.5, 1.0))

    (one,) = found(columns, losses, is_share=False).found

    assert one.text == "region=west"
    assert one.low < 0.5 < one.high


def without_cause(kind: str, random: np.random.Generator) -> tuple[Floats, bool]:
    """Losses that no feature has to do with, and whether they are zeros and ones."""
    if kind in {"error", "rare error"}:
        return (random.random(800) < (0.2 if kind == "error" else 0.01)).astype(np.float64), True
    return (np.abs(random.normal(size=800)) if kind == "absolute error" else random.lognormal(0, 1.5, 800)), False


@pytest.mark.parametrize("kind", ["error", "rare error", "absolute error", "heavy tail"])
def test_where_no_segment_is_weak_at_most_one_window_in_twenty_has_one_named(kind: str) -> None:
    """Of 200 windows at most 5 %, 10, give or take three standard errors (9.2)."""
    random, named = np.random.default_rng(6), 0
    for _ in range(200):
        columns = people(random, 800)
        losses, is_share = without_cause(kind, random)
        named += bool(found(columns, losses, is_share=is_share).found)

    assert named <= 19


def test_the_p_values_are_fishers() -> None:
    random = np.random.default_rng(7)
    holds = random.random(300) < 0.3
    wrong = (random.random(300) < 0.1 + 0.2 * holds).astype(np.float64)
    conditions = [Condition("x", "x=1", holds)]

    slices = slices_of(scene_of(conditions, wrong, 10, is_share=True), ["x"])

    table = [
        [int(wrong[holds].sum()), int((1 - wrong)[holds].sum())],
        [int(wrong[~holds].sum()), int((1 - wrong)[~holds].sum())],
    ]
    expected = stats.fisher_exact(table, "greater").pvalue
    assert p_values(slices, wrong, is_share=True) == pytest.approx([expected])


def test_the_p_values_of_means_are_welchs() -> None:
    random = np.random.default_rng(8)
    holds = random.random(300) < 0.3
    losses = random.exponential(1 + holds)

    slices = slices_of(scene_of([Condition("x", "x=1", holds)], losses, 10, is_share=False), ["x"])

    expected = stats.ttest_ind(losses[holds], losses[~holds], equal_var=False, alternative="greater").pvalue
    assert p_values(slices, losses, is_share=False) == pytest.approx([expected])


def test_nothing_to_cut_by_is_nothing_found() -> None:
    assert search([], np.ones(100), 10, is_share=True) == Search((), 0, 100)


def test_losses_without_any_error_name_nothing() -> None:
    columns = people(np.random.default_rng(9))

    assert found(columns, np.zeros(N)).found == ()
    assert found(columns, np.ones(N)).found == ()
    assert found(columns, np.full(N, 2.5), is_share=False).found == ()


def test_losses_say_how_wrong_each_prediction_was() -> None:
    judged = Judged.of([("yes", 0.9, "yes"), ("no", 0.2, "yes"), ("yes", 0.7, "no"), ("no", None, "no")])
    amounts = Judged.of([("1.5", None, "2"), ("3", None, "1")])

    def of(name: str, rows: Judged = judged) -> list[float]:
        losses = LOSSES[name].of(rows, "yes")
        assert losses is not None
        return [float(loss) for loss in losses]

    assert of("error") == [0, 1, 1, 0]
    assert of("false_negative_rate") == pytest.approx([0, 1, np.nan, np.nan], nan_ok=True)
    assert of("false_positive_rate") == pytest.approx([np.nan, np.nan, 1, 0], nan_ok=True)
    assert of("brier") == pytest.approx([0.01, 0.64, 0.49, np.nan], nan_ok=True)
    assert of("mae", amounts) == [0.5, 2.0]
    assert of("mse", amounts) == [0.25, 4.0]
    assert LOSSES["mae"].of(judged, None) is None
    assert LOSSES["brier"].of(judged, None) is None


def test_of_overlapping_slices_the_simplest_is_named_where_a_second_condition_adds_nothing() -> None:
    named = []
    for seed in (7, 12, 14, 16):  # by chance the north of some ages is the most certain slice of all
        random = np.random.default_rng(seed)
        columns = people(random)
        losses = (random.random(N) < np.where(of_region(columns, "north"), 0.2, 0.1)).astype(np.float64)
        named.append(list(texts(found(columns, losses))))

    assert named == [["region=north"]] * 4


def test_a_weakness_of_two_conditions_together_keeps_both() -> None:
    random = np.random.default_rng(5)
    columns = people(random)
    both = of_region(columns, "north") & above(columns, 56)
    losses = (random.random(N) < np.where(both, 0.5, 0.1)).astype(np.float64)

    (first, *_) = found(columns, losses).found

    assert len(first.conditions) == 2


@pytest.mark.parametrize("seed", range(6))
def test_a_segment_is_no_variant_of_itself_and_no_variant_comes_twice(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = people(random, 2_400)
    doubt = np.abs(np.asarray(columns["age"].values, dtype=np.float64) - 50) / 60
    risk = np.where(of_region(columns, "north"), 0.5 + doubt, 0.5 - doubt)

    segments = found(columns, (random.random(2_400) < risk).astype(np.float64)).found

    assert any(segment.text == "region=north" for segment in segments)
    for segment in segments:
        assert segment.text not in segment.variants
        assert len(set(segment.variants)) == len(segment.variants)


@pytest.mark.parametrize("seed", range(5))
def test_a_weakness_whose_edge_lies_between_two_cuts_is_named_once_with_its_variants(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = people(random, 6_000)
    weak = of_region(columns, "north") & above(columns, 62.0)  # the cuts lie at 56 and 68

    one = found(columns, (random.random(6_000) < np.where(weak, 0.45, 0.08)).astype(np.float64))

    assert len(one.found) == 1
    assert "region=north" in one.found[0].conditions
    assert all("region=north" in variant and "age" in variant for variant in one.found[0].variants)


def test_a_second_weakness_that_overlaps_the_first_is_no_variant_of_it() -> None:
    random = np.random.default_rng(3)
    columns = people(random, 6_000)
    risk = 0.08 + 0.25 * of_region(columns, "north") + 0.25 * above(columns, 68.0)

    one = found(columns, (random.random(6_000) < risk).astype(np.float64))

    assert {"region=north"} < set(texts(one))
    assert any(text.startswith("age>=6") for text in texts(one))
