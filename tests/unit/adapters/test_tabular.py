"""Training tables from files and SQL."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.tabular import FileRows, SqlRows
from monitor.adapters.training_sample import SampledRows, TrainingSamples
from monitor.domain.errors import BaselineError
from monitor.domain.models import ColumnKind, ColumnSpec
from monitor.usecases.training_columns import TrainingOptions


def test_csv_parquet_json_lines_and_folders_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,c\n1.5,a\n2.5,b\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"x": 1.5, "c": "a"}\n{"x": 2.5, "c": "b"}\n', encoding="utf-8")
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table({"x": [1.5], "c": ["a"]}), folder / "1.parquet")
    pq.write_table(pa.table({"x": [2.5], "c": ["b"]}), folder / "2.parquet")

    read = [_rows(FileRows(path)) for path in (tmp_path / "a.csv", tmp_path / "a.jsonl", folder)]

    assert read == [{"x": [1.5, 2.5], "c": ["a", "b"]}] * 3


def test_an_empty_cell_of_csv_is_missing_in_text_too_and_a_word_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('x,c\n1,NA\nNA,\n3,""\n4,null\n5,a\n', encoding="utf-8")

    assert _rows(FileRows(tmp_path / "a.csv")) == {"x": [1, None, 3, 4, 5], "c": ["NA", None, None, "null", "a"]}


def test_declared_categories_are_text_where_a_number_has_zeros_before_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,zone,n\n12,1,012\n007,2,7\n", encoding="utf-8")

    rows = _rows(FileRows(tmp_path / "a.csv", frozenset({"code", "zone", "made_later"})))

    assert rows == {"code": ["12", "007"], "zone": [1, 2], "n": [12, 7]}


def _rows(reader: FileRows | SqlRows | SampledRows) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for batch in reader.batches():
        for name, values in batch.items():
            found.setdefault(name, []).extend(values)
    return found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.parquet", b"no parquet", "cannot be read as parquet"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", "cannot be read as csv"),
        ("a.csv", "x,y\n1,2\n".encode("utf-16"), "is UTF-16"),
        ("a.csv", b"x;y\n1,5;2\n", "separate columns by commas instead of ';'"),
        ("a.txt", b"x", "give .csv"),
        (None, b"", "does not exist"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, name: str | None, content: bytes, words: str
) -> None:
    path = tmp_path / (name or "nowhere.csv")
    if name:
        path.write_bytes(content)

    with pytest.raises(BaselineError, match=words) as caught:
        _rows(FileRows(path))

    assert str(path) in str(caught.value)


def test_a_folder_of_two_formats_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n', encoding="utf-8")

    with pytest.raises(BaselineError, match="mixes formats"):
        _rows(FileRows(tmp_path))


def test_a_query_that_fails_says_why_and_never_the_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/secret-name.db"

    with pytest.raises(BaselineError, match="no such table") as caught:
        _rows(SqlRows(url, "select * from missing"))

    assert "secret-name" not in str(caught.value)


def test_a_sample_is_spread_evenly_and_written_under_the_names_of_the_schema(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{i % 3}" for i in range(1000))
    (tmp_path / "a.csv").write_text(f"amount_eur,k\n{rows}\n", encoding="utf-8")
    sample = SampledRows(FileRows(tmp_path / "a.csv"), most=100)
    schema = [ColumnSpec("amount", ColumnKind.NUMERIC), ColumnSpec("k", ColumnKind.CATEGORICAL)]

    passed = _rows(sample)
    samples = TrainingSamples(ArchiveLocation(str(tmp_path / "archive")))
    path = samples.keep("abc", sample, schema, TrainingOptions({"amount_eur": "amount"}), {})

    kept = pq.read_table(tmp_path / "archive" / path).to_pydict()
    assert len(passed["k"]) == 1000
    assert kept["amount"] == [float(i) for i in range(0, 1000, 16)]
    assert set(kept["k"]) == {"0", "1", "2"}
    assert samples.path("abc") == path
    assert samples.path("other") is None
