"""The current table of a comparison, counted on the bins of the reference in one pass over each of its columns."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial

from monitor.domain.errors import BaselineError
from monitor.stats.cells import NUMBERS, PROFILED, TEXT, Cells, TableBatch
from monitor.stats.columns import Column
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout
from monitor.stats.profiles.renamed import concealed
from monitor.usecases.derived_table import with_derived
from monitor.usecases.reference import Reference
from monitor.usecases.table_reader import Seen, TableReader, gather, group_by_group
from monitor.usecases.table_rows import SpreadRows
from monitor.usecases.training_columns import TrainingOptions


def read_window(reference: Reference, table: TableReader, seen: Seen) -> "TableWindow":
    """Count all rows; BaselineError when the table is broken."""
    table, options = with_derived(table, reference.options)
    reference = replace(reference, options=options)
    counted = group_by_group(table, lambda group: gather(table, group, seen, partial(_Counted.of, reference, group)))
    return TableWindow(reference, counted)


@dataclass(slots=True)
class _Counted:
    """Some columns of the current table on the bins of the reference, and what their cells were."""

    profile: ModelProfile
    options: TrainingOptions
    _known: Set[str]
    sample: SpreadRows = field(default_factory=SpreadRows)
    names: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    strange: dict[str, frozenset[str]] = field(default_factory=dict)
    kinds: dict[str, frozenset[str]] = field(default_factory=dict)
    digits: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, reference: Reference, group: frozenset[str] | None) -> "_Counted":
        """Nothing yet; `group` are names as the table has them."""
        rename, layouts = reference.options.rename, reference.baseline.layouts
        asked = layouts.keys() if group is None else {rename.get(name, name) for name in group}
        known = {name: layout for name, layout in layouts.items() if name in asked}
        return cls(ModelProfile.empty(known), reference.options, {*layouts, *reference.refused})

    def add(self, batch: TableBatch) -> None:
        """Count some rows. Cells of another kind than the column's are invalid, as they are in records."""
        rename, left_out = self.options.rename, self.options.left_out
        named = {rename.get(name, name): cells for name, cells in batch.columns.items() if name not in left_out}
        known = {name: cells for name, cells in named.items() if name in self.profile.layouts}
        columns = {name: self._column(name, cells) for name, cells in known.items()}
        self.profile.update(columns, batch.rows)
        self.sample.add(batch.rows, columns)
        self.profile.add_extra({name: _sampled(cells) for name, cells in named.items() if name not in self._known})
        self.excluded |= left_out.intersection(batch.names)
        self.names |= {rename.get(name, name) for name in batch.names if name not in left_out}
        self.repeated |= {rename.get(name, name) for name in batch.repeated - left_out}

    def _column(self, name: str, cells: Cells) -> Column:
        is_numeric = isinstance(self.profile.layouts[name], NumericLayout)
        self.kinds[name] = self.kinds.get(name, frozenset()) | cells.kinds
        strange = cells.kinds - (frozenset({NUMBERS}) if is_numeric else PROFILED)
        if strange:
            self.strange[name] = self.strange.get(name, frozenset()) | strange
        if is_numeric and TEXT in strange and any(map(_is_digits, cells.categorical().values)):
            self.digits.add(name)
        return cells.numeric() if is_numeric else cells.categorical()


class TableWindow:
    """The whole current table, group by group of its columns."""

    def __init__(self, reference: Reference, groups: "Sequence[_Counted]") -> None:
        self._reference, self._groups = reference, groups
        self._known = reference.baseline.layouts

    @property
    def rows(self) -> int:
        """Number of rows."""
        return max((counted.profile.n for counted in self._groups), default=0)

    def profile(self) -> ModelProfile:
        """All columns of the reference; one that the table lacks is missing in every row."""
        counted = {name for group in self._groups for name in group.profile.layouts}
        lost = ModelProfile.empty({name: self._known[name] for name in self._known.keys() - counted})
        lost.update({}, self.rows)
        whole = ModelProfile.joined([*(group.profile for group in self._groups), lost], self.rows)
        for group in self._groups:
            whole.add_extra({name: sample.counts.items() for name, sample in group.profile.extra_values.items()})
        return whole

    def sample(self) -> dict[str, Column]:
        """Evenly spread rows of the columns that can be compared."""
        refused = self.uncompared()
        samples = [group.sample.columns() for group in self._groups]
        return {name: column for sample in samples for name, column in sample.items() if name not in refused}

    def require_excluded(self) -> None:
        """BaselineError when a column is excluded that neither table has: another one would be compared."""
        there = {name for group in self._groups for name in group.excluded}
        if lost := sorted(self._reference.excluded_elsewhere - there):
            names = ", ".join(sorted(self._known.keys() | self._names()))
            raise BaselineError(
                f"neither table has a column {', '.join(map(repr, lost))} to exclude; there are {names}"
            )

    def uncompared(self) -> dict[str, str]:
        """Columns that have no check, each with the reason."""
        refused = self._reference.refused
        extra = dict.fromkeys(self._names() - self._known.keys() - refused.keys(), "the reference has no such column")
        repeated = {name for group in self._groups for name in group.repeated}
        twice = dict.fromkeys(repeated, "more than one column has this name: rename all but one")
        return {**extra, **twice, **refused}

    def notes(self) -> list[str]:
        """What came differently from the reference."""
        strange = {name: kinds for group in self._groups for name, kinds in group.strange.items()}
        lost = [
            f"{name} is in the reference alone: it counts as missing in every row"
            for name in sorted(self._known.keys() - self._names())
        ]
        excluded = {name for group in self._groups for name in group.excluded}
        return (
            lost
            + self._reference.options.explain_left_out(excluded)
            + self._retyped()
            + [
                f"{name} holds {_listed(kinds)} where the reference holds {self._held(name)}: "
                f"such values count as missing{self._advice(name)}"
                for name, kinds in sorted(strange.items())
            ]
        )

    def _retyped(self) -> list[str]:
        """Categories of another type than before: each value is compared as its text."""
        now = {name: kinds for group in self._groups for name, kinds in group.kinds.items()}
        return [
            f"{name} holds {_listed(now[name])} where the reference holds {_listed(before)}: compared as text"
            for name, before in sorted(self._reference.kinds.items())
            if before and now.get(name) and not before & now[name] and now[name] <= PROFILED
            if not isinstance(self._known[name], NumericLayout)
        ]

    def _advice(self, name: str) -> str:
        """Codes, as `007`, are numbers to who reads a CSV file."""
        is_coded = any(name in group.digits for group in self._groups)
        return "; if they are codes, declare the column as categorical" if is_coded else ""

    def _held(self, name: str) -> str:
        if not self._reference.baseline.whole.columns[name].n_values:
            return "nothing"
        return "numbers" if isinstance(self._known[name], NumericLayout) else "categories"

    def _names(self) -> set[str]:
        return {name for group in self._groups for name in group.names}


def _is_digits(text: str | None) -> bool:
    return text is not None and text.isdecimal()


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds))


def _sampled(cells: Cells) -> Iterable[tuple[str, int]]:
    """Values of a column that the reference lacks, by which it may be told under another name; of texts a digest."""
    values = (value for value in cells.categorical().values if value is not None)
    return Counter(values if cells.kinds <= {NUMBERS} else map(concealed, values)).items()
