"""What goes with what in a table, which no column shows by itself."""

import numpy as np
import pandas as pd
import pytest

from monitor.compare import Findings, Outcome, Verdict, build_baseline


def table(seed: int, rows: int, strength: float = 0.8) -> pd.DataFrame:
    """Two numbers that go together, and one that goes with none."""
    chance = np.random.default_rng(seed)
    first, second, third = chance.normal(size=(3, rows))
    return pd.DataFrame({"x": first, "y": strength * first + np.sqrt(1 - strength**2) * second, "z": third})


def taking_turns(seed: int, rows: int) -> pd.DataFrame:
    """Rows of eight machines in turn, in one of which x and y go together the other way round."""
    found = table(seed, rows)
    found["y"] *= np.where(np.arange(rows) % 8 == 0, 1, -1)
    return found


def of(found: Findings, check: str) -> Verdict:
    return next(one.verdict for one in found if one.check == check)


@pytest.mark.parametrize("rows", [1_000, 30_000])
def test_a_correlation_that_is_lost_is_drift_though_every_column_is_as_it_was(rows: int) -> None:
    found = build_baseline(table(1, rows)).compare(table(2, rows, strength=0.0))

    assert found.outcome is Outcome.DRIFT
    assert not found.drifted
    told = next(one for one in found if one.check == "correlation")
    assert "x with y" in told.reason


def test_columns_that_go_missing_together_are_named() -> None:
    window = table(2, 30_000)
    window.loc[np.random.default_rng(3).random(len(window)) < 0.04, ["x", "z"]] = np.nan

    found = build_baseline(table(1, 5_000)).compare(window)

    told = next(one for one in found if one.check == "missing_pattern")
    assert told.verdict is Verdict.DRIFTED
    assert "x, z are missing together" in told.reason


@pytest.mark.parametrize(("before", "now"), [(3_000, 50_000), (50_000, 3_000), (50_000, 60_000)])
def test_rows_that_take_turns_are_all_looked_at_in_a_table_of_any_length(before: int, now: int) -> None:
    tables = [taking_turns(1, before), taking_turns(2, now)]

    found = build_baseline(tables[0]).compare(tables[1])

    assert of(found, "correlation") is Verdict.OK


def test_more_records_may_be_asked_for_than_rows_are_kept() -> None:
    baseline = build_baseline(table(1, 20_000))

    assert of(baseline.compare(table(2, 10_000), min_records=8_000), "correlation") is Verdict.OK
    assert of(baseline.compare(table(2, 6_000), min_records=8_000), "correlation") is Verdict.INSUFFICIENT_DATA


def test_a_column_that_cannot_be_compared_is_not_said_to_go_missing_with_another() -> None:
    window = table(2, 2_000)
    twice = pd.concat([window, window[["x"]]], axis=1)

    found = build_baseline(table(1, 2_000)).compare(twice)

    assert of(found, "missing_pattern") is Verdict.OK


def test_few_records_are_said_to_be_few_where_columns_vary() -> None:
    baseline = build_baseline(table(1, 2_000))

    few = next(one for one in baseline.compare(table(2, 60), min_records=30) if one.check == "correlation")

    assert few.verdict is Verdict.INSUFFICIENT_DATA
    assert "takes 72 records or more" in few.reason
    assert of(baseline.compare(table(2, 90), min_records=30), "correlation") is Verdict.OK


def wide(seed: int, others: int) -> pd.DataFrame:
    """Two numbers that go together, the last ones by name of many."""
    found = table(seed, 300)[["x", "y"]].rename(columns={"x": "z1", "y": "z2"})
    noise = np.random.default_rng(seed).normal(size=(others, 300))
    return found.assign(**{f"f{k:02d}": values for k, values in enumerate(noise)})


def reason(found: Findings, check: str) -> str:
    return next(one.reason for one in found if one.check == check)


@pytest.mark.parametrize(
    ("others", "check", "said"),
    [
        (40, "correlation", "10 of 42 numeric columns not looked at: f32, f33, f34 and 7 more;"),
        (66, "missing_pattern", "4 of 68 columns not looked at: f64, f65, z1 and 1 more;"),
    ],
)
def test_columns_that_no_pair_was_made_of_are_counted_and_named(others: int, check: str, said: str) -> None:
    found = build_baseline(wide(1, others)).compare(wide(2, others), columns_only=True)

    assert said in reason(found, check)


@pytest.mark.parametrize(("others", "check"), [(30, "correlation"), (62, "missing_pattern")])
def test_nothing_is_said_where_all_columns_were_looked_at(others: int, check: str) -> None:
    found = build_baseline(wide(1, others)).compare(wide(2, others), columns_only=True)

    assert "looked at" not in reason(found, check)
