"""`driftline compare` on files: what CI sees, and what each bad column is told."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pyarrow import csv

from monitor.cli.main import driftline
from monitor.domain.errors import BaselineError

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


@pytest.mark.parametrize("said", ["v", "v:", ":3", "v:0", "v:9000", "v:x"])
def test_a_vector_without_a_number_of_dimensions_is_a_mistake(tmp_path: Path, said: str) -> None:
    done = CliRunner().invoke(
        driftline, ["compare", "--vector", said, str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    )

    assert done.exit_code == 2
    assert "is no column with a number of dimensions from 1 to 8,192, as embedding:384" in " ".join(done.output.split())


def test_a_column_of_one_table_alone_can_be_excluded_and_one_of_neither_is_a_mistake(tmp_path: Path) -> None:
    before, now = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    before.write_bytes(lines_of(x=NUMBERS, old=NUMBERS))
    now.write_bytes(lines_of(x=NUMBERS, at=NUMBERS))

    def compared(*names: str) -> Result:
        return CliRunner().invoke(
            driftline, ["compare", *(f"--exclude={name}" for name in names), str(before), str(now)]
        )

    assert "at is not compared: the reference has no such column; exclude it" in " ".join(
        compared("old").output.split()
    )
    assert compared("old", "at").exit_code == 0
    assert str(compared("old", "ta").exception) == "neither table has a column 'ta' to exclude; there are at, x"


def test_a_text_that_was_cut_within_a_character_stops_no_other_column(tmp_path: Path) -> None:
    """As programs do that count UTF-16: JSON can hold half a character, and no encoding can."""
    before, now = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    before.write_bytes(lines_of(x=NUMBERS, c=WORDS))
    now.write_bytes(lines_of(x=NUMBERS, c=WORDS).replace(b'"b"', b'"b\\ud83d"', 30))

    done = CliRunner().invoke(driftline, ["compare", str(before), str(now), "--columns-only", "--json"])

    verdicts = {(one["column"], one["check"]): one["verdict"] for one in json.loads(done.stdout)["checks"]}
    assert (done.exit_code, verdicts["c", "unseen_category"]) == (3, "drifted")
    assert verdicts["x", "psi"] == "ok"


def test_a_broken_line_beside_half_a_character_is_still_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"c": "b\\ud83d"}\n{"c": \n')

    done = CliRunner().invoke(driftline, ["compare", str(tmp_path / "a.jsonl"), str(tmp_path / "a.jsonl")])

    assert "a.jsonl, line 2 is no JSON object" in str(done.exception)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_columns_that_are_separated_by_other_than_commas_are_a_mistake_and_no_drift(
    tmp_path: Path, separator: str
) -> None:
    good, other = tmp_path / "a.csv", tmp_path / "b.csv"
    good.write_text("x,c\n1,a\n")
    other.write_text(f"x{separator}c\n1{separator}a\n")

    done = CliRunner().invoke(driftline, ["compare", str(good), str(other)])

    assert isinstance(done.exception, BaselineError)
    assert f"b.csv has one column, {f'x{separator}c'!r}: separate columns by commas" in str(done.exception)


def test_a_text_that_the_table_lacks_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")

    done = CliRunner().invoke(
        driftline, ["compare", "--text", "note", str(tmp_path / "a.csv"), str(tmp_path / "a.csv")]
    )

    assert "the training data has no column 'note'; it has x" in str(done.exception)


def test_a_text_that_is_excluded_too_is_a_mistake_that_says_so(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("note,amount\nhello there,1\n")
    options = ["--text", "note", "--exclude", "note"]
    result = CliRunner().invoke(driftline, ["compare", *options, str(table), str(table)])
    assert "'note' cannot be excluded and declared as a text or vector" in str(result.exception)


def test_what_only_runs_where_a_check_asks_for_it_says_so() -> None:
    result = CliRunner().invoke(driftline, ["checks", "show", "divergence"])
    assert "| By default | only where a check asks for it |" in result.output


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


def files(folder: Path, reference: bytes, current: bytes, suffix: str) -> list[str]:
    paths = [folder / f"reference{suffix}", folder / f"current{suffix}"]
    for path, content in zip(paths, (reference, current), strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def verdicts(paths: list[str], *options: str) -> dict[str, set[str]]:
    """Of the columns; what checks say of all of them together is left out."""
    done = CliRunner().invoke(driftline, ["compare", *paths, *options, "--json"])
    found: dict[str, set[str]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["column"], set()).add(check["verdict"])
    return {column: of_column for column, of_column in found.items() if column not in {"all_columns", "records"}}


def csv_of(**columns: Sequence[object]) -> bytes:
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(rows).encode() + b"\n"


def lines_of(**columns: Sequence[object]) -> bytes:
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


LONG = 200_000
WHOLE_THEN_HALVES = [*range(LONG), *(k + 0.5 for k in range(LONG))]


def test_a_csv_whose_numbers_turn_out_late_not_to_be_whole_is_read_to_its_end(tmp_path: Path) -> None:
    content = csv_of(x=WHOLE_THEN_HALVES, padding=["some text"] * 2 * LONG)

    assert verdicts(files(tmp_path, content, content, ".csv"))["x"] == {"ok"}


def test_a_word_among_the_numbers_of_a_csv_is_one_invalid_value(tmp_path: Path) -> None:
    numbers = [f"{value:.3f}" for value in np.random.default_rng(4).normal(size=LONG)]
    spoilt = [*numbers[:-1], "unknown"]

    paths = files(tmp_path, csv_of(x=numbers, y=["a text"] * LONG), csv_of(x=spoilt, y=["a text"] * LONG), ".csv")

    assert verdicts(paths)["x"] == {"ok"}


def test_codes_with_leading_zeros_are_text_in_both_files_of_which_one_has_a_word(tmp_path: Path) -> None:
    codes = ["007", "012"] * N

    paths = files(tmp_path, csv_of(code=[*codes, "none"]), csv_of(code=codes), ".csv")

    assert verdicts(paths)["code"] == {"ok"}


def test_a_column_of_another_encoding_is_bytes_and_stops_no_other(tmp_path: Path) -> None:
    content = csv_of(x=NUMBERS * 2_000, word=["plain text"] * N * 2_000)[:-11] + "plain täxt\n".encode("latin-1")

    found = verdicts(files(tmp_path, content, content, ".csv"))

    assert found == {"x": {"ok"}, "word": {"insufficient_data"}}


def test_json_lines_of_mixed_types_are_read_value_by_value(tmp_path: Path) -> None:
    content = lines_of(x=[1, "a", 2.5, True] * N, y=[1.5, 2.5] * 2 * N)

    assert verdicts(files(tmp_path, content, content, ".jsonl")) == {"x": {"ok"}, "y": {"ok"}}


def test_arrow_files_and_streams_are_read(tmp_path: Path) -> None:
    table = pa.table({"x": NUMBERS})
    for path, writer in (("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        with writer(tmp_path / path, table.schema) as out:
            out.write_table(table)

    assert verdicts([str(tmp_path / "file.arrow"), str(tmp_path / "stream.arrow")]) == {"x": {"ok"}}


def test_a_reference_that_is_read_in_groups_of_columns_has_the_same_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: dict[str, object] = {f"x{k}": (GOOD * k).tolist() for k in range(12)}
    at_once = compared(tmp_path, columns, columns)

    monkeypatch.setattr("monitor.adapters.tables.parquet.HELD_VALUES", 1)

    assert compared(tmp_path, columns, columns) == at_once
    assert len(at_once[1]) == 12 + 2  # checks of all columns together


def good_parquet(folder: Path) -> bytes:
    pq.write_table(pa.table({"x": NUMBERS}), folder / "good.parquet")
    return (folder / "good.parquet").read_bytes()


@pytest.mark.parametrize(
    ("content", "suffix", "why"),
    [
        (b"", ".csv", "is empty, without even a header"),
        (b"", ".parquet", "is empty"),
        (b"", ".jsonl", "is empty"),
        (b"x,y\n", ".csv", "holds no row"),
        (b"x,y\n1,2\n1\n", ".csv", "cannot be read as csv: CSV parse error: Expected 2 columns, got 1"),
        (b"no parquet at all", ".parquet", "cannot be read as parquet"),
        (b"PAR1", ".parquet", "cannot be read as parquet"),
        (b'{"x": 1}\n{"x": \n', ".jsonl", "line 2 is no JSON object"),
        (b"no arrow", ".arrow", "cannot be read as ipc"),
    ],
)
def test_a_file_that_is_empty_or_broken_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, suffix: str, why: str
) -> None:
    (tmp_path / "good.jsonl").write_bytes(lines_of(x=NUMBERS))
    bad = tmp_path / f"bad{suffix}"
    bad.write_bytes(content)

    for paths in ([bad, tmp_path / "good.jsonl"], [tmp_path / "good.jsonl", bad]):
        done = CliRunner().invoke(driftline, ["compare", *map(str, paths)])

        assert isinstance(done.exception, BaselineError)
        assert str(bad) in str(done.exception)
        told = str(done.exception).replace("Row #3: ", "")  # which Arrow tells where it has one processor
        assert why in told


def test_a_parquet_file_that_breaks_off_is_a_mistake_and_no_crash(tmp_path: Path) -> None:
    good = good_parquet(tmp_path)
    (tmp_path / "bad.parquet").write_bytes(good[:200] + b"\0" * (len(good) - 400) + good[-200:])

    done = CliRunner().invoke(driftline, ["compare", str(tmp_path / "good.parquet"), str(tmp_path / "bad.parquet")])

    assert isinstance(done.exception, BaselineError)


def test_the_page_is_written_beside_what_is_printed(tmp_path: Path) -> None:
    paths = files(tmp_path, lines_of(x=NUMBERS), lines_of(x=(GOOD + 2).tolist()), ".jsonl")

    done = CliRunner().invoke(driftline, ["compare", *paths, "--html", str(tmp_path / "page.html")])

    assert done.exit_code == 3
    assert "psi" in done.stdout
    assert "<title>1 of 1 column drifted</title>" in (tmp_path / "page.html").read_text()


def test_a_page_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    paths = files(tmp_path, lines_of(x=NUMBERS), lines_of(x=NUMBERS), ".jsonl")

    done = CliRunner().invoke(driftline, ["compare", *paths, "--html", str(tmp_path / "no" / "page.html")])

    assert "page.html cannot be written: No such file or directory" in done.output


@pytest.mark.parametrize(
    "options", ["'table.parquet', 'table.parquet'", "'table.csv', 'table.csv', '--categorical', 'word'"]
)
def test_nobody_waits_for_pandas_to_compare_two_files(tmp_path: Path, options: str) -> None:
    table = pa.table({"x": [None, *NUMBERS], "word": [None, *WORDS], "flag": [None, *[True, False] * (N // 2)]})
    pq.write_table(table, tmp_path / "table.parquet")
    csv.write_csv(table, tmp_path / "table.csv")
    program = (
        "import sys; from monitor.cli.main import driftline;"
        f"driftline(['compare', {options}], standalone_mode=False);"
        "print('pandas' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.stdout.splitlines()[-1] == "False", ran.stderr


def test_vectors_of_another_length_than_said_are_a_mistake_and_no_silence(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"emb": [0.1, 0.2, 0.3], "amount": 1.5}\n' * 50)

    result = CliRunner().invoke(
        driftline, ["compare", "--vector", "emb:99", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    )

    assert result.exit_code
    assert "column 'emb' holds no vector of 99 numbers, in all rows: wrong length" in str(result.exception)
