"""Training rows whose texts and vectors are replaced by the columns that are made of them, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.domain.derived import DerivedColumn
from monitor.domain.ports import RowReader
from monitor.stats.columns import NumericColumn
from monitor.stats.derived.derive import derive
from monitor.usecases.training_columns import TrainingOptions, require_derived


@dataclass(frozen=True, slots=True)
class DerivedRows:
    """A reader of rows. `sources` are the declared columns by the names that the rows have for them.

    Rows that hold the derived columns already, as archived ones do, are left as they are. A value that is no text, or
    no such vector, is missing in all numbers; a vector's `shape` says why.
    """

    rows: RowReader
    sources: Mapping[str, DerivedColumn]

    def batches(self) -> Iterator[Mapping[str, Sequence[object]]]:
        """The reader's batches, with other columns."""
        for batch in self.rows.batches():
            made: dict[str, Sequence[object]] = {}
            for name, values in batch.items():
                made |= _derived(self.sources[name], values) if name in self.sources else {name: values}
            require_derived(self.sources.values(), made)
            yield made


def derived_rows(
    rows: RowReader, derived: Sequence[DerivedColumn], options: TrainingOptions
) -> tuple[RowReader, TrainingOptions]:
    """The reader, and the options for what it reads: a new name of a declared column has had its effect."""
    if not derived:
        return rows, options
    original = {final: name for name, final in options.rename.items()}
    sources = {original.get(one.column, one.column): one for one in derived}
    rename = {name: final for name, final in options.rename.items() if name not in sources}
    return DerivedRows(rows, sources), replace(options, rename=rename)


def _derived(spec: DerivedColumn, values: Sequence[object]) -> dict[str, Sequence[object]]:
    columns = derive(spec, values)
    return {
        name: column.values.tolist() if isinstance(column, NumericColumn) else list(column.values)
        for name, column in columns.items()
    }
