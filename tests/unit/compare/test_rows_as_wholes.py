"""Tables compared row by row as wholes, beside columns of every unpleasant kind."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from monitor.compare import Outcome, Verdict, build_baseline
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.row_tests import ROW_TESTS
from monitor.usecases.table_rows import MOST_ROWS, SpreadRows, spread_rows


def table(seed: int, rows: int, together: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    income, other = rng.normal(size=rows), rng.normal(size=rows)
    debt = together * income + (1 - together**2) ** 0.5 * other
    return pd.DataFrame({"income": income, "debt": debt, "country": rng.choice(["DE", "FR"], rows)})


def unpleasant(frame: pd.DataFrame) -> pa.Table:
    """The table with a column of each kind that makes trouble."""
    rows = len(frame)
    odd = {
        "constant": pa.array([7.0] * rows),
        "missing": pa.array([None] * rows, pa.float64()),
        "infinite": pa.array([float("inf"), float("-inf")] * (rows // 2) + [0.0] * (rows % 2)),
        "lists": pa.array([[1, 2]] * rows),
        "times": pa.array([datetime(2026, 11, 1)] * rows),  # noqa: DTZ001 - without a zone on purpose
        "codes": pa.array([f"c{k % 97}" for k in range(rows)]),
        "unique": pa.array([f"u{k}" for k in range(rows)]),
        "twin": pa.array(frame["income"]),
    }
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    for name, values in odd.items():
        whole = whole.append_column(name, values)
    return whole.append_column("constant", pa.array(["the name again"] * rows))


def verdicts(before: object, now: object, min_records: int = 100) -> dict[str, Verdict]:
    found = build_baseline(before, multivariate=True).compare(now, min_records=min_records)  # type: ignore[arg-type]  # tables
    return {one.check: one.verdict for one in found if one.check in ROW_TESTS}


def test_a_change_of_what_goes_with_what_is_seen_that_no_column_shows() -> None:
    changed, quiet = table(2, 2_000, together=0.0), table(3, 2_000)

    found = build_baseline(table(1, 9_000), multivariate=True)

    assert found.compare(changed).drifted == ()
    assert found.compare(changed).outcome is Outcome.DRIFT
    assert verdicts(table(1, 9_000), changed) == dict.fromkeys(ROW_TESTS, Verdict.DRIFTED) | {
        "duplicate_rows": Verdict.OK,
        "training_rows": Verdict.OK,
    }
    assert verdicts(table(1, 9_000), quiet) == dict.fromkeys(ROW_TESTS, Verdict.OK)


def test_rows_that_came_twice_are_a_finding_of_their_own() -> None:
    rows = table(2, 2_000)

    found = verdicts(table(1, 9_000), pd.concat([rows, rows.head(200)]))

    assert found == dict.fromkeys(ROW_TESTS, Verdict.OK) | {"duplicate_rows": Verdict.DRIFTED}


def test_training_rows_that_are_served_again_are_a_finding_of_their_own() -> None:
    training, fresh = table(1, 3_000), table(2, 2_000)

    found = verdicts(training, pd.concat([fresh, training.head(200)]))

    assert found == dict.fromkeys(ROW_TESTS, Verdict.OK) | {"training_rows": Verdict.DRIFTED}


def test_rows_are_not_looked_at_unless_asked() -> None:
    found = build_baseline(table(1, 500)).compare(table(2, 500))

    assert not {one.check for one in found} & ROW_TESTS.keys()


@pytest.mark.parametrize(("together", "verdict"), [(0.0, Verdict.DRIFTED), (0.8, Verdict.OK)])
def test_columns_that_make_trouble_blind_no_test_of_rows(together: float, verdict: Verdict) -> None:
    before, now = (unpleasant(table(seed, 3_000, one)) for seed, one in ((1, 0.8), (2, together)))

    assert verdicts(before, now)["domain_classifier"] is verdict


@pytest.mark.parametrize(("before", "now"), [(10, 3_000), (3_000, 1), (10, 10)])
def test_too_few_rows_are_said_to_be_too_few(before: int, now: int) -> None:
    found = build_baseline(table(1, before), multivariate=True).compare(table(2, now), min_records=1)

    of_rows = [one for one in found if one.check in ROW_TESTS]
    assert {one.verdict for one in of_rows} == {Verdict.INSUFFICIENT_DATA}
    assert all("at least 40 needed" in one.reason for one in of_rows)


@pytest.mark.parametrize(("before", "now"), [(300, 40_000), (40_000, 300)])
def test_sides_of_very_unlike_sizes_are_compared(before: int, now: int) -> None:
    assert set(verdicts(table(3, before), table(4, now)).values()) == {Verdict.OK}


def test_a_column_that_was_lost_is_left_out_and_named_and_the_others_are_compared() -> None:
    found = build_baseline(table(1, 3_000), multivariate=True).compare(table(2, 3_000).drop(columns="country"))

    told = next(one for one in found if one.check == "domain_classifier")
    assert told.verdict is Verdict.OK
    assert "without country" in told.reason


@pytest.mark.parametrize("cut", [97, 1_000, 100_000])
def test_the_same_rows_are_kept_however_a_table_is_cut_into_batches(cut: int) -> None:
    rows = 3 * MOST_ROWS + 11
    kept, numbers = SpreadRows(), np.arange(float(rows))
    for start in range(0, rows, cut):
        part = numbers[start : start + cut]
        columns = {"x": NumericColumn(part)} | ({"late": CategoricalColumn(["v"] * len(part))} if start else {})
        kept.add(len(part), columns)

    found = kept.columns()

    assert isinstance(found["x"], NumericColumn)
    assert found["x"].values.tolist() == spread_rows(rows).tolist()
    assert len(found.get("late", found["x"])) == len(found["x"])


def test_each_vector_is_looked_at_by_itself_beside_all_columns() -> None:
    def vectors(seed: int, shift: float = 0.0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        moved = (rng.normal(size=(1_000, 6)) + shift).tolist()
        return pd.DataFrame({"moved": moved, "still": rng.normal(size=(1_000, 6)).tolist()})

    baseline = build_baseline(vectors(1), multivariate=True, vectors={"moved": 6, "still": 6})
    found = {(one.check, one.column): one.verdict for one in baseline.compare(vectors(2, 0.5))}

    for test in ("domain_classifier", "frechet_distance"):
        assert found[test, "records"] is found[test, "moved"] is Verdict.DRIFTED
        assert found[test, "still"] is Verdict.OK


@pytest.mark.parametrize("rows", [2_500, 30_000])
def test_copies_that_follow_each_other_are_said_to_be_out_of_sight_where_rows_were_drawn(rows: int) -> None:
    once = table(2, rows)

    found = build_baseline(table(1, 3_000), multivariate=True).compare(once.loc[once.index.repeat(2)])

    assert "duplicate_rows" not in {one.check for one in found}
    note = next(note for note in found.notes if note.startswith("duplicate_rows"))
    assert f"of {2 * rows:,} rows were drawn" in note


def test_copies_that_are_among_the_rows_that_were_drawn_are_there() -> None:
    rows = table(2, 4_000)

    found = build_baseline(table(1, 9_000), multivariate=True).compare(pd.concat([rows, rows]))

    told = next(one for one in found if one.check == "duplicate_rows")
    assert told.verdict is Verdict.DRIFTED
    assert "0 % in the baseline (2,250 rows drawn of 9,000, which may hide some), or more" in told.reason


def test_a_long_table_without_drift_is_compared_completely() -> None:
    found = build_baseline(table(1, 5_000), multivariate=True).compare(table(2, 5_000))

    assert found.outcome is Outcome.NO_DRIFT
