"""Conformance kit of tests of whole windows: what every implementation of `WindowTest` must do.

Subclass `WindowTestConformance` as a pytest class with a `test` fixture and a `faulty` one, see `Faulty`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest

from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.window_test import WindowData, WindowTest
from monitor.testing.drift_tests import alarms, check_result

RECORDS, BASELINE_RECORDS = 500, 5_000
NULL_WINDOWS = 100

Columns = Mapping[str, Column]
Faulty = Callable[[int], tuple[Columns, int]]
"""From a seed to the columns of a window that is at fault, and how many duplicates came beside it."""


def quiet(seed: int, n: int = RECORDS) -> dict[str, Column]:
    """Records without a fault: two numbers that go together, one by itself, two categories, values missing together."""
    rng = np.random.default_rng(seed)
    common, gone = rng.normal(size=n), rng.random(n) < 0.05
    numbers = {"a": common + rng.normal(size=n), "b": common + rng.normal(size=n), "c": rng.lognormal(size=n)}
    for name in ("b", "c"):
        numbers[name][gone] = math.nan
    columns: dict[str, Column] = {name: NumericColumn(values) for name, values in numbers.items()}
    columns["d"] = CategoricalColumn(rng.choice(["x", "y", "z"], n).tolist())
    columns["e"] = CategoricalColumn([None if k else "f" if v else "m" for k, v in zip(gone, common > 0, strict=True)])
    return columns


def built(columns: Columns) -> Baseline:
    """A baseline of these rows."""
    return Baseline.build(ModelRef("kit", "1"), columns, with_pairs=True)


def window(columns: Columns, baseline: ModelProfile) -> ModelProfile:
    """The profile of these records."""
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, len(next(iter(columns.values()))))
    return profile


def hostile() -> Iterator[tuple[ModelProfile, ModelProfile]]:
    """Unpleasant windows on unpleasant baselines."""
    rows: list[dict[str, Column]] = [
        {"a": NumericColumn(np.full(20, math.nan)), "d": CategoricalColumn([None] * 20)},
        {"a": NumericColumn(np.array([7.0])), "d": CategoricalColumn(["x"])},
        {"a": NumericColumn(np.array([math.inf, -math.inf, 1.7e308])), "d": CategoricalColumn(["x", None, "y"])},
        {"a": NumericColumn(np.arange(300.0)), "d": CategoricalColumn([str(k) for k in range(300)])},
    ]
    for columns in rows:
        baseline = built(columns).whole
        yield baseline, ModelProfile.empty(baseline.layouts)
        for others in rows:
            yield baseline, window(others, baseline)
            yield baseline, window({"a": others["a"]}, baseline)


class WindowTestConformance:
    """The promises of `WindowTest`, as tests."""

    def test_it_says_what_it_is(self, test: WindowTest) -> None:
        """Reference pages are made from this: unit, range, default threshold, and a source with its year."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", test.name)
        assert test.title
        assert test.unit
        doc = " ".join((type(test).__doc__ or "").split())
        assert "Unit:" in doc, "the docstring names the unit after 'Unit:'"
        assert re.search(r"\b(1[89]|20)\d\d\b", doc), "the docstring cites a source with its year"
        assert "default threshold" in doc, "the docstring explains the default threshold"
        assert test.minimum < test.default_threshold.drifted <= test.maximum

    def test_it_is_a_frozen_value_whose_parameters_have_defaults(self, test: WindowTest) -> None:
        """Checks replace parameters and share tests between models."""
        kind: type = type(test)
        assert is_dataclass(kind)
        assert all(field.default is not MISSING or field.default_factory is not MISSING for field in fields(kind))
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(test, "name", "changed")  # noqa: B010 - a plain assignment is refused by the type checker already

    def test_it_changes_nothing_and_repeats_itself(self, test: WindowTest, faulty: Faulty) -> None:
        """The same window gives the same result, to the last bit."""
        baseline = built(quiet(0, BASELINE_RECORDS)).whole
        columns, duplicates = faulty(1)
        data = WindowData(window(columns, baseline), duplicates)
        before = baseline.content(), data.profile.content()
        first = test.run_window(baseline, data)
        assert test.run_window(baseline, data) == first
        assert (baseline.content(), data.profile.content()) == before

    def test_a_window_that_is_the_baseline_gives_the_minimum(self, test: WindowTest) -> None:
        """Nothing changed."""
        baseline = built(quiet(0, BASELINE_RECORDS)).whole
        assert test.suits(baseline)
        assert test.run_window(baseline, WindowData(baseline, 0)).statistic == pytest.approx(test.minimum)

    def test_hostile_windows_give_finite_numbers_in_range(self, test: WindowTest) -> None:
        """Constants, nothing, all missing, infinities, one record, a column that is lost."""
        for baseline, current in hostile():
            for duplicates in (None, 0, 3):
                check_result(test, test.run_window(baseline, WindowData(current, duplicates)))  # type: ignore[arg-type]  # it names what a drift test does

    def test_it_sees_its_fault_in_ten_of_ten_windows(self, test: WindowTest, faulty: Faulty) -> None:
        """By its default threshold."""
        baseline = built(quiet(0, BASELINE_RECORDS)).whole
        for seed in range(1, 11):
            columns, duplicates = faulty(seed)
            seen = test.run_window(baseline, WindowData(window(columns, baseline), duplicates))
            assert alarms(test.default_threshold, seen), f"seed {seed}: {seen}"

    def test_quiet_windows_raise_no_alarm(self, test: WindowTest) -> None:
        """By its default threshold in 1 % at most, on ten baselines."""
        baselines = [built(quiet(seed + 900, BASELINE_RECORDS)).whole for seed in range(10)]
        seen = []
        for seed in range(NULL_WINDOWS):
            baseline = baselines[seed % 10]
            seen.append(test.run_window(baseline, WindowData(window(quiet(seed + 1_000), baseline), 0)))
        alarmed = [replace(one, detail={}) for one in seen if alarms(test.default_threshold, one)]
        assert len(alarmed) <= 0.01 * NULL_WINDOWS, alarmed
