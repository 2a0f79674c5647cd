"""`driftline detectors run` on files: rows, times, exit codes, and what a wrong column is told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv, parquet

from monitor.cli.main import driftline

N, CHANGE = 6_000, 4_000
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def table(seed: int, shift: float = 0.0) -> pa.Table:
    """One row a second; from row 4,001 on amounts are `shift` standard deviations higher, and plans other ones."""
    chance = np.random.default_rng(seed)
    amounts = chance.normal(100, 20, N) + np.where(np.arange(N) < CHANGE, 0.0, 20 * shift)
    pro = chance.random(N) < np.where(np.arange(N) < CHANGE, 0.3, 0.3 + shift / 2)
    return pa.table(
        {
            "amount": [None if row % 100 == 7 else amount for row, amount in enumerate(amounts.tolist())],
            "plan": np.where(pro, "pro", "basic").tolist(),
            "at": pa.array([BEGAN + timedelta(seconds=row) for row in range(N)], pa.timestamp("ns", "UTC")),
            "text_at": [(BEGAN + timedelta(seconds=row)).isoformat() for row in range(N)],
            "epoch": [int((BEGAN + timedelta(seconds=row)).timestamp()) for row in range(N)],
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("detectors")
    parquet.write_table(table(1), made / "training.parquet")
    parquet.write_table(table(2, shift=1.0), made / "week.parquet", row_group_size=1_000)
    csv.write_csv(table(2, shift=1.0), made / "week.csv")
    parquet.write_table(table(3), made / "quiet.parquet")
    return made


def run(folder: Path, name: str, *args: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(driftline, [*_command(folder, name), *args, "--json"])
    assert done.exit_code in {0, 3, 4}, done.output
    return done.exit_code, json.loads(done.stdout)[0]


def _command(folder: Path, name: str) -> list[str]:
    return ["detectors", "run", str(folder / name), "--reference", str(folder / "training.parquet")]


def first(found: dict[str, object], key: str) -> object:
    alarms = found["alarms"]
    assert isinstance(alarms, list)
    return next(one for one in alarms if one["row"] > CHANGE)[key]


@pytest.mark.parametrize("detector", ["adwin", "conformal", "cusum", "kswin", "page_hinkley"])
def test_each_detector_names_the_row_of_a_change_and_where_it_began(folder: Path, detector: str) -> None:
    code, found = run(folder, "week.parquet", "--column", "amount", "--detector", detector, "--run-length", "100000")

    assert code == 3
    assert CHANGE < first(found, "row") <= CHANGE + 300  # type: ignore[operator]
    assert abs(first(found, "since_row") - CHANGE) <= 200  # type: ignore[operator]
    assert found["skipped"] == {f"{detector}(amount)": N // 100}


def test_rows_without_a_change_are_no_alarm(folder: Path) -> None:
    columns = ("--column", "amount", "--column", "plan", "--run-length", "1000000")

    assert run(folder, "quiet.parquet", *columns)[0] == 0


@pytest.mark.parametrize("column", ["at", "text_at", "epoch"])
def test_event_times_come_as_timestamps_as_text_or_as_seconds(folder: Path, column: str) -> None:
    found = run(folder, "week.parquet", "--column", "plan", "--run-length", "100000", "--event-time", column)[1]

    at = datetime.fromisoformat(str(first(found, "at")))
    assert at == BEGAN + timedelta(seconds=int(str(first(found, "row"))) - 1)
    assert first(found, "since_row") is None
    assert first(found, "what") in {"more of 'pro'", "less of 'basic'"}


def test_csv_says_what_parquet_says(folder: Path) -> None:
    asked = ("--column", "amount", "--column", "plan", "--event-time", "at")

    assert run(folder, "week.csv", *asked) == run(folder, "week.parquet", *asked)


def test_a_detector_that_cannot_run_is_said_and_is_no_quiet(folder: Path) -> None:
    code, found = run(folder, "quiet.parquet", "--column", "plan", "--detector", "cusum")

    assert code == 4
    assert "needs numbers: take conformal" in str(found["obstacles"])


def test_rows_without_an_event_time_are_left_out_and_counted(folder: Path) -> None:
    rows = table(2, shift=1.0)
    times = [None if row % 50 == 3 else value for row, value in enumerate(rows["text_at"].to_pylist())]
    parquet.write_table(rows.set_column(3, "text_at", pa.array(times)), folder / "gaps.parquet")

    found = run(folder, "gaps.parquet", "--column", "plan", "--event-time", "text_at")[1]

    assert found["untimed"] == N // 50
    assert CHANGE < first(found, "row") <= CHANGE + 300  # type: ignore[operator]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--column", "amont"), "training.parquet has no column 'amont': did you mean 'amount'?"),
        (("--column", "amount", "--event-time", "when"), "week.parquet has no column 'when': it has"),
        (("--column", "amount", "--event-time", "plan"), "which is no time"),
        (("--column", "plan", "--event-time", "amount"), "as seconds since 1970 it lies outside 1971 to 2199; is it"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_the_one_that_was_meant(
    folder: Path, args: tuple[str, ...], said: str
) -> None:
    done = CliRunner().invoke(driftline, [*_command(folder, "week.parquet"), *args])

    assert said in str(done.exception)


def test_people_see_rows_and_what_chance_would_have_raised(folder: Path) -> None:
    shown = CliRunner().invoke(driftline, [*_command(folder, "week.parquet"), "--column", "plan"]).output

    assert "since row" in shown
    assert "more of 'pro'" in shown or "less of 'basic'" in shown
    assert "in 6,000 rows, where 0.6 of each detector are expected by chance" in shown
