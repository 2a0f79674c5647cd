"""Conformance kit of tests of raw rows: what every implementation of `RowTest` must do.

Subclass `RowTestConformance` as a pytest class with a `test` fixture. A test that looks for something else than how
columns go together subclasses `RowTestBasics`, and shows by tests of its own that it sees that.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.row_test import JointRows, RawRows, RowTest
from monitor.testing.drift_tests import alarms, check_result

NULL_COMPARISONS = 80
AT_MOST_AT_20_PERCENT = 27
"""Binomial(80, 0.2) exceeds 27 with probability 0.2 %."""


def rows(seed: int, n: int, *, together: float = 0.8, window_of: int = 0, between: float = 0.0) -> RawRows:
    """Two numbers that go `together` (their correlation), two that do not, a category, some values missing.

    With `window_of` rows a window, all numbers of a window have a common offset of standard deviation `between`.
    """
    rng = np.random.default_rng(seed)
    a, other = rng.normal(size=n), rng.normal(size=n)
    numbers = {"a": a, "b": together * a + math.sqrt(1 - together**2) * other, "c": rng.lognormal(size=n)}
    numbers["d"] = np.where(rng.random(n) < 0.05, math.nan, rng.normal(size=n))
    number = np.arange(n) // (window_of or n)
    offsets = rng.normal(size=int(number[-1]) + 1) * between
    columns: dict[str, Column] = {name: NumericColumn(values + offsets[number]) for name, values in numbers.items()}
    columns["e"] = CategoricalColumn(rng.choice(["x", "y", "z"], n).tolist())
    return RawRows(columns, number if window_of else None)


def hostile() -> Iterator[JointRows]:
    """Unpleasant rows on either side."""
    n = 200
    sides = [
        RawRows(),
        RawRows({"a": NumericColumn(np.array([7.0])), "e": CategoricalColumn(["x"])}),
        RawRows({"a": NumericColumn(np.full(n, 7.0)), "e": CategoricalColumn(["x"] * n)}),
        RawRows({"a": NumericColumn(np.full(n, math.nan)), "e": CategoricalColumn([None] * n)}),
        RawRows({"a": NumericColumn(np.array([math.inf, -math.inf, 1.7e308, 0.0] * 50))}),
        RawRows({"a": CategoricalColumn([str(k) for k in range(n)]), "e": CategoricalColumn([None, "y"] * 100)}),
        RawRows({name: NumericColumn(np.arange(float(n))) for name in ("a", "twin", "e")}),
        rows(3, n),
    ]
    for reference in sides:
        for current in sides:
            yield JointRows(reference, current)


def same(one: RawRows, **changed: Column) -> RawRows:
    """The rows with some columns changed."""
    return RawRows({**one.columns, **changed}, one.window_of)


class RowTestBasics:
    """The promises of `RowTest` whatever a test looks for, as tests."""

    def test_it_says_what_it_is(self, test: RowTest) -> None:
        """Reference pages are made from this: unit, range, default threshold, and a source with its year."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", test.name)
        doc = " ".join((type(test).__doc__ or "").split())
        assert "Unit:" in doc, "the docstring names the unit after 'Unit:'"
        assert re.search(r"\b(1[89]|20)\d\d\b", doc), "the docstring cites a source with its year"
        assert "default threshold" in doc, "the docstring explains the default threshold"
        assert test.title
        assert test.unit
        assert test.minimum < test.default_threshold.drifted <= test.maximum

    def test_it_is_a_frozen_value(self, test: RowTest) -> None:
        """Checks share tests between models."""
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(test, "name", "changed")  # noqa: B010 - a plain assignment is refused by the type checker already

    def test_the_same_rows_and_seed_give_the_same_result(self, test: RowTest) -> None:
        """To the last bit: a finding can be computed again."""
        compared = [JointRows(rows(0, 1_000), rows(1, 500), seed=7) for _ in range(2)]
        first, second = (test.run_rows(one) for one in compared)
        assert first == second

    def test_hostile_rows_give_finite_numbers_in_range(self, test: RowTest) -> None:
        """Nothing, one row, constants, all missing, infinities, kinds that differ, a column twice."""
        for one in hostile():
            check_result(test, test.run_rows(one))  # type: ignore[arg-type]  # it names what a drift test does

    def test_its_interval_holds_what_it_says(self, test: RowTest) -> None:
        """A value beside its own interval leaves people to guess which of the two is meant; where it states one."""
        for seed in range(12):
            seen = test.run_rows(JointRows(rows(2 * seed, 120), rows(2 * seed + 1, 60), seed))
            match seen.detail:
                case {"interval": [float(low), float(high)], **others}:
                    told = others.get("ratio", others.get("difference", seen.statistic))
                    assert isinstance(told, float)
                    assert low <= told <= high, f"seed {seed}: {told} is not in {low} to {high}"


class RowTestConformance(RowTestBasics):
    """The promises of `RowTest`, as tests."""

    def test_p_values_are_uniform_where_nothing_changed(self, test: RowTest) -> None:
        """Rows that are independent."""
        p_values = [
            test.run_rows(JointRows(rows(2 * seed, 600), rows(2 * seed + 1, 300), seed)).p_value
            for seed in range(NULL_COMPARISONS)
        ]
        _check_uniform(p_values)

    def test_p_values_are_uniform_where_windows_differ_by_nature(self, test: RowTest) -> None:
        """What rows of one window have in common is no drift, where the baseline shows how much that is."""
        p_values = []
        for seed in range(NULL_COMPARISONS):
            baseline = rows(2 * seed, 60 * 50, window_of=50, between=0.5)
            current = rows(2 * seed + 1, 300, window_of=300, between=0.5)
            p_values.append(test.run_rows(JointRows(baseline, current, seed)).p_value)
        _check_uniform(p_values)

    def test_it_sees_a_change_that_no_single_column_shows(self, test: RowTest) -> None:
        """Numbers that went together and do not any more, in ten of ten windows by its default threshold."""
        for seed in range(10):
            seen = test.run_rows(JointRows(rows(seed, 2_000), rows(seed + 100, 1_000, together=0.0), seed))
            assert alarms(test.default_threshold, seen), f"seed {seed}: {seen}"

    def test_an_odd_value_blinds_nothing(self, test: RowTest) -> None:
        """One NaN, one huge number, one infinity, one category that is new: the change beside them is seen."""
        current = rows(101, 1_000, together=0.0)
        c, e = current.columns["c"], current.columns["e"]
        assert isinstance(c, NumericColumn)
        assert isinstance(e, CategoricalColumn)
        values = c.values.copy()
        values[:3] = math.nan, 1e300, math.inf
        odd = same(current, c=NumericColumn(values), e=CategoricalColumn(["never seen", *list(e.values)[1:]]))
        seen = test.run_rows(JointRows(rows(1, 2_000), odd, 1))
        assert alarms(test.default_threshold, seen), seen


def _check_uniform(p_values: list[float | None]) -> None:
    known = [one for one in p_values if one is not None]
    assert len(known) == NULL_COMPARISONS
    assert sum(one <= 0.2 for one in known) <= AT_MOST_AT_20_PERCENT, sorted(known)
    assert sum(one > 0.5 for one in known) >= NULL_COMPARISONS * 0.33, sorted(known)
