"""Kept rows as columns: each id once, those of unequal rates thinned to the lowest, what a file lacks is missing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample
from monitor.adapters.archive.rows import ArchivedColumns
from monitor.adapters.archive.writer import write_table
from monitor.adapters.sql.engine import create_engine, writing
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import archive_files, metadata
from monitor.domain.models import ModelRef
from monitor.domain.time import to_ms
from monitor.stats.columns import NumericColumn
from monitor.stats.recorded import RecordedColumns, as_numbers, as_texts

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
REF = ModelRef("churn", "3")


class Kept:
    """An archive with files that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.engine = create_engine("sqlite://")
        metadata.create_all(self.engine)
        self.location = ArchiveLocation(str(folder))
        self.columns = ArchivedColumns(lambda: self.location, SqlStores.of(self.engine).records)

    def file(self, name: str, ids: Sequence[str], values: Mapping[str, Sequence[object]], rate: float = 1.0) -> None:
        at = pa.array([to_ms(START) + 1_000 * k for k in range(len(ids))], pa.timestamp("ms", tz="UTC"))
        write_table(self.location, name, pa.table({"event_id": ids, "event_time": at, **values}), rate)
        listed = {
            "path": name, "model": "churn", "version": "3", "start_ms": to_ms(START), "end_ms": to_ms(START) + HOUR_MS,
            "rows": len(ids), "topic": "t", "partition": 0, "first_offset": 0, "next_offset": len(ids), "rate": rate,
        }  # fmt: skip
        with writing(self.engine) as connection:
            connection.execute(archive_files.insert(), listed)

    def read(self, wanted: Sequence[str] | None = None, until_ms: int = HOUR_MS) -> RecordedColumns:
        return self.columns.read(REF, to_ms(START), to_ms(START) + until_ms, wanted)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_rows_of_all_files_come_together_and_what_one_lacks_is_missing(kept: Kept) -> None:
    kept.file("a.parquet", ["1", "2"], {"age": [20.0, None], "sex": ["f", None]})
    kept.file("b.parquet", ["3"], {"age": [40.0]})

    rows = kept.read()

    assert rows.event_ids == ("1", "2", "3")
    assert as_texts(rows.columns["sex"], 3) == ["f", None, None]
    assert as_texts(rows.columns["age"], 3) == ["20", None, "40"]
    assert rows.sources == ("a.parquet", "b.parquet")


def test_only_the_wanted_columns_and_the_span_are_read(kept: Kept) -> None:
    kept.file("a.parquet", ["1", "2", "3"], {"age": [1.0, 2.0, 3.0], "sex": ["f", "m", "f"]})

    rows = kept.read(["sex", "no such column"], until_ms=2_000)

    assert (rows.event_ids, set(rows.columns)) == (("1", "2"), {"sex"})


def test_an_id_that_was_kept_twice_counts_once_by_its_last_row(kept: Kept) -> None:
    kept.file("a.parquet", ["1", "1", "2"], {"sex": ["f", "m", "f"]})

    rows = kept.read()

    assert (rows.event_ids, as_texts(rows.columns["sex"], 2)) == (("1", "2"), ["m", "f"])


def test_rows_kept_at_unequal_rates_are_thinned_to_the_lowest(kept: Kept) -> None:
    ids = [f"e{k}" for k in range(400)]
    half = [one for one, is_in in zip(ids[200:], in_sample(ids[200:], 0.5).tolist(), strict=True) if is_in]
    kept.file("a.parquet", ids[:200], {"sex": ["f"] * 200})
    kept.file("b.parquet", half, {"sex": ["m"] * len(half)}, rate=0.5)

    rows = kept.read()

    assert rows.rate == 0.5
    assert set(rows.event_ids) == {one for one, is_in in zip(ids, in_sample(ids, 0.5).tolist(), strict=True) if is_in}


def test_where_nothing_is_kept_there_are_no_rows(kept: Kept) -> None:
    assert len(kept.read()) == 0


def test_values_are_read_as_texts_and_as_numbers() -> None:
    column = NumericColumn(np.array([1.0, 2.5, np.nan]))

    assert as_texts(column, 3) == ["1", "2.5", None]
    assert as_texts(None, 2) == [None, None]
    assert as_numbers(None, 1).values.tolist() == pytest.approx([np.nan], nan_ok=True)
