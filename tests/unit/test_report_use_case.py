"""The drill-down report: from archived records and kept training rows to Evidently's HTML."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.privacy import in_sample
from monitor.adapters.evidently.renderer import EvidentlyRenderer
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.errors import ReportFailed
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import KeptLetter, LetterQuery, PartitionId
from monitor.domain.reports import RenderedReport, ReportJob
from monitor.domain.stream import ArchiveFile
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.usecases.report import WriteReport

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 1, 10, tzinfo=UTC)
WINDOW = Window(START, START + HOUR)
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, 24 * HOUR)
REF = ModelRef("churn", "3")


class ArchivedFiles:
    """The part of `Records` that a report asks."""

    def __init__(self, files: Sequence[ArchiveFile] = ()) -> None:
        self.files = list(files)

    def dead_letters(self, limit: int, model: str | None = None) -> list[KeptLetter]:
        return []

    def kept_letters(self, query: LetterQuery, limit: int) -> list[KeptLetter]:
        return []

    def dead_letter_counts(self) -> dict[str, int]:
        return {}

    def archive(self, ref: ModelRef, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        return [file for file in self.files if (file.model, file.version) == (ref.name, ref.version)]

    def archived(self, model: str, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        return self.files

    def truth_count(self, model: str, since_ms: int) -> int:
        return 0


class RecordingRenderer:
    """Keeps the jobs it was given."""

    def __init__(self) -> None:
        self.jobs: list[ReportJob] = []

    def render(self, job: ReportJob) -> RenderedReport:
        self.jobs.append(job)
        return RenderedReport(job.output, 1, 1)


@pytest.fixture
def stores() -> SqlStores:
    engine = create_engine("sqlite://")
    migrate(engine)
    return SqlStores.of(engine)


def baseline(stores: SqlStores) -> Baseline:
    amounts = np.random.default_rng(0).normal(50, 5, 2_000)
    countries = CategoricalColumn(["DE", "FR"] * 1_000)
    built = Baseline.build(REF, {"amount": NumericColumn(amounts), "country": countries}, source="test")
    stores.baselines.put(built.id, REF, built.to_bytes(), built.describe())
    stores.baselines.promote(REF, built.id, None, "first")
    return built


def archived(path: Path) -> ArchiveFile:
    return ArchiveFile(
        path.name, "churn", "3", WINDOW.start_ms, WINDOW.end_ms, 600, PartitionId("inference", 0), 0, 600
    )


def rows(path: Path, shift: float) -> Path:
    random = np.random.default_rng(1)
    times = pa.array([START + timedelta(seconds=10 * i) for i in range(600)], pa.timestamp("ms", tz="UTC"))
    ids = [f"e{i}" for i in range(600)]
    columns = {
        "event_id": ids,
        "event_time": times,
        "amount": random.normal(50 + shift, 5, 600),
        "country": ["DE", "FR"] * 300,
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_without_archived_records_the_error_says_how_to_get_them(stores: SqlStores, tmp_path: Path) -> None:
    baseline(stores)
    report = WriteReport(ArchivedFiles(), stores.baselines, RecordingRenderer(), lambda _: "t.parquet", str(tmp_path))

    with pytest.raises(ReportFailed, match=r"archive: true"):
        report.run(MODEL, WINDOW, tmp_path / "report.html")


def test_without_a_baseline_in_force_the_error_names_the_window(stores: SqlStores, tmp_path: Path) -> None:
    report = WriteReport(ArchivedFiles(), stores.baselines, RecordingRenderer(), lambda _: "t.parquet", str(tmp_path))

    with pytest.raises(ReportFailed, match="no baseline of churn is in force at 2026-11-01T10:00:00Z"):
        report.run(MODEL, WINDOW, tmp_path / "report.html")


def test_the_job_names_the_columns_by_kind_and_the_files_of_the_window(stores: SqlStores, tmp_path: Path) -> None:
    baseline(stores)
    renderer = RecordingRenderer()
    report = WriteReport(
        ArchivedFiles([archived(tmp_path / "a.parquet")]),
        stores.baselines,
        renderer,
        lambda _: "t.parquet",
        str(tmp_path),
    )

    report.run(MODEL, WINDOW, tmp_path / "report.html")

    job = renderer.jobs[0]
    assert (job.numeric, job.categorical) == (("amount",), ("country",))
    assert (job.archive, job.reference, job.current) == (str(tmp_path), "t.parquet", (("a.parquet", 1.0),))


@pytest.mark.slow
def test_evidently_writes_the_report_of_the_window(stores: SqlStores, tmp_path: Path) -> None:
    baseline(stores)
    training, window = rows(tmp_path / "train.parquet", 0.0), rows(tmp_path / "window.parquet", 10.0)
    half = replace(archived(rows(tmp_path / "half.parquet", 10.0)), rate=0.5)
    files = ArchivedFiles([archived(window), half])
    report = WriteReport(files, stores.baselines, EvidentlyRenderer(), lambda _: training.name, str(tmp_path))

    rendered = report.run(MODEL, WINDOW, tmp_path / "report.html")

    html = (tmp_path / "report.html").read_text()
    sampled = int(in_sample([f"e{i}" for i in range(360)], 0.5).sum())
    assert (rendered.current_rows, rendered.left_out) == (360 + sampled, {})
    assert rendered.rate == 0.5
    assert "amount" in html
