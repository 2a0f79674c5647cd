"""Sequential detectors over the rows of one table, in their order: the same code, and alarms, as over a partition."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial

import numpy as np

from monitor.domain.errors import BaselineError
from monitor.domain.progress import Progress
from monitor.domain.records import PartitionId
from monitor.domain.sequential import FalseAlarmRate, SequentialAlarm, SequentialKey, SequentialSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.windows import NO_TIME
from monitor.stats.cells import TableBatch, all_missing
from monitor.stats.columns import Column, Ints
from monitor.stats.profiles.numeric import NumericLayout
from monitor.stats.sequential import CannotWatch, Law, watcher
from monitor.stats.sequential.detector import Detector
from monitor.stream.watches import REST_MS, Watch
from monitor.usecases.compare import Outcome
from monitor.usecases.reference import REF, Reference, read_reference
from monitor.usecases.table_reader import Seen, TableReader, gather
from monitor.usecases.table_times import times_ms
from monitor.usecases.training_columns import TrainingOptions


@dataclass(frozen=True, slots=True)
class Asked:
    """Which columns are watched by which detectors, each with one false alarm in `run_length` rows (1,000 or more).

    `shift` is in standard deviations. `event_time` is the column of the rows' event times (empty: there is none).
    """

    columns: tuple[str, ...]
    detectors: tuple[str, ...]
    run_length: int
    shift: float = 0.5
    event_time: str = ""

    def specs(self) -> list[SequentialSpec]:
        """Every detector on every column."""
        rate = FalseAlarmRate(1, self.run_length)
        return [SequentialSpec(name, column, rate, self.shift) for column in self.columns for name in self.detectors]


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm at a row, counted from 1. `since_row` is where the change is estimated to have begun.

    Of rows with event times these are told, in milliseconds, and `since_row` is None.
    """

    row: int
    since_row: int | None
    at_ms: int | None
    since_ms: int | None
    alarm: SequentialAlarm


@dataclass(frozen=True, slots=True)
class Detected:
    """What the detectors raised, in the order of rows; `rows` were read.

    `skipped` counts the values that each detector left out (missing, no numbers, infinite), `untimed` the rows that
    were left out for want of an event time. `obstacles` says which detectors could not run, and why.
    """

    raised: tuple[Raised, ...]
    rows: int
    untimed: int
    skipped: Mapping[str, int]
    obstacles: Mapping[str, CannotWatch]

    @property
    def outcome(self) -> Outcome:
        """An alarm before anything else; otherwise incomplete where a detector could not run."""
        if self.raised:
            return Outcome.DRIFT
        return Outcome.INCOMPLETE if self.obstacles else Outcome.NO_DRIFT


def detect(
    reference: TableReader, current: TableReader, asked: Asked, categorical: tuple[str, ...], progress: Progress
) -> Detected:
    """Build a baseline of the columns that are watched, and show the rows of `current` to the detectors."""
    columns = Only(reference, frozenset(asked.columns))
    with progress.task("reference", reference.rows) as task:
        known = read_reference(columns, TrainingOptions(categorical=categorical), task.advance)
    with progress.task("current", current.rows) as task:
        return detect_with(known, current, asked, task.advance)


def detect_with(reference: Reference, current: TableReader, asked: Asked, seen: Seen) -> Detected:
    """Show the rows of a table to detectors against a reference, in one pass; BaselineError when it is broken."""
    wanted = frozenset({*asked.columns, asked.event_time} - {""})
    made, obstacles = _watchers(reference.baseline, asked.specs())
    current.read_as_text(reference.texts)
    start = partial(_Rows, reference.baseline, asked.event_time, made)
    rows = gather(Only(current, wanted), wanted, seen, start)
    if not rows.rows:
        raise BaselineError(f"{current.name} holds no row: check the path, or the query and its filter")
    return rows.detected(obstacles)


def _watchers(
    baseline: Baseline, specs: Sequence[SequentialSpec]
) -> tuple[dict[SequentialSpec, tuple[Law, Detector]], dict[str, CannotWatch]]:
    made, obstacles = {}, {}
    for spec in specs:
        try:
            made[spec] = watcher(spec, baseline)
        except CannotWatch as error:
            obstacles[spec.name] = error
    return made, obstacles


class _Rows:
    """The detectors, and how far they are. Without event times rows are a minute apart, so that no detector rests."""

    def __init__(
        self, baseline: Baseline, event_time: str, made: Mapping[SequentialSpec, tuple[Law, Detector]]
    ) -> None:
        self._layouts, self._event_time, self._made = baseline.layouts, event_time, made
        self._watches = {spec: Watch(SequentialKey(_TABLE, REF.name, REF.version, spec.name), spec) for spec in made}
        for spec, watch in self._watches.items():
            watch.begin(baseline.id, 0, made[spec][1])
        self._alarms: list[SequentialAlarm] = []
        self.rows = self.untimed = 0

    def add(self, batch: TableBatch) -> None:
        """Show some rows to every detector."""
        offsets: Ints = np.arange(self.rows, self.rows + batch.rows, dtype=np.int64)
        self.rows += batch.rows
        times = offsets * REST_MS
        if self._event_time:
            cells = batch.columns.get(self._event_time, all_missing(batch.rows))
            times = times_ms(cells, self._event_time)
        timed = np.flatnonzero(times != NO_TIME)
        self.untimed += batch.rows - len(timed)
        for spec, watch in self._watches.items():
            if len(timed) and spec.column in batch.columns:
                column = self._column(batch, spec.column)
                self._alarms += watch.look(column.take(timed), times[timed], offsets[timed], self._made[spec])

    def _column(self, batch: TableBatch, name: str) -> Column:
        cells = batch.columns[name]
        return cells.numeric() if isinstance(self._layouts[name], NumericLayout) else cells.categorical()

    def detected(self, obstacles: Mapping[str, CannotWatch]) -> Detected:
        """What came of it."""
        raised = sorted(map(self._raised, self._alarms), key=lambda one: (one.row, one.alarm.key.name))
        skipped = {spec.name: watch.skipped for spec, watch in self._watches.items()}
        return Detected(tuple(raised), self.rows, self.untimed, skipped, obstacles)

    def _raised(self, alarm: SequentialAlarm) -> Raised:
        row = alarm.offset + 1
        if self._event_time:
            return Raised(row, None, alarm.at_ms, alarm.since_ms, alarm)
        return Raised(row, alarm.since_ms // REST_MS + 1, None, None, alarm)


_TABLE = PartitionId("table", 0)


@dataclass(slots=True)
class Only:
    """Some columns of a table; BaselineError at its end where it has no such column."""

    table: TableReader
    columns: frozenset[str]
    _names: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """As of the table."""
        return self.table.name

    @property
    def rows(self) -> int | None:
        """As of the table."""
        return self.table.rows

    def column_groups(self) -> Sequence[frozenset[str] | None]:
        """All of them at once."""
        return [self.columns]

    def read_as_text(self, columns: Collection[str]) -> None:
        """As the table does."""
        self.table.read_as_text(columns)

    def batches(self, columns: Collection[str] | None = None) -> Iterator[TableBatch]:
        """Some rows at a time."""
        for batch in self.table.batches(self.columns if columns is None else columns):
            if twice := sorted(self.columns & batch.repeated):
                raise BaselineError(f"more than one column of {self.name} is named {twice[0]}: rename all but one")
            self._names |= set(batch.names)
            yield batch
        lost = sorted(self.columns - self._names)
        if lost and self._names:
            close = get_close_matches(lost[0], self._names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(self._names))}"
            raise BaselineError(f"{self.name} has no column {lost[0]!r}: {hint}")
