"""Raw rows of a window and its baseline, from the archive to a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.raw_rows import MOST_ROWS, ArchivedRows
from monitor.adapters.training_sample import SampledRows, TrainingSamples
from monitor.domain.checks import CheckSpec
from monitor.domain.models import ArchivePolicy, ModelRef, MonitoredModel, Personal, Segment
from monitor.domain.records import PartitionId
from monitor.domain.stream import ArchiveFile
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.row_test import JointRows
from monitor.usecases.baseline import BuildBaseline
from monitor.usecases.training_columns import TrainingOptions
from tests.unit.stats.blindness_rig import TrainingRows
from tests.unit.test_report_use_case import ArchivedFiles, stores

__all__ = ["stores"]

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 1, 10, tzinfo=UTC)
WINDOW = Window(START, START + HOUR)
GERMANY = Segment("germany", "country", "DE")
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, 24 * HOUR, segments=(GERMANY,), archive=ArchivePolicy())
REF = ModelRef("churn", "3")


@dataclass
class Place:
    """An archive on disk with the sample of one baseline."""

    folder: Path
    rows: ArchivedRows
    files: ArchivedFiles
    baseline_id: str
    schema: Sequence[object]

    def joint(self, model: MonitoredModel = MODEL, segment: str = "", baseline_id: str = "") -> JointRows | str:
        about = (model, REF, WINDOW, segment, baseline_id or self.baseline_id, self.schema)
        return self.rows.joint(*about)  # type: ignore[arg-type]  # a schema

    def keep(self, name: str, n: int, first: int = 0, at: datetime = START, rate: float = 1.0) -> None:
        """Archive `n` rows with the ids first, first + 1, ..."""
        numbers = list(range(first, first + n))
        columns = {
            "event_id": [f"e{k}" for k in numbers],
            "event_time": pa.array([at] * n, pa.timestamp("ms", tz="UTC")),
            "amount": [float(k) for k in numbers],
            "country": ["DE" if k % 4 == 0 else "FR" for k in numbers],
        }
        pq.write_table(pa.table(columns), self.folder / name)
        partition = PartitionId("inference", 0)
        about = (name, "churn", "3", WINDOW.start_ms, WINDOW.end_ms, n, partition, first, first + n, rate)
        self.files.files.append(ArchiveFile(*about))


@pytest.fixture
def place(stores: object, tmp_path: Path) -> Place:
    training: dict[str, Sequence[object]] = {
        "amount": [float(k) for k in range(300)],
        "country": ["DE", "FR", "FR"] * 100,
        "latency_ms": [1.0] * 300,
        "at": [*((START - (k // 60 + 1) * HOUR) for k in range(299)), None],
    }
    sample = SampledRows(TrainingRows(training))
    options = TrainingOptions(event_time="at")
    built = BuildBaseline({"churn": MODEL}, stores.baselines).build(REF, sample, options=options)  # type: ignore[attr-defined]
    location = ArchiveLocation(str(tmp_path))
    TrainingSamples(location).keep(built.id, sample, built.baseline.schema, options, {})
    files = ArchivedFiles()
    return Place(tmp_path, ArchivedRows(lambda: location, files), files, built.id, built.baseline.schema)


def test_both_sides_are_read_and_the_baseline_knows_which_window_a_row_lies_in(place: Place) -> None:
    place.keep("one.parquet", 100)

    read = place.joint()

    assert isinstance(read, JointRows)
    assert (len(read.reference), len(read.current)) == (300, 100)
    assert read.reference.columns.keys() == read.current.columns.keys() == {"amount", "country"}
    assert read.reference.window_of is not None
    assert sorted(np.unique(read.reference.window_of, return_counts=True)[1].tolist()) == [1, 59, 60, 60, 60, 60]
    assert read.reference.window_of[-1] == -1


def test_the_rows_do_not_depend_on_files_or_order_and_each_id_counts_once(place: Place) -> None:
    place.keep("whole.parquet", 200)
    whole = place.joint()
    place.files.files.clear()
    place.keep("b.parquet", 120, first=80)
    place.keep("a.parquet", 100)

    parts = place.joint()

    assert isinstance(whole, JointRows)
    assert isinstance(parts, JointRows)
    assert len(parts.current) == 200
    assert _amounts(whole) == _amounts(parts)
    assert whole.seed == parts.seed


def test_rows_of_other_hours_are_left_out_and_unequal_rates_thinned_to_the_lowest(place: Place) -> None:
    place.keep("kept.parquet", 1_000)
    place.keep("sampled.parquet", 1, first=5_000, rate=0.1)
    place.keep("later.parquet", 50, first=9_000, at=START + HOUR)

    read = place.joint()

    assert isinstance(read, JointRows)
    assert 60 <= len(read.current) <= 140
    assert max(_amounts(read)) < 9_000


def test_a_large_window_is_read_in_part(place: Place) -> None:
    place.keep("large.parquet", MOST_ROWS + 1_000)

    read = place.joint()

    assert isinstance(read, JointRows)
    assert len(read.current) == MOST_ROWS


def test_a_segment_has_its_rows_alone_on_both_sides(place: Place) -> None:
    place.keep("one.parquet", 100)

    read = place.joint(segment="germany")

    assert isinstance(read, JointRows)
    assert (len(read.reference), len(read.current)) == (100, 25)
    countries = read.current.columns["country"]
    assert isinstance(countries, CategoricalColumn)
    assert set(countries.values) == {"DE"}


def test_what_cannot_be_had_is_said(place: Place) -> None:
    hidden = replace(MODEL, archive=ArchivePolicy(personal={"country": Personal.HASH}))

    said = [
        place.joint(replace(MODEL, archive=None)),
        place.joint(baseline_id="ff"),
        place.joint(hidden, segment="germany"),
        place.joint(),
    ]

    assert said == [
        "the model keeps no raw rows: set `archive: true`",
        "no training rows are kept for the baseline: build it again with this program, with `archive` set",
        "the segment's column country is personal, and hidden in raw rows",
        "no archived rows of churn:3 in the window",
    ]


def _amounts(read: JointRows) -> list[float]:
    column = read.current.columns["amount"]
    assert isinstance(column, NumericColumn)
    amounts: list[float] = column.values.tolist()
    return amounts


def test_a_latency_that_training_rows_lack_is_no_part_of_their_sample(stores: object, tmp_path: Path) -> None:
    """Its bins are added to the baseline because a check asks for it, and the rows are kept because of another one."""
    check = CheckSpec("latency_p95", ("latency_ms",))
    model = replace(MODEL, checks=(*MODEL.checks, check))
    sample = SampledRows(TrainingRows({"amount": [float(k) for k in range(300)], "country": ["DE", "FR", "FR"] * 100}))
    built = BuildBaseline({"churn": model}, stores.baselines).build(REF, sample)  # type: ignore[attr-defined]
    assert "latency_ms" in {spec.name for spec in built.baseline.schema}
    location = ArchiveLocation(str(tmp_path))
    path = TrainingSamples(location).keep(built.id, sample, built.baseline.schema, TrainingOptions(), {})
    assert pq.read_table(tmp_path / path).column_names == ["amount", "country"]
