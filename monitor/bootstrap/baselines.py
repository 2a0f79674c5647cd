"""Baselines from training data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.adapters.tabular import FileRows, SqlRows
from monitor.adapters.training_sample import SampledRows, TrainingSamples
from monitor.bootstrap.app import App
from monitor.bootstrap.archiving import archive_hash_key, archive_location
from monitor.domain.errors import BaselineError
from monitor.domain.models import ModelRef
from monitor.domain.ports import RowReader
from monitor.usecases.baseline import BuildBaseline, BuiltBaseline
from monitor.usecases.derived_rows import derived_rows
from monitor.usecases.training_columns import TrainingOptions


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Where training rows come from and how to read them: a path, or a SQL query with the database's URL."""

    path: Path | None = None
    query: str = ""
    url: str = ""
    options: TrainingOptions = TrainingOptions()  # noqa: RUF009 - frozen

    def reader(self) -> RowReader:
        """The rows."""
        if self.path is None:
            return SqlRows(self.url, self.query)
        return FileRows(self.path, self.options.sources_of_categories)

    def __str__(self) -> str:
        """In words, as the baseline remembers it."""
        return f"query: {self.query}" if self.path is None else str(self.path)


def baseline_builder(app: App) -> BuildBaseline:
    """The use case."""
    return BuildBaseline(app.settings.models, app.stores.baselines, app.tests)


def build_baseline(
    app: App, ref: ModelRef, data: TrainingData, importances: Mapping[str, float] | None = None
) -> BuiltBaseline:
    """Build and store; where the model keeps raw rows, a sample of the training rows is kept beside them."""
    model = app.settings.models.get(ref.name)
    rows, options = derived_rows(data.reader(), model.derived if model else (), data.options)
    sample = SampledRows(rows)
    reader: RowReader = sample if model is not None and model.archive else rows
    builder = baseline_builder(app)
    built = builder.build(ref, reader, source=str(data), options=options, importances=importances)
    if sample.kept:
        personal = model.archive.personal if model is not None and model.archive is not None else {}
        training_samples(app).keep(built.id, sample, built.baseline.schema, options, personal)
    return built


def promote_baseline(app: App, ref: ModelRef, baseline_id: str, effective_from: datetime | None, why: str) -> None:
    """From this event time on (None: always), compare windows of the version with this baseline."""
    baseline_builder(app).promote(ref, baseline_id, effective_from, why)


def stored_baseline(app: App, start: str) -> tuple[str, ModelRef]:
    """(id, whose it is) of the only baseline whose id starts like this; BaselineError when there is none, or more."""
    summaries = app.stores.baselines.summaries()
    found = [one for one in summaries if str(one["id"]).startswith(start)]
    if len(found) != 1:
        what = "no baseline" if not found else f"{len(found)} baselines"
        raise BaselineError(f"{what} with an id that starts with {start!r}: see `driftline baseline list`")
    return str(found[0]["id"]), ModelRef(str(found[0]["model"]), str(found[0]["version"]))


def training_samples(app: App) -> TrainingSamples:
    """Where samples of training rows are."""
    return TrainingSamples(archive_location(app), archive_hash_key(app))
