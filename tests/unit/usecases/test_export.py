"""Data to train on: archived rows joined with their truth, in files that the manifest counts and hashes."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.training_set import ParquetTrainingSets
from monitor.adapters.archive.writer import write_table
from monitor.adapters.sql.engine import create_engine, writing
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import archive_files, metadata, predictions, truths
from monitor.domain.errors import MonitorError
from monitor.usecases.export import ExportWish, export
from tests.unit.usecases.retrain_rig import HOUR, START

MINUTE = timedelta(minutes=1)
UNNAMED = {"name": "", "annotator": "", "offset": 0}


class Archive:
    """Files of an hour each; a row every ten minutes; every third row has no truth."""

    def __init__(self, folder: Path) -> None:
        engine = create_engine("sqlite://")
        metadata.create_all(engine)
        self.engine, self.stores = engine, SqlStores.of(engine)
        self.archive, self.out = ArchiveLocation(str(folder / "archive")), folder / "out"

    def hour(self, number: int, version: str = "3") -> None:
        start = START + number * HOUR
        at_ms = [int((start + k * 10 * MINUTE).timestamp() * 1000) for k in range(6)]
        ids, path = [f"{version}-{number}-{k}" for k in range(6)], f"churn/{version}/{number}.parquet"
        times = pa.array(at_ms, pa.timestamp("ms", tz="UTC"))
        rows = pa.table(
            {"event_id": ids, "event_time": times, "prediction": ["1"] * 6, "age": [20.0 + k for k in range(6)]}
        )
        write_table(self.archive, path, rows, 0.5)
        listed = {
            "path": path, "model": "churn", "version": version, "start_ms": at_ms[0], "end_ms": at_ms[0] + 3_600_000,
            "rows": 6, "topic": "t", "partition": 0, "first_offset": 6 * number, "next_offset": 6 * number + 6,
            "rate": 0.5,
        }  # fmt: skip
        with writing(self.engine) as connection:
            connection.execute(archive_files.insert(), listed)
            common = {"model": "churn", "version": version, "prediction": "1"}
            pairs = list(zip(ids, at_ms, strict=True))
            connection.execute(predictions.insert(), [{**common, "event_id": i, "event_time_ms": t} for i, t in pairs])
            known = [{"model": "churn", "event_id": i, "label": f"l{i}", "known_at_ms": t, **UNNAMED} for i, t in pairs]
            connection.execute(truths.insert(), [row for k, row in enumerate(known) if k % 3])

    def export(self, wish: ExportWish) -> dict[str, object]:
        sets = ParquetTrainingSets(self.archive, ArchiveLocation(str(self.out)))
        return export(wish, self.stores.records, self.stores.pairs, sets)

    def rows(self) -> Sequence[dict[str, object]]:
        return [row for path in sorted(self.out.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    for number in range(3):
        made.hour(number)
    return made


WISH = ExportWish("churn", START, START + 2 * HOUR)


def test_rows_of_the_span_come_with_their_truth_and_those_without_are_left_out(archive: Archive) -> None:
    manifest = archive.export(WISH)

    rows = archive.rows()
    assert [row["event_id"] for row in rows] == ["3-0-1", "3-0-2", "3-0-4", "3-0-5", "3-1-1", "3-1-2", "3-1-4", "3-1-5"]
    assert [(row["ground_truth"], row["age"]) for row in rows[:2]] == [("l3-0-1", 21.0), ("l3-0-2", 22.0)]
    assert (manifest["rows"], manifest["rows_without_ground_truth_left_out"], manifest["versions"]) == (8, 4, ["3"])


def test_a_span_cuts_through_files_and_unlabelled_rows_can_be_kept(archive: Archive) -> None:
    span = ExportWish("churn", START + 50 * MINUTE, START + 70 * MINUTE, with_unlabelled=True)

    manifest = archive.export(span)

    assert [(row["event_id"], row["ground_truth"]) for row in archive.rows()] == [("3-0-5", "l3-0-5"), ("3-1-0", None)]
    assert manifest["rows_without_ground_truth_left_out"] == 0


def test_the_manifest_counts_and_hashes_what_is_there(archive: Archive) -> None:
    archive.export(WISH)

    manifest = json.loads((archive.out / "_manifest.json").read_text())
    for file in manifest["files"]:
        content = (archive.out / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])
        assert pq.read_table(archive.out / file["name"]).num_rows == file["rows"]
        assert (file["sampling_rate"], "ground_truth" in file["columns"]) == (0.5, True)
    assert {path.name for path in archive.out.iterdir()} == {
        "_manifest.json",
        "part-00000.parquet",
        "part-00001.parquet",
    }


def test_the_same_wish_gives_the_same_files_and_another_truth_another_digest(archive: Archive) -> None:
    first, second = archive.export(WISH), archive.export(WISH)
    with writing(archive.engine) as connection:
        connection.execute(truths.update().values(label="changed"))

    assert first == second
    assert archive.export(WISH)["digest"] != first["digest"]


def test_only_the_versions_that_were_asked_for(archive: Archive) -> None:
    archive.hour(0, version="4")

    both = archive.export(WISH)
    one = archive.export(ExportWish("churn", START, START + HOUR, ("4",)))

    assert (both["versions"], both["rows"]) == (["3", "4"], 12)
    assert (one["versions"], one["rows"]) == (["4"], 4)


def test_nothing_to_train_on_is_said_and_leaves_no_manifest(archive: Archive) -> None:
    with pytest.raises(MonitorError, match=r"no row to train churn on in \[2027-01-15.*keep raw rows with `archive:`"):
        archive.export(ExportWish("churn", START + 1800 * HOUR, START + 1900 * HOUR))

    assert not archive.out.exists()
