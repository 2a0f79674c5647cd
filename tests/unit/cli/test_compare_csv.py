"""`driftline compare` where one table is CSV, which has no types, and the other has them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor.cli.main import driftline
from monitor.compare import Outcome, build_baseline
from monitor.domain.errors import BaselineError

N = 200
CODES = ["007", "012", "123"] * N
WITH_GAPS = ["a", "b", None, "NA", "null"] * N
INSUFFICIENT, DRIFT = 4, 3


def written(folder: Path, name: str, values: Sequence[object], quoting: int = csv.QUOTE_MINIMAL) -> Path:
    """One column `c` beside numbers, in the format of the name's ending."""
    path = folder / name
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, quoting=quoting)  # type: ignore[arg-type]  # one of the module's constants
            rows.writerows([("x", "c"), *((k % 17, value) for k, value in enumerate(values))])
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"x": k % 17, "c": v}) + "\n" for k, v in enumerate(values)))
    else:
        text = pa.large_string() if name.startswith("large") else pa.string()
        pq.write_table(pa.table({"x": [k % 17 for k in range(len(values))], "c": pa.array(values, text)}), path)
    return path


def compared(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(driftline, ["compare", *map(str, args)])
    return done.exit_code, done.output


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("typed", ["a.parquet", "a.jsonl"])
def test_an_empty_cell_of_a_text_column_is_missing_and_a_word_is_not(tmp_path: Path, typed: str, quoting: int) -> None:
    one, other = written(tmp_path, typed, WITH_GAPS), written(tmp_path, "b.csv", WITH_GAPS, quoting)

    assert [compared(one, other)[0], compared(other, one)[0]] == [0, 0]


@pytest.mark.parametrize("typed", ["a.parquet", "large.parquet", "a.jsonl"])
def test_codes_that_are_text_in_a_typed_reference_are_text_in_csv(tmp_path: Path, typed: str) -> None:
    reference, current = written(tmp_path, typed, CODES), written(tmp_path, "b.csv", CODES)

    assert compared(reference, current)[0] == 0
    assert build_baseline(pq.read_table(reference) if "parquet" in typed else reference).compare(current).outcome == 0


def test_codes_of_a_csv_reference_are_text_in_csv_in_a_program_too(tmp_path: Path) -> None:
    reference, current = written(tmp_path, "a.csv", [*CODES, "none"]), written(tmp_path, "b.csv", CODES)

    assert build_baseline(reference).compare(current).outcome is Outcome.NO_DRIFT


def test_codes_of_a_renamed_column_are_text_under_both_names(tmp_path: Path) -> None:
    reference = build_baseline(written(tmp_path, "a.parquet", CODES), rename={"c": "zone"})
    old = written(tmp_path, "b.csv", CODES)
    (tmp_path / "c.csv").write_text(old.read_text().replace("x,c", "x,zone", 1))

    assert [reference.compare(path).outcome for path in (old, tmp_path / "c.csv")] == [Outcome.NO_DRIFT] * 2


def test_a_csv_reference_of_codes_alone_says_what_to_declare_and_then_agrees(tmp_path: Path) -> None:
    reference, current = written(tmp_path, "a.csv", CODES), written(tmp_path, "b.parquet", CODES)

    code, said = compared(reference, current)

    assert (code, "if they are codes, declare the column as categorical" in said) == (DRIFT, True)
    assert compared(reference, current, "--categorical", "c")[0] == 0
    assert build_baseline(reference, categorical="c").compare(pq.read_table(current)).outcome is Outcome.NO_DRIFT
    assert build_baseline(reference, categorical="c").compare(reference).outcome is Outcome.NO_DRIFT


def test_numbers_that_are_declared_categories_are_the_same_with_and_without_a_fraction(tmp_path: Path) -> None:
    reference, current = (
        written(tmp_path, "a.csv", [1, 2, 0] * N),
        written(tmp_path, "b.csv", ["1.0", "2.0", "0.0"] * N),
    )

    assert compared(reference, current, "--categorical", "c")[0] == 0


def test_the_numbers_of_rows_that_pandas_writes_are_no_column(tmp_path: Path) -> None:
    rows = "".join(f"{k},{k % 17}\n" for k in range(N))
    (tmp_path / "a.csv").write_text("x\n" + "".join(f"{k % 17}\n" for k in range(N)))
    (tmp_path / "b.csv").write_text(",x\n" + rows)

    for a, b in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
        code, said = compared(tmp_path / a, tmp_path / b)
        assert code == 0
        assert "a column without a name is left out" in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"x;c\n1,5;a\n2,5;b\n", "has one column, 'x;c': separate columns by commas instead of ';'"),
        ("x,c\n1,a\n".encode("utf-16"), "is UTF-16, and CSV is read as UTF-8: write it again in UTF-8"),
        ("x,c\n1,a\n".encode("utf-16-le"), "is UTF-16"),
    ],
)
def test_a_file_of_another_dialect_or_encoding_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    done = CliRunner().invoke(driftline, ["compare", str(tmp_path / "a.csv"), str(tmp_path / "a.csv")])

    assert isinstance(done.exception, BaselineError)
    assert why in str(done.exception)


def test_a_column_in_latin_1_is_told_to_be_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x,c\n" + "1,ä\n".encode("latin-1") * N)

    code, said = compared(tmp_path / "a.csv", tmp_path / "a.csv")

    assert (code, "c holds text that is not UTF-8" in said) == (INSUFFICIENT, True)
