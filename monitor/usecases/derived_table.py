"""A table whose texts and vectors are replaced by the columns that are made of them, batch by batch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.domain.derived import DerivedColumn, TextColumn
from monitor.domain.errors import BaselineError
from monitor.stats.cells import NUMBERS, TEXT, Cells, OtherCells, TableBatch, cell_values
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.derived.derive import derive
from monitor.stats.texts import NumberTexts
from monitor.usecases.table_reader import TableReader
from monitor.usecases.training_columns import TrainingOptions


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """The table of `inner`; `sources` are the declared columns by the names that the table has for them.

    A reference must hold texts where texts are declared; where the table compared with it does not, that is a finding.
    """

    inner: TableReader
    sources: Mapping[str, DerivedColumn]
    is_reference: bool = False

    @property
    def name(self) -> str:
        """For messages."""
        return self.inner.name

    @property
    def rows(self) -> int | None:
        """Number of rows; None when unknown."""
        return self.inner.rows

    def column_groups(self) -> Sequence[frozenset[str] | None]:
        """Those of the table, with the columns that are made in the place of those that they are made of."""
        return [None if group is None else frozenset(self._made(group)) for group in self.inner.column_groups()]

    def read_as_text(self, columns: Collection[str]) -> None:
        """As the table does."""
        self.inner.read_as_text(columns)

    def batches(self, columns: Collection[str] | None = None) -> Iterator[TableBatch]:
        """Some rows at a time."""
        made_of = {one.name: source for source, spec in self.sources.items() for one in spec.specs}
        wanted = None if columns is None else {made_of.get(name, name) for name in columns}
        kinds: dict[str, set[str]] = {}
        for batch in self.inner.batches(wanted):
            found: dict[str, Cells] = {}
            for name, cells in batch.columns.items():
                if name in self.sources:
                    kinds.setdefault(name, set()).update(cells.kinds)
                found |= _cells(self.sources[name], cells) if name in self.sources else {name: cells}
            yield TableBatch(batch.rows, found, list(self._made(batch.names)))
        if self.is_reference:
            self._require_texts(kinds)

    def _require_texts(self, kinds: Mapping[str, Collection[str]]) -> None:
        for name, seen in kinds.items():
            if seen == {NUMBERS} and isinstance(self.sources[name], TextColumn):
                raise BaselineError(
                    f"{name} of {self.name} is declared as text, and holds numbers alone: leave it out of the texts"
                )

    def _made(self, names: Collection[str]) -> Iterator[str]:
        """Of a training data set with originals, which has the made columns already, these are made again."""
        again = {one.name for name in names if name in self.sources for one in self.sources[name].specs}
        for name in names:
            if name in again:
                continue
            if name in self.sources:
                yield from (one.name for one in self.sources[name].specs)
            else:
                yield name


def with_derived(
    table: TableReader, options: TrainingOptions, *, is_reference: bool = False
) -> tuple[TableReader, TrainingOptions]:
    """The table with the declared columns made, and the options for what it holds then.

    A reference with nothing but numbers in a column that is declared as text is a BaselineError when it is read.
    """
    if not options.derived:
        return table, options
    original = {final: name for name, final in options.rename.items()}
    sources = {original.get(one.column, one.column): one for one in options.derived}
    rename = {name: final for name, final in options.rename.items() if name not in sources}
    return DerivedTable(table, sources, is_reference), replace(options, rename=rename, derived=())


@dataclass(frozen=True, slots=True, eq=False)
class MadeCells:
    """The cells of a column that was made: what was made of a wrong value is invalid already."""

    column: Column

    def __len__(self) -> int:
        return len(self.column)

    @property
    def kinds(self) -> frozenset[str]:
        """Numbers or text, if there is any."""
        if isinstance(self.column, NumericColumn):
            return frozenset() if np.isnan(self.column.values).all() else frozenset({NUMBERS})
        return frozenset({TEXT}) if any(value is not None for value in self.column.values) else frozenset()

    def numeric(self) -> NumericColumn:
        """The numbers."""
        if isinstance(self.column, NumericColumn):
            return self.column
        return OtherCells(TEXT, np.array([value is None for value in self.column.values], np.bool_)).numeric()

    def categorical(self) -> CategoricalColumn:
        """The texts, or numbers as text."""
        if isinstance(self.column, CategoricalColumn):
            return self.column
        return CategoricalColumn(list(NumberTexts(self.column.values)), self.column.invalid)


def _cells(spec: DerivedColumn, cells: Cells) -> dict[str, Cells]:
    return {name: MadeCells(column) for name, column in derive(spec, cell_values(cells)).items()}
