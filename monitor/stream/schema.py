"""What the decoder must take out of the records of one model version."""

from collections.abc import Callable
from dataclasses import dataclass

from monitor.domain.derived import DerivedColumn
from monitor.domain.models import OUTPUT_COLUMNS, ColumnKind, ColumnSpec, MonitoredModel, Task


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """The columns to read, and how to read a score.

    `columns` are the baseline's, outputs among them, and the columns that segments look at. `positive_label` picks the
    score out of `scores`. With `discover` every feature is read and its kind guessed: for the archive of a model that
    has no baseline yet. With `keep_scores` the scores of all classes are kept beside a prediction; `has_quantiles` says
    that they are quantiles, of which none is the score. With `takes_lists` predictions and truths may be lists.
    `derived` are features that are not read as they are: columns are made of them. Those among `originals` are kept as
    they are, too.
    """

    columns: tuple[ColumnSpec, ...]
    positive_label: str | None = None
    discover: bool = False
    keep_scores: bool = False
    has_quantiles: bool = False
    takes_lists: bool = False
    derived: tuple[DerivedColumn, ...] = ()
    originals: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is known what each record has, and predictions and truths are single values."""
        return not (self.discover or self.keep_scores or self.takes_lists)

    @property
    def features(self) -> tuple[ColumnSpec, ...]:
        """The columns that are read from `features` as they are."""
        others = {*OUTPUT_COLUMNS, *self.made_of}
        return tuple(column for column in self.columns if column.name not in others)

    @property
    def made_of(self) -> dict[str, str]:
        """Columns that are made of others, each with the feature that it is made of."""
        return {column.name: one.column for one in self.derived for column in one.specs}

    def kind(self, name: str) -> ColumnKind | None:
        """How the column is profiled, None when it is not."""
        return next((column.kind for column in self.columns if column.name == name), None)


SchemaLookup = Callable[[str, str], RecordSchema | None]
"""Schema of a (model name, version); None when no such model is monitored."""


def record_schema(model: MonitoredModel, baselines: tuple[tuple[ColumnSpec, ...], ...]) -> RecordSchema:
    """The schema of a model whose windows are compared with baselines of these columns, oldest first.

    Where baselines disagree about the kind of a column, the newest is right.
    """
    kinds = {column.name: column.kind for columns in baselines for column in columns}
    for segment in model.segments:
        kinds.setdefault(segment.column, ColumnKind.CATEGORICAL)
    for one in model.derived:
        if any(spec.name in kinds for spec in one.specs):  # else its baselines are older, and know it as it is
            kinds.pop(one.column, None)
    columns = tuple(ColumnSpec(name, kind) for name, kind in kinds.items())
    return RecordSchema(
        columns,
        model.positive_label,
        discover=model.archive is not None and not baselines,
        keep_scores=model.task in {Task.MULTICLASS, Task.FORECAST} and model.ground_truth is not None,
        has_quantiles=model.task is Task.FORECAST,
        takes_lists=model.task in {Task.RANKING, Task.TEXT},
        derived=model.derived,
        originals=model.archive.originals if model.archive is not None else (),
    )
