"""`driftline compare` on files: what CI sees, and what each bad column is told."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor.cli.main import driftline

N = 400
GOOD = np.random.default_rng(3).normal(size=N)
NUMBERS, WORDS = GOOD.tolist(), ["a", "b"] * (N // 2)


def compared(folder: Path, reference: dict[str, object], current: dict[str, object]) -> tuple[int, dict[str, object]]:
    """Exit code, and per column its checks with verdicts."""
    paths = [folder / "reference.parquet", folder / "current.parquet"]
    for path, table in zip(paths, (reference, current), strict=True):
        pq.write_table(pa.table(table), path)
    done = CliRunner().invoke(driftline, ["compare", *map(str, paths), "--json"])
    found: dict[str, dict[str, str]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["column"], {})[check["check"]] = check["verdict"]
    return done.exit_code, dict(found)


def test_the_same_rows_are_no_drift_and_exit_zero(tmp_path: Path) -> None:
    code, found = compared(tmp_path, {"x": NUMBERS, "c": WORDS}, {"x": NUMBERS, "c": WORDS})

    assert code == 0
    assert set(found) == {"x", "c", "all_columns", "records"}


def test_a_shift_exits_three(tmp_path: Path) -> None:
    code, found = compared(tmp_path, {"x": NUMBERS}, {"x": (GOOD + 2).tolist()})

    assert code == 3
    assert found["x"]["psi"] == "drifted"  # type: ignore[index]


@pytest.mark.parametrize(
    ("reference", "current", "code", "check", "verdict"),
    [
        ([1.0] * N, [1.0] * N, 0, "psi", "ok"),
        ([1.0] * N, [2.0] * N, 3, "psi", "drifted"),
        ([None] * N, [None] * N, 0, "missing_rate", "ok"),
        (NUMBERS, [None] * N, 3, "missing_rate", "drifted"),
        (NUMBERS, WORDS, 3, "missing_rate", "drifted"),
        (NUMBERS, [[1, 2]] * N, 3, "missing_rate", "drifted"),
        (NUMBERS, [float("inf")] * N, 3, "psi", "drifted"),
        (NUMBERS, None, 3, "missing_rate", "drifted"),
        (None, NUMBERS, 4, "known_column", "insufficient_data"),
        ([[1, 2]] * N, [[1, 2]] * N, 4, "known_column", "insufficient_data"),
        ([str(k) for k in range(N)], WORDS, 4, "known_column", "insufficient_data"),
    ],
    ids=[
        "constant", "another constant", "all missing", "newly missing", "number turned text", "number turned lists",
        "infinite", "dropped", "in current only", "unhashable", "identifier",
    ],
)  # fmt: skip
def test_a_bad_column_has_a_verdict_of_its_own_and_stops_no_other(
    tmp_path: Path, reference: object, current: object, code: int, check: str, verdict: str
) -> None:
    before = {"good": NUMBERS} | ({} if reference is None else {"bad": reference})
    after = {"good": NUMBERS} | ({} if current is None else {"bad": current})

    exited, found = compared(tmp_path, before, after)

    assert exited == code
    assert found["bad"][check] == verdict  # type: ignore[index]
    assert set(found["good"].values()) == {"ok"}  # type: ignore[attr-defined]


def test_ground_truth_in_both_tables_is_no_column_that_could_not_be_compared(tmp_path: Path) -> None:
    table = {"good": NUMBERS, "label": WORDS}

    code, found = compared(tmp_path, table, table)

    assert (code, set(found)) == (0, {"good", "all_columns", "records"})


def test_one_row_is_not_enough_and_exits_four(tmp_path: Path) -> None:
    code, found = compared(tmp_path, {"x": NUMBERS}, {"x": NUMBERS[:1]})

    assert code == 4
    assert set(found["x"].values()) == {"insufficient_data"}  # type: ignore[attr-defined]


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    done = CliRunner().invoke(driftline, ["compare", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])

    assert "does not exist" in str(done.exception)
