"""Texts and vectors that the archive keeps as they came: from records to files, and to those who read them."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.folder import ArchiveFolder
from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.rows import ArchivedColumns
from monitor.adapters.archive.writer import ParquetArchive
from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.arrow_ipc import ArrowIpc
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.bootstrap.formats import build_format
from monitor.compare import build_baseline
from monitor.domain.columns import ColumnSpec
from monitor.domain.derived import TextColumn, VectorColumn
from monitor.domain.models import ArchivePolicy, ColumnKind
from monitor.domain.records import RawRecord
from monitor.domain.stream import ArchiveFile, TopicKind
from monitor.stream.batch import RecordBatch, join_batches
from monitor.stream.schema import RecordSchema, record_schema
from tests.unit.adapters.test_archive import HOUR_MS, MODEL, PARTITION, REF, START_MS, save

TEXT, VECTOR = TextColumn("note"), VectorColumn("v", 3)
KEEPING = replace(MODEL, derived=(TEXT, VECTOR), archive=ArchivePolicy(originals=("note", "v")))
SCHEMA = record_schema(
    KEEPING,
    (
        (
            ColumnSpec("x", ColumnKind.NUMERIC),
            *TEXT.specs,
            *VECTOR.specs,
            ColumnSpec("prediction", ColumnKind.CATEGORICAL),
        ),
    ),
)
NOTES: list[object] = ['Zwölf "Boxen"\nund mehr', None, "", 7, "plain"]
VECTORS: list[object] = [[1, 2.5, -3.0], [1.0], None, [1.0, "x", 2.0], [0.1, 0.2, 0.3]]
KEPT_NOTES = [NOTES[0], None, "", None, "plain"]
KEPT_VECTORS = [[1.0, 2.5, -3.0], [1.0], None, None, [0.1, 0.2, 0.3]]


def records(first: int = 0) -> list[RawRecord]:
    made = []
    for k, (note, vector) in enumerate(zip(NOTES, VECTORS, strict=True)):
        said = {
            "event_id": f"e{first + k}",
            "model": "churn",
            "model_version": "3",
            "event_time": (START_MS + 1000 * k) / 1000,
            "prediction": "yes",
            "features": {"x": k, "note": note, "v": vector},
        }
        made.append(RawRecord(first + k, json.dumps(said).encode()))
    return made


def decoded(schema: RecordSchema = SCHEMA, first: int = 0, *, safe: bool = True) -> RecordBatch:
    found = JsonCodec(safe=safe).decode(PARTITION, TopicKind.INFERENCE, records(first), lambda *_: schema)
    assert not found.rejected
    (batch,) = found.batches
    return batch


def rows(location: ArchiveLocation, file: ArchiveFile) -> pa.Table:
    return pq.read_table(BytesIO(location.read(file.path)))


@pytest.fixture
def location(tmp_path: Path) -> ArchiveLocation:
    return ArchiveLocation(str(tmp_path))


@pytest.mark.parametrize("safe", [True, False], ids=["safe", "compiled where it is built"])
@pytest.mark.parametrize("discover", [False, True], ids=["with a baseline", "without"])
def test_records_are_archived_with_the_texts_and_vectors_that_the_policy_names(
    location: ArchiveLocation, *, safe: bool, discover: bool
) -> None:
    schema = replace(SCHEMA, columns=(), discover=True) if discover else SCHEMA

    (file,) = ParquetArchive(location).write(PARTITION, [decoded(schema, safe=safe)], {"churn": KEEPING})

    table = rows(location, file)
    assert table["note"].to_pylist() == KEPT_NOTES
    assert table["v"].to_pylist() == KEPT_VECTORS
    assert table["note.words"].to_pylist() == [4.0, None, 0.0, None, 1.0]


def test_nothing_is_kept_as_it_came_where_the_policy_names_nothing(location: ArchiveLocation) -> None:
    quiet = replace(KEEPING, archive=ArchivePolicy())
    schema = record_schema(quiet, (SCHEMA.columns,))

    (file,) = ParquetArchive(location).write(PARTITION, [decoded(schema)], {"churn": quiet})

    assert not {"note", "v"} & set(rows(location, file).column_names)
    assert "note.words" in rows(location, file).column_names


def test_half_a_surrogate_pair_costs_a_character_and_no_file(location: ArchiveLocation) -> None:
    batch = replace(decoded(), originals={TEXT: ["a\ud800b", None, "", None, "c"]})

    (file,) = ParquetArchive(location).write(PARTITION, [batch], {"churn": KEEPING})

    assert rows(location, file)["note"].to_pylist() == ["a?b", None, "", None, "c"]


def test_merged_files_keep_them_and_tests_of_rows_do_not_see_them(location: ArchiveLocation) -> None:
    engine = create_engine("sqlite://")
    migrate(engine)
    stores = SqlStores.of(engine)
    files = save(stores, location, decoded(), decoded(first=5))

    merged = ArchiveFolder(location).merge(files)

    assert rows(location, merged)["v"].to_pylist() == 2 * KEPT_VECTORS
    seen = ArchivedColumns(lambda: location, stores.records).read(REF, START_MS, START_MS + HOUR_MS)
    assert {"x", "note.words", "v.c0"} <= seen.columns.keys()
    assert not {"note", "v"} & seen.columns.keys()


def test_batches_with_and_without_them_are_joined_in_order() -> None:
    without = decoded(replace(SCHEMA, originals=()), first=0)

    joined = join_batches([decoded(first=5), without]).take(pa.array([0, 5, 6]).to_numpy())

    assert joined.originals == {TEXT: [None, NOTES[0], None], VECTOR: [None, VECTORS[0], [1.0]]}


def test_columns_of_arrow_messages_are_kept_the_same_way() -> None:
    at = pa.array([START_MS, START_MS + 1], pa.timestamp("ms", tz="UTC"))
    ids = {"event_id": ["a", "b"], "model": ["churn"] * 2, "model_version": ["3"] * 2}
    table = pa.table({**ids, "event_time": at, "note": ["x", None], "v": [[1.0, 2.0], None]})
    with BytesIO() as buffer:
        with pa.ipc.new_stream(buffer, table.schema) as stream:
            stream.write_table(table)
        value = buffer.getvalue()
    arrow = build_format("arrow-ipc", {}, None)
    assert isinstance(arrow, ArrowIpc)

    found = arrow.decode(PARTITION, TopicKind.INFERENCE, [RawRecord(7, value)], lambda *_: SCHEMA)

    (batch,) = found.batches
    assert batch.originals == {TEXT: ["x", None], VECTOR: [[1.0, 2.0], None]}


def test_a_data_set_with_originals_is_compared_by_the_columns_that_are_made_of_them(location: ArchiveLocation) -> None:
    (file,) = ParquetArchive(location).write(PARTITION, [decoded()], {"churn": KEEPING})
    table = rows(location, file).drop_columns(["event_id", "event_time"])

    found = build_baseline(table, texts=["note"], vectors={"v": 3}).compare(table, min_records=1)

    assert not found.drifted
    assert not any("more than one column" in note for note in found.notes)
    assert {"note.words", "v.length"} <= set(found.verdicts)
