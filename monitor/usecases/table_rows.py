"""Rows of a table that are kept for tests of raw rows: evenly spread, the same for each group of its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn, Rows

MOST_ROWS = 4_000


def spread_rows(rows: int) -> Rows:
    """Every k-th of so many rows, with k the smallest power of two that leaves few enough."""
    step = 1
    while -(-rows // step) > MOST_ROWS:
        step *= 2
    picked: Rows = np.arange(0, rows, step)
    return picked


@dataclass(slots=True)
class SpreadRows:
    """Gathers the same rows of a table that comes batch by batch, however it is cut into batches."""

    _seen: int = 0
    _step: int = 1
    _parts: list[tuple[Ints, Mapping[str, Column]]] = field(default_factory=list)

    def add(self, rows: int, columns: Mapping[str, Column]) -> None:
        """Take some of these rows."""
        picked = np.arange(-self._seen % self._step, rows, self._step)
        self._parts.append((picked + self._seen, {name: column.take(picked) for name, column in columns.items()}))
        self._seen += rows
        if self._step < (step := _step_of(self._seen)):
            self._step = step
            self._parts = [_thinned(numbers, part, step) for numbers, part in self._parts]

    def columns(self) -> dict[str, Column]:
        """What was gathered; where a batch lacks a column, its rows have no value there."""
        names = dict.fromkeys(name for _, part in self._parts for name in part)
        return {name: _joined([(len(numbers), part.get(name)) for numbers, part in self._parts]) for name in names}


def _step_of(rows: int) -> int:
    picked = spread_rows(rows)
    return int(picked[1]) if len(picked) > 1 else 1


def _thinned(numbers: Ints, part: Mapping[str, Column], step: int) -> tuple[Ints, Mapping[str, Column]]:
    kept = np.flatnonzero(numbers % step == 0)
    return numbers[kept], {name: column.take(kept) for name, column in part.items()}


def _joined(parts: Sequence[tuple[int, Column | None]]) -> Column:
    """Parts of one column: all of one kind, as the layouts of the reference say."""
    if any(isinstance(part, NumericColumn) for _, part in parts):
        numbers = [part.values if isinstance(part, NumericColumn) else np.full(n, np.nan) for n, part in parts]
        return NumericColumn(np.concatenate(numbers))
    texts: list[str | None] = []
    for n, part in parts:
        texts += part.values if isinstance(part, CategoricalColumn) else [None] * n
    return CategoricalColumn(texts)
