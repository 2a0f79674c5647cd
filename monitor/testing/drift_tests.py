"""Conformance kit of drift tests: what every implementation of `DriftTest` must do, whatever it computes.

Subclass `DriftTestConformance` as a pytest class and give it a `test` fixture that returns the test. Chance comes from
fixed seeds: a test that passes today passes tomorrow.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import MISSING, FrozenInstanceError, asdict, fields, is_dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import pytest
from scipy import stats

from monitor.domain.checks import Aspect, Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.columns import CategoricalColumn, Floats, NumericColumn
from monitor.stats.drift_test import DriftTest, Promise, promises_of, run_columns, run_windows
from monitor.stats.judgement import judge
from monitor.stats.profiles import edges as choose
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.side_by_side import ComparedColumns, Portion

Values = Sequence[float] | Sequence[str | None]

BASELINE_RECORDS = 5_000
WINDOW_RECORDS = 1_000
NULL_WINDOWS = 300
SMALL_WINDOW = 50
FAR = 12.0
"""In standard deviations: a value that no baseline record comes near."""

CATEGORIES = ("de", "fr", "se", "it", "es", "pl")
SHARES = (0.4, 0.25, 0.15, 0.1, 0.07, 0.03)


def profile(values: Values, baseline: Profile | None = None) -> Profile:
    """A profile of numbers (NaN: missing) or texts (None: missing), on its own layout or that of a baseline."""
    if values and isinstance(values[0], float):
        numbers = np.array(values, dtype=np.float64)
        layout = baseline.layout if isinstance(baseline, NumericProfile) else NumericLayout.of(numbers)
        numeric = NumericProfile.empty(layout)
        numeric.update(NumericColumn(numbers))
        return numeric
    texts = [value if isinstance(value, str) else None for value in values]
    known = baseline.layout if isinstance(baseline, CategoricalProfile) else CategoricalLayout.of(texts)
    categorical = CategoricalProfile.empty(known)
    categorical.update(CategoricalColumn(texts))
    return categorical


def quiet(kind: type[Profile], n: int, seed: int) -> list[float] | list[str | None]:
    """So many records without drift, 5 % of them missing."""
    rng = np.random.default_rng(seed)
    missing = rng.random(n) < 0.05
    if kind is NumericProfile:
        numbers = rng.normal(size=n)
        numbers[missing] = math.nan
        return list(map(float, numbers))
    drawn = rng.choice(CATEGORIES, size=n, p=SHARES).tolist()
    return [None if gone else str(value) for value, gone in zip(drawn, missing, strict=True)]


def spoilt(values: Values, share: float) -> list[float] | list[str | None]:
    """The records with a share of them broken: half of those far away or of a new category, half missing."""
    n = round(share * len(values))
    if values and isinstance(values[0], float):
        faulty = [FAR if k % 2 else math.nan for k in range(n)]
        return faulty + [float(value) for value in values[n:] if not isinstance(value, str) and value is not None]
    new = ["xx" if k % 2 else None for k in range(n)]
    return new + [value if isinstance(value, str) else None for value in values[n:]]


def kinds(test: DriftTest) -> list[type[Profile]]:
    """The kinds of profile that the test can serve."""
    return [kind for kind in (NumericProfile, CategoricalProfile) if test.needs <= kind.aspects]


def pairs(test: DriftTest) -> Iterator[tuple[Profile, Profile]]:
    """Quiet and drifting windows with their baselines."""
    for kind in kinds(test):
        baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
        window = quiet(kind, WINDOW_RECORDS, 2)
        yield baseline, profile(window, baseline)
        yield baseline, profile(spoilt(window, 0.3), baseline)


def hostile_pairs(test: DriftTest) -> Iterator[tuple[Profile, Profile]]:
    """Every combination of unpleasant baselines and windows that the test can serve."""
    numbers: list[list[float]] = [
        [math.nan] * 50,
        [7.0] * 200,
        [7.0],
        [math.inf, -math.inf, 1.0],
        [-1.7e308, 1.7e308] * 3,
        [5e-324, 0.0],
        [float(k % 3) for k in range(500)],
    ]
    texts: list[list[str | None]] = [[None] * 50, ["a"] * 200, ["a"], ["b", "c", None], [*"abcdefgh"] * 30, [*"aab"]]
    cases: dict[type[Profile], Sequence[Values]] = {NumericProfile: numbers, CategoricalProfile: texts}
    for kind in kinds(test):
        for values in cases[kind]:
            baseline = profile(values)
            yield baseline, type(baseline).empty(baseline.layout)  # type: ignore[arg-type]  # its own layout
            for others in cases[kind]:
                window = profile(others, baseline)
                yield baseline, window
                yield multiplied(baseline, 10_000_000), window
                yield multiplied(baseline, 10_000_000), multiplied(window, 10_000_000)


def multiplied(one: Profile, times: int) -> Profile:
    """The profile of every record so many times."""
    many = deepcopy(one)
    many.counters *= times
    return many


def model(columns: Mapping[str, Profile]) -> ModelProfile:
    """A model of these columns, whatever their numbers of records."""
    nothing = ModelProfile.empty({name: one.layout for name, one in columns.items()})
    whole = nothing.merge(nothing)  # whose counters hold any number
    for name, one in columns.items():
        placed = whole.columns[name]
        placed.counters[:] = one.counters
        if isinstance(one, NumericProfile) and isinstance(placed, NumericProfile):
            placed.extremes[:] = one.extremes
        elif isinstance(one, CategoricalProfile) and isinstance(placed, CategoricalProfile):
            placed.sample.add(one.sample.items())
    return whole


def state(one: Profile) -> tuple[object, ...]:
    """Everything that a profile holds."""
    rest = one.extremes.tolist() if isinstance(one, NumericProfile) else one.sample.items()
    return one.counters.tolist(), rest, one.layout.digest


def exact_pair(baseline: Floats, current: Floats) -> tuple[Profile, Profile, Profile, Profile]:
    """Both samples as they are profiled, and again with a bin of its own for every value: bins that lose nothing."""
    layout = NumericLayout.of(baseline)
    every = np.concatenate((layout.edges, choose.bins_of(np.unique(np.concatenate((baseline, current))))))
    edges = choose.tidy(every)
    exact = replace(layout, edges=edges, coarse=np.searchsorted(edges, layout.edges[layout.coarse]).astype(np.int64))
    found = []
    for one in (layout, exact):
        for values in (baseline, current):
            counted = NumericProfile.empty(one)
            counted.update(NumericColumn(values))
            found.append(counted)
    return found[0], found[1], found[2], found[3]


def numeric_samples() -> Iterator[tuple[Floats, Floats]]:
    """Baselines and windows of many shapes."""
    rng = np.random.default_rng(11)
    n, m = 4_000, 700
    yield rng.normal(size=n), rng.normal(0.2, 1.1, m)
    yield rng.normal(1e6, 1, n), rng.normal(1e6, 1, m)
    yield rng.lognormal(0, 2, n), rng.lognormal(0.3, 1.8, m)
    yield rng.standard_t(2, n), rng.standard_t(2, m) + 0.3
    yield (
        np.where(rng.random(n) < 0.6, 0.0, rng.gamma(0.5, 1, n)),
        np.where(rng.random(m) < 0.5, 0.0, rng.gamma(1, 1, m)),
    )
    yield rng.poisson(3, n).astype(np.float64), rng.poisson(3.5, m).astype(np.float64)
    yield rng.normal(size=n), np.where(rng.random(m) < 0.1, 0.123, rng.normal(3, 0.1, m))
    yield rng.normal(50, 5, n), rng.normal(50_000, 5_000, m)
    yield rng.random(30), rng.random(9)


def alarms(threshold: Threshold, result: TestResult) -> bool:
    """Whether the result reaches the limit, significantly where a p-value is asked for."""
    significant = threshold.alpha is None or result.p_value is None or result.p_value <= threshold.alpha
    return significant and result.statistic >= threshold.drifted


def check_result(test: DriftTest, result: TestResult) -> None:
    """Every number finite, in its documented range, and fit for JSON."""
    text = f"{test.name}: {result}"
    slack = 1e-9
    assert math.isfinite(result.statistic), text
    assert test.minimum - slack <= result.statistic <= test.maximum + slack, text
    assert result.p_value is None or 0 <= result.p_value <= 1, text
    assert result.low is None or result.low <= result.statistic + slack, text
    assert result.high is None or result.statistic - slack <= result.high <= test.maximum + slack, text
    assert result.n_baseline >= 0 <= result.n_current, text
    json.dumps(asdict(result), allow_nan=False)


class DriftTestConformance:
    """The promises of `DriftTest`, as tests."""

    def test_it_says_what_it_is(self, test: DriftTest) -> None:
        """Reference pages are made from this: unit, range, default threshold, and a source with its year."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", test.name)
        assert test.title
        assert test.unit
        doc = " ".join((type(test).__doc__ or "").split())
        assert "Unit:" in doc, "the docstring names the unit after 'Unit:'"
        assert re.search(r"\b(1[89]|20)\d\d\b", doc), "the docstring cites a source with its year"
        assert "default threshold" in doc, "the docstring explains the default threshold"
        assert "Use it " in doc, "the docstring says when to use the test"

    def test_its_default_threshold_lies_in_its_range(self, test: DriftTest) -> None:
        """A limit that cannot be reached, or is always reached, is a mistake."""
        threshold = test.default_threshold
        assert test.minimum < threshold.drifted <= test.maximum
        assert threshold.warning is None or test.minimum < threshold.warning <= threshold.drifted
        assert threshold.alpha is None or 0 < threshold.alpha <= 0.05

    def test_it_is_a_frozen_value_whose_parameters_have_defaults(self, test: DriftTest) -> None:
        """Checks replace parameters and share tests between models."""
        kind: type = type(test)
        assert is_dataclass(kind)
        assert all(field.default is not MISSING or field.default_factory is not MISSING for field in fields(kind))
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(test, "name", "changed")  # noqa: B010 - a plain assignment is refused by the type checker already

    def test_it_can_serve_some_column(self, test: DriftTest) -> None:
        """What it needs, some kind of profile answers."""
        assert kinds(test)

    def test_it_changes_neither_profile_and_repeats_itself(self, test: DriftTest) -> None:
        """The same profiles give the same result, to the last bit."""
        for baseline, current in pairs(test):
            before = state(baseline), state(current)
            first = test.run(baseline, current)
            assert (state(baseline), state(current)) == before
            assert test.run(baseline, current) == first

    def test_the_order_of_merges_does_not_matter(self, test: DriftTest) -> None:
        """A window is the merge of shares of partitions, in whatever order they come."""
        for kind in kinds(test):
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            values = spoilt(quiet(kind, 900, 3), 0.2)
            parts = [profile(values[start : start + 300], baseline) for start in (0, 300, 600)]
            there, back = merged(parts), merged(parts[::-1])
            assert (
                test.run(baseline, there) == test.run(baseline, back) == test.run(baseline, profile(values, baseline))
            )

    def test_equal_samples_give_the_minimum(self, test: DriftTest) -> None:
        """A window that is the baseline does not drift."""
        for kind in kinds(test):
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            result = test.run(baseline, deepcopy(baseline))
            nearly = test.default_threshold.drifted * 0.2  # values outside the usual 99.8 % exist in the baseline, too
            assert result.statistic == pytest.approx(test.minimum, abs=nearly)
            assert result.p_value is None or result.p_value > 0.1

    def test_hostile_input_gives_finite_numbers_in_range(self, test: DriftTest) -> None:
        """Constants, nothing, all missing, infinities, one record, billions of records."""
        for baseline, current in hostile_pairs(test):
            check_result(test, test.run(baseline, current))

    def test_many_columns_at_once_give_the_same_bits(self, test: DriftTest) -> None:
        """What `run_windows` offers, if it does, is `run` of every column, in whatever order they are asked for."""
        side_by_side = [*pairs(test), *hostile_pairs(test)]
        names = tuple(f"column {k:03}" for k in range(len(side_by_side)))
        baseline, current = (model(dict(zip(names, side, strict=True))) for side in zip(*side_by_side, strict=True))
        alone = [test.run(*pair) for pair in side_by_side]
        for step in (1, -1, 3):
            expected = [repr(result) for result in alone[::step]]
            assert [repr(result) for result in run_columns(test, baseline, current, names[::step])] == expected
        for name, result in zip(names, alone, strict=True):
            assert list(run_columns(test, baseline, current, (name,))) == [result]

    def test_many_windows_at_once_give_the_same_bits(self, test: DriftTest) -> None:
        """Windows of models with one column, with several, and with the same columns in another order."""
        held = [*pairs(test), *hostile_pairs(test)]
        cuts = [0, 1, 4, len(held) // 2, len(held)]
        alone: list[TestResult] = []
        compared: list[ComparedColumns] = []
        for first, end in pairwise(sorted({*cuts})):
            names = tuple(f"column {k:03}" for k in range(end - first))
            sides = [model(dict(zip(names, side, strict=True))) for side in zip(*held[first:end], strict=True)]
            results = [test.run(*pair) for pair in held[first:end]]
            compared += [ComparedColumns(sides[0], sides[1], order) for order in (names, names[::-1])]
            alone += [*results, *results[::-1]]
        expected = [repr(result) for result in alone]
        assert [repr(result) for result in run_windows(test, compared)] == expected
        portion = Portion([(one.baseline, one.current) for one in compared])
        of_portion = [replace(one, portion=portion, place=k) for k, one in enumerate(compared)]
        assert [repr(result) for result in run_windows(test, of_portion)] == expected
        told = iter(expected)
        of_each = [[next(told) for _ in one.names] for one in compared]
        assert [repr(result) for result in run_windows(test, of_portion[::2])] == [*chain.from_iterable(of_each[::2])]

    def test_one_record_more_moves_it_little(self, test: DriftTest) -> None:
        """At a thousand records by less than a twentieth of what a gross fault gives."""
        for kind in kinds(test):
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            values = quiet(kind, WINDOW_RECORDS, 2)
            gross = test.run(baseline, profile(spoilt(values, 0.8), baseline)).statistic
            one = spoilt(values, 2 / WINDOW_RECORDS)[1:2]
            more = profile(values, baseline).merge(profile(one, baseline))  # type: ignore[arg-type]  # of one kind
            change = test.run(baseline, more).statistic - test.run(baseline, profile(values, baseline)).statistic
            assert abs(change) <= 0.05 * gross

    def test_it_grows_with_the_fault(self, test: DriftTest) -> None:
        """Twice as many broken records never look better."""
        for kind in kinds(test):
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            values = quiet(kind, WINDOW_RECORDS, 2)
            windows = [profile(spoilt(values, share), baseline) for share in (0.1, 0.2, 0.4, 0.8)]
            grown = [test.run(baseline, window).statistic for window in windows]
            assert grown == sorted(grown)
            assert grown[0] < grown[-1]

    def test_it_sees_a_gross_fault(self, test: DriftTest) -> None:
        """Half of the records broken: every test that serves the column must alarm by its default threshold."""
        for kind in kinds(test):
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            seen = test.run(baseline, profile(spoilt(quiet(kind, WINDOW_RECORDS, 2), 0.5), baseline))
            assert alarms(test.default_threshold, seen), f"{test.name} on {kind.__name__}: {seen}"

    def test_it_alarms_without_drift_no_more_often_than_it_says(self, test: DriftTest) -> None:
        """At 5 % no more than the 99.99 % bound of the binomial law, in small windows, too; by default 1 % at most."""
        for kind in kinds(test):
            for size in (WINDOW_RECORDS, SMALL_WINDOW):
                rejected = rejections(test, kind, size)
                most = stats.binom.ppf(0.9999, NULL_WINDOWS, 0.05)
                assert rejected <= most, f"{rejected} of {NULL_WINDOWS} at 5 %, {size} records"
            results = null_results(test, kind, WINDOW_RECORDS)
            assert sum(alarms(test.default_threshold, result) for result in results) <= 0.01 * NULL_WINDOWS

    def test_its_p_values_are_no_smaller_and_no_larger_than_promised(self, test: DriftTest) -> None:
        """Where it is calibrated: no less often at most 0.05, or 0.2, than in that share of windows without drift."""
        if Promise.CALIBRATED not in promises_of(test):
            return
        for kind in kinds(test):
            for size in (WINDOW_RECORDS, SMALL_WINDOW):
                for level in (0.05, 0.2):
                    least, most = stats.binom.ppf([0.0001, 0.9999], NULL_WINDOWS, level)
                    rejected = rejections(test, kind, size, level)
                    assert least <= rejected <= most, f"{rejected} of {NULL_WINDOWS} at {level}, {size} records"

    def test_a_difference_that_does_not_matter_is_no_alarm_however_many_the_records(self, test: DriftTest) -> None:
        """With a hundred million records everything is significant: the effect decides."""
        for kind in kinds(test):
            values = quiet(kind, BASELINE_RECORDS, 1)
            baseline = profile(values)
            nearly = multiplied(profile(spoilt(values, 0.004), baseline), 20_000)
            assert not alarms(test.default_threshold, test.run(multiplied(baseline, 20_000), nearly))

    def test_an_empty_window_is_insufficient_data(self, test: DriftTest) -> None:
        """Never a guess: not from no records, nor where the values of the baseline are all missing."""
        for kind in kinds(test):
            check = Check(test.name, "column", "", test.default_threshold, min_records=0)
            baseline = profile(quiet(kind, BASELINE_RECORDS, 1))
            nothing = type(baseline).empty(baseline.layout)  # type: ignore[arg-type]  # its own layout
            pairs = [(baseline, nothing)]
            if test.needs & {Aspect.BINS, Aspect.CATEGORIES}:
                void = profile([math.nan] * 50 if kind is NumericProfile else [None] * 50)
                pairs.append((void, profile(quiet(kind, 500, 2), void)))
            verdicts = [judge(check, test.run(*pair))[0] for pair in pairs]
            assert verdicts == [Verdict.INSUFFICIENT_DATA] * len(pairs)

    def test_it_is_symmetric_where_it_promises(self, test: DriftTest) -> None:
        """Baseline and window exchanged give the same statistic."""
        if Promise.SYMMETRIC in promises_of(test):
            for baseline, current in [*pairs(test), *hostile_pairs(test)]:
                there, back = test.run(baseline, current).statistic, test.run(current, baseline).statistic
                assert back == pytest.approx(there, rel=1e-9, abs=1e-9)

    def test_it_is_free_of_units_where_it_promises(self, test: DriftTest) -> None:
        """Thousandths and thousands, from any zero point, give the same."""
        if Promise.UNIT_FREE not in promises_of(test) or NumericProfile not in kinds(test):
            return
        for baseline, current in numeric_samples():
            before = test.run(*exact_pair(baseline, current)[:2])
            for scale, zero in ((1024.0, 0.0), (2.0**-10, 0.0), (1.0, 16.0)):
                after = test.run(*exact_pair(baseline * scale + zero, current * scale + zero)[:2])
                assert after.statistic == pytest.approx(before.statistic, rel=1e-3, abs=1e-3)

    def test_its_interval_holds_the_statistic_of_the_raw_values(self, test: DriftTest) -> None:
        """`low` and `high`, where it has them, wherever in their bins the values lie."""
        if NumericProfile not in kinds(test):
            return
        for baseline, current in numeric_samples():
            first, second, exact_first, exact_second = exact_pair(baseline, current)
            result, exact = test.run(first, second), test.run(exact_first, exact_second).statistic
            low = result.statistic if result.low is None else result.low
            high = result.statistic if result.high is None else result.high
            slack = 1e-9 * max(1.0, abs(exact))
            assert low - slack <= exact <= high + slack, f"{test.name}: {exact} outside of {low} to {high}"


def null_results(test: DriftTest, kind: type[Profile], n_current: int) -> Sequence[TestResult]:
    """What the test says of windows without drift: of fresh baselines and windows, the same ones for every test."""
    return _null_results(test, kind, n_current)  # type: ignore[arg-type]  # frozen values and types are hashable


@lru_cache(maxsize=8)
def _null_results(test: DriftTest, kind: type[Profile], n_current: int) -> Sequence[TestResult]:
    pairs = (_null_pair(kind, n_current, seed) for seed in range(NULL_WINDOWS))  # type: ignore[arg-type]
    return tuple(test.run(*pair) for pair in pairs)


@lru_cache(maxsize=2_000)
def _null_pair(kind: type[Profile], n_current: int, seed: int) -> tuple[Profile, Profile]:
    baseline = profile(quiet(kind, BASELINE_RECORDS, 2 * seed + 1_000))
    return baseline, profile(quiet(kind, n_current, 2 * seed + 1_001), baseline)


def rejections(test: DriftTest, kind: type[Profile], n_current: int, level: float = 0.05) -> int:
    """In how many windows without drift the p-value is at most `level`."""
    p_values = (result.p_value for result in null_results(test, kind, n_current))
    return sum(p_value is not None and p_value <= level for p_value in p_values)


def merged(parts: Sequence[Profile]) -> Profile:
    """One profile of all parts."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.merge(part)  # type: ignore[arg-type]  # all are of one kind
    return whole
