"""Training rows to columns: which kind each column is, and which are left out and why."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from monitor.domain.errors import BaselineError
from monitor.domain.models import LATENCY, OUTPUT_COLUMNS, PREDICTION, SCORE, Task
from monitor.domain.time import EPOCH, MILLISECOND, from_ms, parse_instant, to_ms
from monitor.stats.baseline import Period
from monitor.stats.calibration.windows import NO_TIME
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stream.batch import category_text

_NUMBERS = (int, float, Decimal, np.integer, np.floating)
_PROFILED = (*_NUMBERS, str, np.bool_)
_MOMENTS = (date, time, timedelta)
_ID_SHARE = 0.95
_MIN_ROWS_OF_AN_ID = 100

TRUTH = "label"
"""What ground-truth records call the truth: a training column of this name is no feature, but the truth of its row."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to read training rows.

    `rename` gives columns the names that records use (outputs: prediction, score, latency_ms). `exclude` are left out.
    `target` names the truth of the rows, which is no feature (without it a column `label` is the truth). `event_time`
    is left out, too, and tells the period. Columns in `categorical` are, whatever their values; any other column of
    numbers is numeric.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    target: str | None = None
    event_time: str | None = None
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingColumns:
    """What was read: columns of equal length under their final names, the period, and what is worth knowing.

    `times_ms` (rows,) are event times, `NO_TIME` where a row has none; None when no column of them was named. `truth`
    are the truths of the rows as text, as ground-truth records have it; None when no column holds them. `names` are all
    columns of the data, those left out, too.
    """

    columns: Mapping[str, Column]
    rows: int
    period: Period | None
    notes: tuple[str, ...]
    times_ms: Ints | None = None
    truth: tuple[str | None, ...] | None = None
    names: frozenset[str] = frozenset()


def training_columns(
    batches: Iterable[Mapping[str, Sequence[object]]], options: TrainingOptions, task: Task | None = None
) -> TrainingColumns:
    """Read all rows; BaselineError says what is wrong with them and how to mend it."""
    raw, rows = _gathered(batches)
    _require(options, raw)
    times = _times(raw[options.event_time], options.event_time) if options.event_time else None
    left_out = {TRUTH, *options.exclude, *filter(None, (options.target, options.event_time))}
    kept = _renamed({name: values for name, values in raw.items() if name not in left_out}, options.rename)
    columns: dict[str, Column] = {}
    notes: list[str] = []
    for name, values in kept.items():
        column, note = _column(name, values, options, task)
        if column is not None:
            columns[name] = column
        if note:
            notes.append(note)
    if not columns:
        raise BaselineError(f"no column is left to profile: {'; '.join(notes) or 'all of them were excluded'}")
    if all(_is_all_missing(column) for column in columns.values()):
        raise BaselineError(f"all {rows:,} rows are missing in every column: check how the training data is read")
    period = None if times is None else _period(times)
    return TrainingColumns(columns, rows, period, tuple(notes), times, _truth(raw, options), frozenset(raw))


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


def _require(options: TrainingOptions, raw: Mapping[str, object]) -> None:
    named = {*options.rename, *options.exclude, *filter(None, (options.target, options.event_time))}
    final = {options.rename.get(name, name) for name in raw}
    unknown = sorted((named - raw.keys()) | {name for name in options.categorical if name not in final})
    if unknown:
        there = ", ".join(sorted(raw))
        raise BaselineError(f"the training data has no column {', '.join(map(repr, unknown))}; it has {there}")


def _renamed(raw: Mapping[str, list[object]], rename: Mapping[str, str]) -> dict[str, list[object]]:
    kept: dict[str, list[object]] = {}
    for name, values in raw.items():
        final = rename.get(name, name)
        if final in kept:
            raise BaselineError(f"two columns would be named {final!r}: exclude one of them, or rename it")
        kept[final] = values
    return kept


def _column(
    name: str, values: Sequence[object], options: TrainingOptions, task: Task | None
) -> tuple[Column | None, str]:
    present = [value for value in values if not is_missing(value)]
    kinds = set(map(type, present))
    if not present:
        note = f"{name} has no value in any row: only its missing rate is checked"
        return NumericColumn(np.full(len(values), np.nan)), note
    if any(issubclass(kind, _MOMENTS) for kind in kinds):
        return None, f"{name} holds times and is left out: derive a number (an age, an hour) to monitor it"
    if not all(issubclass(kind, _PROFILED) for kind in kinds):
        odd = ", ".join(sorted(kind.__name__ for kind in kinds))
        return None, f"{name} holds {odd} and is left out: only numbers, text and booleans are profiled"
    if _is_numeric(name, kinds, options, task):
        return NumericColumn(np.array([number(value) for value in values])), ""
    texts = [None if is_missing(value) else text(value) for value in values]
    distinct = len(set(texts) - {None})
    if len(present) >= _MIN_ROWS_OF_AN_ID and distinct > _ID_SHARE * len(present) and name not in OUTPUT_COLUMNS:
        return None, f"{name} looks like an identifier ({distinct:,} values in {len(present):,} rows) and is left out"
    return CategoricalColumn(texts), ""


def _is_numeric(name: str, kinds: set[type], options: TrainingOptions, task: Task | None) -> bool:
    if name in {SCORE, LATENCY}:
        if any(issubclass(kind, str | bool | np.bool_) for kind in kinds):
            raise BaselineError(f"{name} must hold numbers, and holds {', '.join(sorted(k.__name__ for k in kinds))}")
        return True
    if name in options.categorical or (name == PREDICTION and task in {Task.BINARY, Task.MULTICLASS}):
        return False
    return all(issubclass(kind, _NUMBERS) and not issubclass(kind, bool) for kind in kinds)


def is_missing(value: object) -> bool:
    """None and NaN of any kind."""
    return value is None or (isinstance(value, float | np.floating | Decimal) and math.isnan(value))


def number(value: object) -> float:
    """A number of any kind as a float: None is NaN, what is too large infinite."""
    if value is None:
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # the kinds were looked at
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # as the decoder of records has it


def text(value: object) -> str | None:
    """A text, number or boolean of any kind as a category."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    return category_text(value)  # type: ignore[arg-type]  # text, number or boolean: the kinds were looked at


def _is_all_missing(column: Column) -> bool:
    if isinstance(column, NumericColumn):
        return bool(np.isnan(column.values).all())
    return all(value is None for value in column.values)


def _times(values: Sequence[object], name: str) -> Ints:
    times = np.array([NO_TIME if is_missing(value) else _instant(value, name) for value in values], np.int64)
    if (times == NO_TIME).all():
        raise BaselineError(f"{name} has no time in any row: the period of the training data is unknown")
    return times


def _period(times: Ints) -> Period:
    known = times[times != NO_TIME]
    return from_ms(int(known.min())), from_ms(int(known.max()) + 1)


def _instant(value: object, name: str) -> int:
    """Milliseconds since the epoch; text is RFC 3339, numbers are seconds, no zone means UTC."""
    try:
        if isinstance(value, datetime):
            return to_ms(value if value.tzinfo else value.replace(tzinfo=EPOCH.tzinfo))
        if isinstance(value, date):
            return to_ms(datetime(value.year, value.month, value.day, tzinfo=EPOCH.tzinfo))
        if isinstance(value, str):
            return to_ms(parse_instant(value))
        if isinstance(value, _NUMBERS) and not isinstance(value, bool):
            return timedelta(seconds=float(value)) // MILLISECOND
    except (ValueError, OverflowError) as error:
        raise BaselineError(f"{name} holds {value!r}, which is no time: {error}") from error
    raise BaselineError(f"{name} holds {value!r}, which is no time: give RFC 3339 text, timestamps or seconds")
