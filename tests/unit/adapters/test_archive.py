"""The archive: what is kept of which rows, where, and how its files and their list stay in step."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.folder import ArchiveFolder
from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.privacy import in_sample, without_personal
from monitor.adapters.archive.writer import RATE_KEY, ParquetArchive
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.training_sample import SampledRows, TrainingSamples
from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.models import ArchivePolicy, ColumnKind, ColumnSpec, ModelRef, MonitoredModel, Personal
from monitor.domain.records import PartitionId
from monitor.domain.stream import ArchiveFile, PartitionProgress, TopicKind
from monitor.domain.windows import WindowSpec
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stream.batch import RecordBatch
from monitor.testing.stores.samples import flush
from monitor.usecases.archive import compact, delete_foreign, forget, verify
from monitor.usecases.training_columns import TrainingOptions

HOUR, HOUR_MS = timedelta(hours=1), 3_600_000
START_MS = 1_793_520_000_000
REF, PARTITION = ModelRef("churn", "3"), PartitionId("inference", 0)
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), timedelta(minutes=5), HOUR, archive=ArchivePolicy())


class NoRows:
    """A reader that has been read."""

    def batches(self) -> Iterator[dict[str, list[object]]]:
        return iter(())


def batch(first: int, n: int) -> RecordBatch:
    rows = range(first, first + n)
    return RecordBatch(
        REF,
        np.array([START_MS + 1000 * row for row in rows], np.int64),
        np.array(rows, np.int64),
        [f"e{row}" for row in rows],
        {
            "age": NumericColumn(np.array(rows, np.float64)),
            "email": CategoricalColumn([f"{row % 3}@x" for row in rows]),
        },
        ["yes"] * n,
        np.full(n, 0.5),
    )


@pytest.fixture(params=["folder", "memory://archive"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArchiveLocation]:
    url = str(tmp_path / "archive") if request.param == "folder" else request.param
    yield ArchiveLocation(url)
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def stores() -> SqlStores:
    engine = create_engine("sqlite://")
    migrate(engine)
    return SqlStores.of(engine)


def save(stores: SqlStores, location: ArchiveLocation, *batches: RecordBatch) -> list[ArchiveFile]:
    """Each batch as a save of its own."""
    saved: list[ArchiveFile] = []
    claim = stores.ingest.claim(PARTITION, TopicKind.INFERENCE, "me")
    for one in batches:
        files = ParquetArchive(location).write(PARTITION, [one], {"churn": MODEL})
        done = flush(claim, int(one.offsets[-1]) + 1, old_offset=claim.next_offset)
        stores.ingest.flush([replace(done, archive=files)])
        claim = replace(claim, next_offset=int(one.offsets[-1]) + 1)
        saved += files
    return saved


def progress(watermark_ms: int) -> list[PartitionProgress]:
    return [PartitionProgress(PARTITION, TopicKind.INFERENCE, 1, "me", 9, watermark_ms, 99, 0, None)]


def rows_of(location: ArchiveLocation, path: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(location.full(path), filesystem=location.fs).to_pylist()
    return found


def test_a_sample_keeps_its_share_and_a_smaller_one_is_part_of_it() -> None:
    ids = [f"prediction-{i}" for i in range(20_000)]

    tenth, half = in_sample(ids, 0.1), in_sample(ids, 0.5)

    assert abs(tenth.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / len(ids))  # four standard errors
    assert not (tenth & ~half).any()
    assert in_sample(ids, 1.0).all()


def test_a_file_holds_the_sampled_rows_and_tells_its_rate(location: ArchiveLocation) -> None:
    sampled = replace(MODEL, archive=ArchivePolicy(rate=0.25))

    (file,) = ParquetArchive(location).write(PARTITION, [batch(0, 200)], {"churn": sampled})

    kept = [row["event_id"] for row in rows_of(location, file.path)]
    metadata = pq.read_schema(location.fs.open(location.full(file.path))).metadata
    expected = [f"e{i}" for i in range(200) if in_sample([f"e{i}"], 0.25)[0]]
    assert kept == expected
    assert (file.rows, file.rate, metadata[RATE_KEY.encode()]) == (len(expected), 0.25, b"0.25")


def test_personal_columns_are_hashed_by_a_key_or_masked_and_missing_stays_missing() -> None:
    columns: dict[str, Column] = {
        "email": CategoricalColumn(["a@x", None, "a@x", "b@x"]),
        "name": CategoricalColumn(["Ann", None, "Ann", "Bob"]),
        "age": NumericColumn(np.array([1.0, np.nan, 1.0, 2.0])),
        "plan": CategoricalColumn(["pro", "pro", "free", "free"]),
    }
    personal = {"email": Personal.HASH, "name": Personal.MASK, "age": Personal.MASK, "elsewhere": Personal.HASH}

    shown = without_personal(columns, personal, b"key")
    otherwise = without_personal(columns, personal, b"another key")

    emails = shown["email"].values
    assert isinstance(emails, list)
    assert emails[0] == emails[2] != emails[3]
    assert emails[1] is None
    assert "a@x" not in emails
    assert emails != otherwise["email"].values
    assert shown["name"].values == ["masked", None, "masked", "masked"]
    assert np.isnan(np.asarray(shown["age"].values)).all()
    assert shown["plan"] is columns["plan"]


def test_no_personal_value_reaches_a_file(location: ArchiveLocation) -> None:
    private = replace(MODEL, archive=ArchivePolicy(personal={"email": Personal.HASH, "age": Personal.MASK}))

    (file,) = ParquetArchive(location, b"key").write(PARTITION, [batch(0, 3)], {"churn": private})

    row = rows_of(location, file.path)[0]
    assert row["age"] is None
    assert len(str(row["email"])) == 32
    assert b"0@x" not in location.read(file.path)


def test_small_files_of_a_closed_pane_become_one_with_every_row_once(
    location: ArchiveLocation, stores: SqlStores
) -> None:
    saved = save(stores, location, batch(0, 5), batch(5, 1), batch(6, 2))

    too_early = compact(stores.archive, ArchiveFolder(location), [MODEL], progress(START_MS + HOUR_MS))
    gone = compact(stores.archive, ArchiveFolder(location), [MODEL], progress(START_MS + 2 * HOUR_MS))
    again = compact(stores.archive, ArchiveFolder(location), [MODEL], progress(START_MS + 2 * HOUR_MS))

    (merged,) = stores.archive.files("churn")
    assert (len(saved), too_early, gone, again) == (3, 0, 2, 0)
    assert [row["event_id"] for row in rows_of(location, merged.path)] == [f"e{i}" for i in range(8)]
    assert (merged.rows, merged.first_offset, merged.next_offset) == (8, 0, 8)
    assert [file.path for file in location.files()] == [merged.path]


def test_a_merge_that_was_overtaken_leaves_the_list_as_it_is(location: ArchiveLocation, stores: SqlStores) -> None:
    saved = save(stores, location, batch(0, 2), batch(2, 2))
    merged = ArchiveFolder(location).merge(saved)
    first = stores.archive.replace(saved, merged)

    second = stores.archive.replace(saved, merged)

    assert (first, second) == (True, False)
    assert stores.archive.files("churn") == [merged]


def test_verifying_names_missing_damaged_and_foreign_files(location: ArchiveLocation, stores: SqlStores) -> None:
    whole, lost, cut, odd = save(stores, location, batch(0, 2), batch(2, 2), batch(4, 2), batch(6, 2))
    location.delete(lost.path)
    location.write(cut.path, lambda file: file.write(b"PAR1 and no more"))
    location.write(odd.path, lambda file: file.write(location.read(whole.path) * 1))
    location.write("churn/3/stray.parquet", lambda file: file.write(b"?"))
    stores.archive.replace([odd], replace(odd, rows=3))

    now = verify(stores.archive, ArchiveFolder(location), 0)
    later = verify(stores.archive, ArchiveFolder(location), 2**53)

    assert (later.files, later.rows) == (1, 2)
    assert later.missing == [lost.path]
    assert later.damaged == [(cut.path, "cannot be read"), (odd.path, "2 rows instead of 3")]
    assert now.foreign == []
    assert later.foreign == ["churn/3/stray.parquet"]
    with pytest.raises(StoreUnavailable, match="may be what is left of them"):
        delete_foreign(ArchiveFolder(location), later)


def test_one_changed_bit_in_a_file_is_found(location: ArchiveLocation, stores: SqlStores) -> None:
    (file,) = save(stores, location, batch(0, 2_000))
    changed = bytearray(location.read(file.path))
    changed[len(changed) // 3] ^= 1
    location.write(file.path, lambda out: out.write(bytes(changed)))

    found = verify(stores.archive, ArchiveFolder(location), 0)

    assert found.damaged == [(file.path, "cannot be read")]


def test_samples_of_training_rows_are_read_and_never_foreign(location: ArchiveLocation, stores: SqlStores) -> None:
    kept, folder = SampledRows(NoRows(), kept={"x": [float(k) for k in range(2_000)]}), ArchiveFolder(location)
    schema = [ColumnSpec("x", ColumnKind.NUMERIC)]
    whole, broken = (TrainingSamples(location).keep(name, kept, schema, TrainingOptions(), {}) for name in "ab")
    changed = bytearray(location.read(broken))
    changed[len(changed) // 3] ^= 1
    location.write(broken, lambda out: out.write(bytes(changed)))

    found = verify(stores.archive, folder, 2**53)

    assert (found.samples, found.foreign) == (1, [])
    assert found.damaged == [(broken, "a sample of training rows that cannot be read: build the baseline again")]
    assert folder.rows(whole) == 2_000


def test_foreign_files_are_deleted_when_everything_listed_is_whole(
    location: ArchiveLocation, stores: SqlStores
) -> None:
    (kept,) = save(stores, location, batch(0, 2))
    location.write("churn/3/stray.parquet", lambda file: file.write(b"?"))
    folder = ArchiveFolder(location)

    deleted = delete_foreign(folder, verify(stores.archive, folder, 2**53))

    assert deleted == 1
    assert [file.path for file in location.files()] == [kept.path]


def test_files_are_forgotten_when_their_model_no_longer_keeps_them(
    location: ArchiveLocation, stores: SqlStores
) -> None:
    save(stores, location, batch(0, 2), batch(3600, 2))
    folder, now_ms = ArchiveFolder(location), START_MS + 4 * HOUR_MS
    brief = {"churn": replace(MODEL, archive=ArchivePolicy(keep=timedelta(hours=3)))}

    gone = [
        forget(stores.archive, folder, {"churn": MODEL}, timedelta(days=1), now_ms),
        forget(stores.archive, folder, brief, timedelta(days=1), now_ms),
        forget(stores.archive, folder, {}, timedelta(hours=1), now_ms),
    ]

    assert gone == [0, 1, 1]
    assert stores.archive.models() == []
    assert list(location.files()) == []


def test_an_address_without_a_driver_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match="fsspec's driver"):
        ArchiveLocation("nowhere://bucket/prefix")


def test_a_folder_that_cannot_be_written_is_a_store_that_cannot_serve(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")

    with pytest.raises(StoreUnavailable, match="cannot be written"):
        ParquetArchive(ArchiveLocation(str(tmp_path / "archive"))).write(PARTITION, [batch(0, 1)], {"churn": MODEL})
