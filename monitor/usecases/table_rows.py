"""Rows of a table that are kept for tests of rows and of pairs of columns: the same for each group of its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn, Rows

MOST_ROWS = 4_000

_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_HALF, _LAST = np.uint64(32), np.uint64(63)


def spread_rows(rows: int) -> Rows:
    """The rows of so many that are kept: all of few, otherwise one of each 2, 4, 8 ... neighbours, 2,000 to 4,000.

    Which of the neighbours, chance says, the same every time. Every k-th row would be a class of its own where the
    rows of a table take turns, as those of machines or shops do.
    """
    return _between(0, rows, _doublings(rows))


@dataclass(slots=True)
class SpreadRows:
    """Gathers the same rows of a table that comes batch by batch, however it is cut into batches."""

    _seen: int = 0
    _doubled: int = 0
    _parts: list[tuple[Ints, Mapping[str, Column]]] = field(default_factory=list)

    def add(self, rows: int, columns: Mapping[str, Column]) -> None:
        """Take some of these rows."""
        start, self._seen = self._seen, self._seen + rows
        if self._doubled < (doubled := _doublings(self._seen)):
            self._doubled = doubled
            self._parts = [_thinned(numbers, part, doubled) for numbers, part in self._parts]
        numbers = _between(start, self._seen, self._doubled)
        picked = numbers - start
        self._parts.append((numbers, {name: column.take(picked) for name, column in columns.items()}))

    def columns(self) -> dict[str, Column]:
        """What was gathered; where a batch lacks a column, its rows have no value there."""
        names = dict.fromkeys(name for _, part in self._parts for name in part)
        return {name: _joined([(len(numbers), part.get(name)) for numbers, part in self._parts]) for name in names}


def _doublings(rows: int) -> int:
    """How often 1 must be doubled for few enough rows to be left, one of so many neighbours each."""
    doubled = 0
    while -(-rows // 2**doubled) > MOST_ROWS:
        doubled += 1
    return doubled


def _between(start: int, end: int, doubled: int) -> Rows:
    """Rows that are kept of [start, end)."""
    picked = _picked(np.arange(start >> doubled, -(-end >> doubled) + 1), doubled)
    return picked[(start <= picked) & (picked < end)]


def _picked(blocks: Ints, doubled: int) -> Rows:
    """The row that is kept of each block of 2^doubled neighbours: of two halves one, of that again, down to a row.

    What is kept of a block is kept of one of its halves, too, so that rows can be thinned out as more of them come.
    """
    found = blocks
    for level in range(doubled, 0, -1):
        found = 2 * found + _tossed(found, level)
    return found.astype(np.intp)


def _tossed(blocks: Ints, level: int) -> Ints:
    """0 or 1 for each block, by its number and size alone: two rounds of multiplying and folding."""
    mixed = (blocks.astype(np.uint64) + np.uint64(1)) * _ODD[0] + np.uint64(level)
    for odd in (_ODD[1], _ODD[0]):
        mixed = (mixed ^ (mixed >> _HALF)) * odd
    tossed: Ints = (mixed >> _LAST).astype(np.int64)
    return tossed


def _thinned(numbers: Ints, part: Mapping[str, Column], doubled: int) -> tuple[Ints, Mapping[str, Column]]:
    kept = np.flatnonzero(_picked(numbers >> doubled, doubled) == numbers)
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
