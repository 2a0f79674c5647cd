"""The reference of a comparison: a baseline that is built from a table, a few columns at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.domain.checks import ALL_COLUMNS, RECORDS
from monitor.domain.derived import SHAPE, DerivedColumn, VectorColumn
from monitor.domain.errors import BaselineError
from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.cells import TEXT, Cells, JoinedCells, TableBatch, all_missing
from monitor.stats.columns import CategoricalColumn, Column
from monitor.stats.derived.vectors import GOOD
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.column_choice import choose_column
from monitor.usecases.derived_table import with_derived
from monitor.usecases.table_reader import Seen, TableReader, gather, group_by_group
from monitor.usecases.table_rows import spread_rows
from monitor.usecases.training_columns import TrainingOptions, is_categorical, require_derived, require_named

REF = ModelRef("reference", "1")


@dataclass(frozen=True, slots=True)
class Reference:
    """A baseline, and what is not in it: `refused` are columns with the reason why nobody can compare them.

    `sample` are evenly spread rows, of which pairs of columns are counted; `tests_rows` has tests of raw rows look at
    them, too. `kinds` says what the cells of a column hold. `excluded_elsewhere` are columns that are to be left out
    and are not here: the table that is compared must have them.
    """

    baseline: Baseline
    refused: Mapping[str, str]
    notes: tuple[str, ...]
    options: TrainingOptions
    sample: Mapping[str, Column]
    kinds: Mapping[str, frozenset[str]]
    tests_rows: bool = False
    excluded_elsewhere: frozenset[str] = frozenset()

    @property
    def vectors(self) -> tuple[str, ...]:
        """Columns that hold vectors."""
        return tuple(one.column for one in self.options.derived if isinstance(one, VectorColumn))

    @property
    def texts(self) -> frozenset[str]:
        """Columns that hold text, under the names that tables may have for them."""
        final = {name for name, held in self.kinds.items() if TEXT in held}
        return frozenset({*final, *(name for name, renamed in self.options.rename.items() if renamed in final)})


def read_reference(table: TableReader, options: TrainingOptions, seen: Seen, *, tests_rows: bool = False) -> Reference:
    """Read all rows; BaselineError when there are none, or the table is broken. A bad column is refused alone."""
    asked = options
    if twice := sorted({one.column for one in options.derived} & set(options.exclude)):
        which = ", ".join(map(repr, twice))
        raise BaselineError(f"{which} cannot be excluded and declared as a text or vector: leave out one of the two")
    table, options = with_derived(table, options, is_reference=True)
    groups = group_by_group(table, lambda group: _Chosen(options).choose(gather(table, group, seen, _Gathered)))
    names = {name for group in groups for name in group.names}
    rows = groups[0].rows
    if not rows:
        raise BaselineError(f"{table.name} holds no row: check the path, or the query and its filter")
    elsewhere = frozenset(options.exclude) - names
    require_named(replace(options, exclude=()), names)
    require_derived(asked.derived, names)
    refused = {name: why for group in groups for name, why in group.refused.items()}
    profiles = [profile for group in groups for profile in group.profiles]
    _require_distinct(profiles)
    said = (note for group in groups for note in group.notes)
    notes = tuple(dict.fromkeys((*said, *asked.explain_left_out(names))))
    baseline = Baseline(REF, rows, None, table.name, ModelProfile.joined(profiles, rows))
    sample = {name: column for group in groups for name, column in group.sample.items()}
    kinds = {name: held for group in groups for name, held in group.kinds.items()}
    _require_vectors(asked.derived, baseline.whole)
    return Reference(baseline, refused, notes, asked, sample, kinds, tests_rows, elsewhere)


def _require_vectors(derived: Iterable[DerivedColumn], whole: ModelProfile) -> None:
    """BaselineError for a column of vectors that holds none: a shift in it would be seen by nobody."""
    for spec in derived:
        if not isinstance(spec, VectorColumn):
            continue
        shapes = whole.columns[f"{spec.column}.{SHAPE}"]
        if isinstance(shapes, CategoricalProfile) and GOOD not in shapes.layout.categories:
            found = ", ".join(shapes.layout.categories) or "no value"
            raise BaselineError(
                f"column {spec.column!r} holds no vector of {spec.dimensions} numbers, in all rows: {found}; name its "
                "true length, or leave it out of the vectors"
            )


@dataclass(slots=True)
class _Gathered:
    """Cells of some columns over all batches; where a batch lacks a column, its rows have no value there."""

    rows: int = 0
    names: dict[str, None] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    parts: dict[str, list[Cells]] = field(default_factory=dict)

    def add(self, batch: TableBatch) -> None:
        for name, cells in batch.columns.items():
            self.parts.setdefault(name, [all_missing(self.rows)] if self.rows else []).append(cells)
        for name in self.parts.keys() - batch.columns.keys():
            self.parts[name].append(all_missing(batch.rows))
        self.rows += batch.rows
        self.names |= dict.fromkeys(batch.names)
        self.repeated |= batch.repeated


@dataclass(slots=True)
class _Chosen:
    """What became of a group of columns."""

    options: TrainingOptions
    rows: int = 0
    names: dict[str, None] = field(default_factory=dict)
    sample: dict[str, Column] = field(default_factory=dict)
    kinds: dict[str, frozenset[str]] = field(default_factory=dict)
    profiles: list[ModelProfile] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def choose(self, gathered: _Gathered) -> "_Chosen":
        """Profile the columns, one after the other; their cells are forgotten on the way."""
        self.rows, self.names = gathered.rows, gathered.names
        for name in sorted(gathered.repeated - self.options.left_out):
            self._refuse(name, f"more than one column is named {name}: rename all but one")
        for name in sorted(gathered.parts.keys() - self.options.left_out):
            self._choose_one(name, gathered.parts.pop(name))
        return self

    def _choose_one(self, name: str, parts: Sequence[Cells]) -> None:
        final = self.options.rename.get(name, name)
        if final in {ALL_COLUMNS, RECORDS}:
            self._refuse(final, f"findings call all columns together {final}: give this one another name")
            return
        try:
            numbers_are_categories = is_categorical(final, self.options, None)
            cells = JoinedCells(parts)
            column, note = choose_column(final, cells, is_categorical=numbers_are_categories)
            if not cells.kinds:  # of no kind: whatever the other table holds there is a value, where none was
                column = CategoricalColumn([None] * self.rows)
        except BaselineError as error:
            column, note = None, str(error)
        if column is None:
            self._refuse(final, note)
        else:
            self.profiles.append(_profile_of(final, column))
            self.kinds[final] = cells.kinds
            self.sample[final] = column.take(spread_rows(self.rows))
            self.notes += [note] if note else []

    def _refuse(self, name: str, why: str) -> None:
        self.refused[name] = why
        self.notes.append(why)


def _require_distinct(profiles: Sequence[ModelProfile]) -> None:
    names = [name for profile in profiles for name in profile.layouts]
    for name in names:
        if names.count(name) > 1:
            raise BaselineError(f"two columns would be named {name!r}: exclude one of them, or rename it")


def _profile_of(name: str, column: Column) -> ModelProfile:
    return Baseline.build(REF, {name: column}).whole
