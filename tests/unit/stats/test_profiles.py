"""Profiles are commutative monoids of integers; what they count is what a person would count."""

import contextlib
import itertools
import math
import zlib
from functools import reduce
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.profiles.categorical import MAX_CATEGORIES, RARE, CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.layouts import Layout
from monitor.stats.profiles.model import MAX_EXTRA, ModelProfile, ProfileError
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.unseen import CAPACITY, LONGEST_VALUE

Row = tuple[float, str | None]
FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
WORDS = st.one_of(st.none(), st.sampled_from(["de", "fr", "se"]), st.text(max_size=4))
HOSTILE_BASELINES = {
    "empty": [],
    "one": [3.5],
    "constant": [7.0] * 400,
    "all missing": [math.nan] * 30,
    "only infinite": [math.inf, -math.inf],
    "two far apart": [-1.7e308, 1.7e308],
    "tiny": [5e-324, 1e-323, 0.0],
    "negative zero": [-0.0, 0.0, -0.0],
    "zero-inflated": [0.0] * 900 + list(range(1, 101)),
    "offset": [1e15 + k for k in range(300)],
    "small": [1.0, 2.0, 3.0],
    "whole numbers": [float(k % 7) for k in range(1_000)],
}


def layouts_of(numeric: list[float], categorical: list[str | None]) -> dict[str, Layout]:
    return {"x": NumericLayout.of(np.array(numeric, dtype=float)), "c": CategoricalLayout.of(categorical)}


def profile_of(layouts: dict[str, Layout], rows: list[Row]) -> ModelProfile:
    profile = ModelProfile.empty(layouts)
    numbers, words = [row[0] for row in rows], [row[1] for row in rows]
    profile.update({"x": NumericColumn(np.array(numbers, dtype=float)), "c": CategoricalColumn(words)}, len(rows))
    return profile


X, C = NumericLayout.of(np.array([0.0, -1.0, 2.5, 2.5, 2.5, 1e9])), CategoricalLayout.of(["de", "de", "fr"])
LAYOUTS: dict[str, Layout] = {"x": X, "c": C}


@given(rows=st.lists(st.tuples(FLOATS, WORDS), max_size=60), order=st.randoms(use_true_random=False), data=st.data())
@settings(deadline=None)
def test_any_order_and_grouping_of_updates_and_merges_gives_the_same_bytes(
    rows: list[Row], order: Random, data: st.DataObject
) -> None:
    whole = profile_of(LAYOUTS, rows).to_bytes()
    order.shuffle(rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    parts = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    profiles = [profile_of(LAYOUTS, part) for part in parts]

    from_left = reduce(ModelProfile.merge, profiles)
    from_right = reduce(lambda merged, profile: profile.merge(merged), reversed(profiles))

    assert from_left.to_bytes() == from_right.to_bytes() == whole


@given(st.lists(st.text(min_size=1, max_size=3), max_size=300), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_sample_of_unseen_values_does_not_depend_on_order_even_when_it_overflows(
    words: list[str], order: Random
) -> None:
    words = [f"{word}{k % 150}" for k, word in enumerate(words)]
    layout = CategoricalLayout(("known",))
    whole, parts = CategoricalProfile.empty(layout), []
    whole.update(CategoricalColumn(words))
    order.shuffle(words)
    for start in range(0, len(words), 40):
        part = CategoricalProfile.empty(layout)
        part.update(CategoricalColumn(words[start : start + 40]))
        parts.append(part)

    merged = reduce(CategoricalProfile.merge, parts, CategoricalProfile.empty(layout))

    assert merged.sample.items() == whole.sample.items()
    assert all(words.count(value) == n for value, n in merged.sample.items())
    assert merged.unseen == len(words)


@given(st.lists(FLOATS, min_size=1, max_size=80), st.lists(FLOATS, max_size=80))
@settings(deadline=None)
def test_every_finite_value_is_counted_in_the_bin_that_holds_it(baseline: list[float], values: list[float]) -> None:
    layout = NumericLayout.of(np.array(baseline))
    profile = NumericProfile.empty(layout)
    bounds = [-math.inf, *layout.edges, math.inf]

    profile.update(NumericColumn(np.array(values, dtype=float)))

    finite = [v for v in values if math.isfinite(v)]
    expected = [sum(low <= v < high for v in finite) for low, high in pairwise(bounds)]
    assert profile.counts.tolist() == expected
    assert (profile.neg_inf, profile.pos_inf) == (values.count(-math.inf), values.count(math.inf))
    assert profile.missing == sum(math.isnan(v) for v in values)
    assert profile.n == len(values)


@pytest.mark.parametrize("values", HOSTILE_BASELINES.values(), ids=HOSTILE_BASELINES)
def test_any_baseline_gets_a_layout_with_ascending_finite_edges(values: list[float]) -> None:
    array = np.array(values, dtype=float)
    layout, profile = NumericLayout.of(array), NumericProfile.empty(NumericLayout.of(array))

    profile.update(NumericColumn(array))

    assert np.all(np.isfinite(layout.edges))
    assert np.all(layout.edges[1:] > layout.edges[:-1])
    assert profile.n == len(values)
    assert int(profile.coarse().sum()) == profile.n_values
    assert profile.outside() - profile.neg_inf - profile.pos_inf <= 0.002 * len(values)


def test_a_constant_baseline_keeps_its_value_in_a_bin_of_its_own() -> None:
    layout = NumericLayout.of(np.full(1_000, 7.0))
    profile = NumericProfile.empty(layout)

    profile.update(NumericColumn(np.array([7.0, 7.0, 6.999, 7.001, math.nextafter(7.0, 8.0)])))

    assert profile.coarse().tolist() == [1, 2, 2]
    assert profile.outside() == 3


def test_deciles_and_heavy_values_are_among_the_edges() -> None:
    values = np.concatenate((np.zeros(600), np.random.default_rng(1).lognormal(size=400)))

    layout = NumericLayout.of(values)

    assert np.isin(np.quantile(values, np.arange(1, 10) / 10), layout.edges).all()
    assert math.nextafter(0.0, 1.0) in layout.edges
    assert np.isin(layout.edges[layout.coarse], layout.edges).all()


def test_a_baseline_bin_with_an_inside_holds_less_than_two_in_256_of_the_baseline() -> None:
    values = np.random.default_rng(2).normal(size=20_000)
    layout = NumericLayout.of(values)
    profile = NumericProfile.empty(layout)

    profile.update(NumericColumn(values))

    assert profile.counts[~layout.atoms].max() / len(values) < 2 / 256


def test_tail_edges_reach_ten_thousand_times_as_far_as_the_baseline() -> None:
    values = np.random.default_rng(3).normal(50.0, 5.0, size=5_000)

    layout = NumericLayout.of(values)

    assert layout.edges[-1] > 1e4 * 5.0
    assert layout.edges[0] < -1e4 * 5.0


def test_values_of_another_type_are_told_from_missing_ones() -> None:
    numeric, categorical = NumericProfile.empty(X), CategoricalProfile.empty(C)
    invalid = np.array([True, False, False])

    numeric.update(NumericColumn(np.array([math.nan, math.nan, 1.0]), invalid))
    categorical.update(CategoricalColumn([None, None, "de"], invalid))

    assert (numeric.invalid, numeric.missing, numeric.n_values) == (1, 1, 1)
    assert (categorical.invalid, categorical.missing, categorical.n_values) == (1, 1, 1)


def test_update_leaves_the_column_as_it_was() -> None:
    values = np.array([3.0, 1.0, math.nan, 2.0])
    profile = NumericProfile.empty(X)

    profile.update(NumericColumn(values))

    assert values.tolist()[:2] == [3.0, 1.0]
    assert math.isnan(values[2])


def test_a_column_absent_from_the_batch_counts_as_missing_and_an_unknown_one_is_named() -> None:
    profile = ModelProfile.empty(LAYOUTS)

    profile.update({"new": NumericColumn(np.zeros(4))}, 4)

    assert [profile.columns[name].missing for name in ("x", "c")] == [4, 4]
    assert profile.extra == {"new"}
    assert profile.n == 4


def test_a_column_of_the_other_kind_counts_as_invalid() -> None:
    profile = ModelProfile.empty(LAYOUTS)

    profile.update({"x": CategoricalColumn(["1", "2"]), "c": NumericColumn(np.zeros(2))}, 2)

    assert [profile.columns[name].invalid for name in ("x", "c")] == [2, 2]


def test_a_column_of_another_length_than_the_batch_is_refused() -> None:
    profile = ModelProfile.empty(LAYOUTS)

    with pytest.raises(ValueError, match="column 'x' has 3 rows where the batch has 2"):
        profile.update({"x": NumericColumn(np.zeros(3))}, 2)


def test_only_the_first_names_of_many_unknown_columns_are_kept() -> None:
    profile = ModelProfile.empty(LAYOUTS)

    for k in range(100):
        profile.update({f"new{k:03}": NumericColumn(np.zeros(1))}, 1)

    assert sorted(profile.extra) == [f"new{k:03}" for k in range(MAX_EXTRA)]


@given(st.lists(st.tuples(FLOATS, WORDS), max_size=40))
@settings(deadline=None)
def test_bytes_read_back_to_the_same_profile(rows: list[Row]) -> None:
    profile = profile_of(LAYOUTS, rows)

    again = ModelProfile.from_bytes(profile.to_bytes(), LAYOUTS)

    assert again.to_bytes() == profile.to_bytes()
    assert again.digest == profile.digest
    assert again.unseen_counts("c") == profile.unseen_counts("c")
    assert again.columns["x"].counters.tolist() == profile.columns["x"].counters.tolist()
    assert (again.extremes.tolist(), again.n) == (profile.extremes.tolist(), len(rows))


def test_a_profile_read_back_goes_on_counting() -> None:
    again = ModelProfile.from_bytes(profile_of(LAYOUTS, [(1.0, "xx")]).to_bytes(), LAYOUTS)

    again.update({"x": NumericColumn(np.ones(2)), "c": CategoricalColumn(["xx", "de"])}, 2)

    assert again.to_bytes() == profile_of(LAYOUTS, [(1.0, "xx"), (1.0, "xx"), (1.0, "de")]).to_bytes()


def test_merging_leaves_both_profiles_as_they_were() -> None:
    first, second = profile_of(LAYOUTS, [(1.0, "xx")]), profile_of(LAYOUTS, [(2.0, "yy")])
    before = first.to_bytes(), second.to_bytes()

    first.merge(second).update({"x": NumericColumn(np.ones(1)), "c": CategoricalColumn(["zz"])}, 1)

    assert (first.to_bytes(), second.to_bytes()) == before


def test_counters_beyond_four_bytes_survive_storage() -> None:
    profile = ModelProfile.empty(LAYOUTS)
    profile.update({}, 10**12)

    again = ModelProfile.from_bytes(profile.to_bytes(), LAYOUTS)

    assert again.columns["x"].missing == 10**12


def test_counters_grow_with_the_records_and_lose_none() -> None:
    profile = profile_of(LAYOUTS, [(1.0, "de")])
    takes = [profile.block.itemsize]
    for n in (32_766, 1, 2**31 - 32_769, 1):
        profile.update({"c": CategoricalColumn(["de"] * min(n, 1))} if n == 1 else {}, n)
        takes.append(profile.block.itemsize)

    assert takes == [2, 2, 4, 4, 8]
    assert (profile.n, profile.columns["x"].n) == (2**31, 2**31)
    assert profile.columns["c"].counts.tolist()[0] == 3
    again = ModelProfile.from_bytes(profile.to_bytes(), LAYOUTS)
    again.narrow()
    assert again.to_bytes() == profile.to_bytes()


def test_a_window_that_is_read_again_takes_as_little_as_before_and_merges_in_wide_counters() -> None:
    profile = profile_of(LAYOUTS, [(1.0, "de")])
    again = ModelProfile.from_bytes(profile.to_bytes(), LAYOUTS)
    again.narrow()

    assert (again.block.itemsize, profile.merge(again).block.itemsize) == (2, 8)


def test_profiles_of_different_baselines_refuse_to_merge_or_to_be_read() -> None:
    other = layouts_of([1.0, 2.0], ["de"])
    profile = profile_of(LAYOUTS, [(1.0, "de")])

    with pytest.raises(LayoutMismatch):
        profile.merge(ModelProfile.empty(other))
    with pytest.raises(LayoutMismatch):
        ModelProfile.from_bytes(profile.to_bytes(), other)
    with pytest.raises(LayoutMismatch):
        NumericProfile.empty(X).merge(NumericProfile.empty(NumericLayout.of(np.array([5.0]))))
    with pytest.raises(LayoutMismatch):
        CategoricalProfile.empty(C).merge(CategoricalProfile.empty(CategoricalLayout.of(["other"])))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_bytes_that_are_no_profile_are_refused(data: bytes) -> None:
    with pytest.raises(ProfileError):
        ModelProfile.from_bytes(data, LAYOUTS)


def test_a_profile_that_was_stored_by_zlib_is_read() -> None:
    profile = profile_of(LAYOUTS, [(1.0, "de"), (2.0, None)])

    again = ModelProfile.from_bytes(zlib.compress(profile.content(), 1), LAYOUTS)

    assert again.digest == profile.digest


def test_no_changed_cut_or_longer_bytes_are_taken_for_another_profile() -> None:
    profile = profile_of(LAYOUTS, [(float(k), "de") for k in range(40)])
    data = profile.to_bytes()

    for cut in (*(data[:k] for k in range(len(data))), data + b"x"):
        with pytest.raises(ProfileError):
            ModelProfile.from_bytes(cut, LAYOUTS)
    for place, bits in itertools.product(range(len(data)), (1, 128, 255)):
        changed = data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]
        with contextlib.suppress(ProfileError):  # a bit that says nothing may be any
            assert ModelProfile.from_bytes(changed, LAYOUTS).digest == profile.digest


def test_categories_are_ranked_by_frequency_then_name() -> None:
    layout = CategoricalLayout.of(["b", "a", "a", None, "b", "c", "é"])

    assert layout.categories == ("a", "b", "c", "é")


def test_too_many_categories_are_cut_but_never_through_rare_values_of_one_frequency() -> None:
    frequent = [f"store{k:04}" for k in range(MAX_CATEGORIES + 200) for _ in range(RARE + 1)]
    rare = ["de", "de", *(f"user{k:05}" for k in range(2 * MAX_CATEGORIES))]

    layouts = [CategoricalLayout.of(values) for values in (frequent, rare)]

    assert [len(layout.categories) for layout in layouts] == [MAX_CATEGORIES, 1]


def test_a_very_long_value_and_a_lone_surrogate_are_stored_in_a_form_that_can_be() -> None:
    profile = profile_of(LAYOUTS, [(1.0, "z" * 5_000), (1.0, "\ud800")])

    values = dict(ModelProfile.from_bytes(profile.to_bytes(), LAYOUTS).unseen_counts("c"))

    assert values["?"] == 1
    assert max(map(len, values)) < LONGEST_VALUE + 20


def test_the_number_of_distinct_unseen_values_is_estimated() -> None:
    profile = CategoricalProfile.empty(CategoricalLayout(("known",)))

    profile.update(CategoricalColumn([f"user-{k}" for k in range(10_000)]))

    assert len(profile.sample.items()) == CAPACITY
    assert 6_000 < profile.sample.distinct() < 14_000  # three standard errors of 1 / sqrt(62)
