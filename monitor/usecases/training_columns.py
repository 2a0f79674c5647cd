"""Training rows to columns: which kind each column is, and which are left out and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from monitor.domain.derived import DerivedColumn
from monitor.domain.errors import BaselineError
from monitor.domain.models import PREDICTION, BaselineRole, Task
from monitor.domain.time import EPOCH, from_ms, parse_instant, seconds_to_ms, to_ms
from monitor.stats.baseline import Period
from monitor.stats.calibration.windows import NO_TIME
from monitor.stats.columns import Column, Ints, NumericColumn
from monitor.usecases.column_choice import choose_column
from monitor.usecases.object_cells import NUMBER_TYPES, ObjectCells, is_missing, text

_PANDAS_INDEX = ("", *(f"__index_level_{level}__" for level in range(8)))
"""How pandas names an index without a name when it writes a table: the numbers of rows, which no record has.

In CSV it has no name at all, nor have R's names of rows.
"""

_PROFILED = (*NUMBER_TYPES, str, np.bool_)

TRUTH = "label"
"""What ground-truth records call the truth: a training column of this name is no feature, but the truth of its row."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to read training rows.

    `rename` gives columns the names that records use (outputs: prediction, score, latency_ms). `exclude` are left out.
    `target` names the truth of the rows, which is no feature (without it a column `label` is the truth). `event_time`
    is left out, too, and tells the period; so are numbers of rows without a name. Columns in `categorical` are such,
    whatever their values; any other column of numbers is numeric. `role` is what the rows are to the model (None:
    nobody says). `season` is how long before a forecast's truth the truth lies that a naive forecast repeats, in the
    same `series` (a column of their names; None: there is one). Of the columns in `derived`, others are made in tables
    that are compared; a model's own are made before its rows come here.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    target: str | None = None
    event_time: str | None = None
    categorical: tuple[str, ...] = ()
    role: BaselineRole | None = None
    season: timedelta | None = None
    series: str | None = None
    derived: tuple[DerivedColumn, ...] = ()

    def explain_left_out(self, names: Iterable[str]) -> list[str]:
        """Notes on those that are left out though nobody asked for it, each with the way to have it compared."""
        why = dict.fromkeys(_PANDAS_INDEX, "the numbers of rows, which pandas and R write so")
        why[TRUTH] = "the truth of its row, and no feature"
        return [
            f"{name or 'a column without a name'} is left out, for it is taken for {why[name]}:"
            " give it another name in both tables to compare it"
            for name in sorted(why.keys() & set(names) - set(self.exclude))
        ]

    @property
    def sources_of_categories(self) -> frozenset[str]:
        """Columns in `categorical`, under the names that the data may have for them."""
        renamed = (name for name, final in self.rename.items() if final in self.categorical)
        return frozenset((*self.categorical, *renamed))

    @property
    def left_out(self) -> frozenset[str]:
        """Columns that are no features."""
        return frozenset((TRUTH, *_PANDAS_INDEX, *self.exclude, *filter(None, (self.target, self.event_time))))


@dataclass(frozen=True, slots=True)
class TrainingColumns:
    """What was read: columns of equal length under their final names, the period, and what is worth knowing.

    `times_ms` (rows,) are event times, `NO_TIME` where a row has none; None when no column of them was named. `truth`
    are the truths of the rows as text, as ground-truth records have it; None when no column holds them. `names` are all
    columns of the data, those left out, too. `series` says which series each row is of, where a column does.
    """

    columns: Mapping[str, Column]
    rows: int
    period: Period | None
    notes: tuple[str, ...]
    times_ms: Ints | None = None
    truth: tuple[str | None, ...] | None = None
    names: frozenset[str] = frozenset()
    series: tuple[str | None, ...] | None = None


def training_columns(
    batches: Iterable[Mapping[str, Sequence[object]]], options: TrainingOptions, task: Task | None = None
) -> TrainingColumns:
    """Read all rows; BaselineError says what is wrong with them and how to mend it."""
    raw, rows = _gathered(batches)
    require_named(options, raw.keys())
    times = _checked_times(raw[options.event_time], options.event_time) if options.event_time else None
    left_out = options.left_out
    kept = _renamed({name: values for name, values in raw.items() if name not in left_out}, options.rename)
    columns: dict[str, Column] = {}
    notes: list[str] = []
    for name, values in kept.items():
        cells = ObjectCells(values)
        column, note = choose_column(name, cells, is_categorical=is_categorical(name, options, task))
        if column is not None:
            columns[name] = column
        if note:
            notes.append(note)
    if not columns:
        raise BaselineError(f"no column is left to profile: {'; '.join(notes) or 'all of them were excluded'}")
    if all(_is_all_missing(column) for column in columns.values()):
        raise BaselineError(f"all {rows:,} rows are missing in every column: check how the training data is read")
    period = None if times is None else _period(times)
    series = None if options.series is None else tuple(map(_series_name, raw[options.series]))
    return TrainingColumns(columns, rows, period, tuple(notes), times, _truth(raw, options), frozenset(raw), series)


def _series_name(value: object) -> str | None:
    return None if is_missing(value) or not isinstance(value, _PROFILED) else text(value)


def _truth(raw: Mapping[str, Sequence[object]], options: TrainingOptions) -> tuple[str | None, ...] | None:
    """None, too, when some truth is neither text nor a number or boolean."""
    name = options.target or TRUTH
    if name not in raw or name in options.exclude:
        return None
    values = raw[name]
    if not all(is_missing(value) or isinstance(value, _PROFILED) for value in values):
        return None
    return tuple(None if is_missing(value) else text(value) for value in values)


def _gathered(batches: Iterable[Mapping[str, Sequence[object]]]) -> tuple[dict[str, list[object]], int]:
    raw: dict[str, list[object]] = {}
    rows = 0
    for batch in batches:
        if not raw:
            raw = {name: [] for name in batch}
        if batch.keys() != raw.keys():
            differ = ", ".join(sorted(batch.keys() ^ raw.keys()))
            raise BaselineError(f"parts of the training data differ in their columns: {differ}")
        for name, values in batch.items():
            raw[name].extend(values)
        rows += len(next(iter(batch.values()), ()))
    if not raw or not rows:
        raise BaselineError("the training data holds no row: check the path, or the query and its filter")
    return raw, rows


def require_named(options: TrainingOptions, names: Collection[str]) -> None:
    """BaselineError when the options name a column that the data has not."""
    named = {*options.rename, *options.exclude}
    named |= set(filter(None, (options.target, options.event_time, options.series)))
    final = {options.rename.get(name, name) for name in names}
    unknown = sorted((named - set(names)) | {name for name in options.categorical if name not in final})
    if unknown:
        there = ", ".join(sorted(names))
        raise BaselineError(f"the training data has no column {', '.join(map(repr, unknown))}; it has {there}")


def require_derived(derived: Iterable[DerivedColumn], names: Collection[str]) -> None:
    """BaselineError when a text or vector is declared that the data has not; `names` are those that were made."""
    lost = [one.column for one in derived if not any(spec.name in names for spec in one.specs)]
    if lost:
        there = ", ".join(sorted(names))
        raise BaselineError(f"the training data has no column {', '.join(map(repr, lost))}; it has {there}")


def _renamed(raw: Mapping[str, list[object]], rename: Mapping[str, str]) -> dict[str, list[object]]:
    kept: dict[str, list[object]] = {}
    for name, values in raw.items():
        final = rename.get(name, name)
        if final in kept:
            raise BaselineError(f"two columns would be named {final!r}: exclude one of them, or rename it")
        kept[final] = values
    return kept


def is_categorical(name: str, options: TrainingOptions, task: Task | None) -> bool:
    """Whether numbers in this column are categories."""
    return name in options.categorical or (name == PREDICTION and task is not None and task.has_classes)


def _is_all_missing(column: Column) -> bool:
    if isinstance(column, NumericColumn):
        return bool(np.isnan(column.values).all())
    return all(value is None for value in column.values)


def _checked_times(values: Sequence[object], name: str) -> Ints:
    times = event_times(values, name)
    if (times == NO_TIME).all():
        raise BaselineError(f"{name} has no time in any row: the period of the training data is unknown")
    return times


def event_times(values: Sequence[object], name: str) -> Ints:
    """Milliseconds since the epoch, `NO_TIME` where there is none; BaselineError for what is no time."""
    return np.array([NO_TIME if is_missing(value) else _instant(value, name) for value in values], np.int64)


def _period(times: Ints) -> Period:
    known = times[times != NO_TIME]
    return from_ms(int(known.min())), from_ms(int(known.max()) + 1)


def _instant(value: object, name: str) -> int:
    """Milliseconds since the epoch; text is RFC 3339, numbers are seconds (1971 to 2199), no zone means UTC."""
    try:
        if isinstance(value, datetime):
            return to_ms(value if value.tzinfo else value.replace(tzinfo=EPOCH.tzinfo))
        if isinstance(value, date):
            return to_ms(datetime(value.year, value.month, value.day, tzinfo=EPOCH.tzinfo))
        if isinstance(value, str):
            return to_ms(parse_instant(value))
        if isinstance(value, NUMBER_TYPES) and not isinstance(value, bool):
            return seconds_to_ms(float(value))
    except (ValueError, OverflowError) as error:
        raise BaselineError(f"{name} holds {value!r}, which is no time: {error}") from error
    raise BaselineError(f"{name} holds {value!r}, which is no time: give RFC 3339 text, timestamps or seconds")
