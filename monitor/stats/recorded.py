"""Records as columns, each with its event id: what was kept of them, to be looked at one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, NumericColumn, Rows


@dataclass(frozen=True, slots=True, eq=False)
class RecordedColumns:
    """Columns of equal length beside the ids of their records. `rate` is the share of records that was kept.

    `sources` name where they were read from.
    """

    event_ids: tuple[str, ...]
    columns: Mapping[str, Column]
    rate: float = 1.0
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of records."""
        return len(self.event_ids)

    def take(self, rows: Rows) -> "RecordedColumns":
        """The given records, in their order."""
        ids = tuple(self.event_ids[row] for row in rows.tolist())
        return RecordedColumns(ids, {k: c.take(rows) for k, c in self.columns.items()}, self.rate, self.sources)


def as_texts(column: Column | None, n: int) -> Sequence[str | None]:
    """The values as records spell them: whole numbers without a point; None where there is none, or no column."""
    if column is None:
        return [None] * n
    if isinstance(column, CategoricalColumn):
        return column.values
    return [_text(value) for value in column.values.tolist()]


def as_numbers(column: Column | None, n: int) -> NumericColumn:
    """The values as numbers; NaN where one is none, or there is no column."""
    if isinstance(column, NumericColumn):
        return column
    if column is None:
        return NumericColumn(np.full(n, np.nan))
    return NumericColumn(np.array([_number(value) for value in column.values], dtype=np.float64))


def _text(value: float) -> str | None:
    if np.isnan(value):
        return None
    return str(int(value)) if value.is_integer() else str(value)


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan
