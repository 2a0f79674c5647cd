"""Which rows are the same in every column."""

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.stats.columns import Column, Ints, NumericColumn


def row_ids(columns: Iterable[Sequence[Column]]) -> Ints:
    """A number for each row of both sides, the first side's rows first, equal where all columns are.

    Column by column, so that none collide. A missing value is a value; a column of numbers on one side and of texts on
    the other holds nothing that is equal.
    """
    ids: Ints | None = None
    for sides in columns:
        codes = _codes(sides)
        pairs = codes if ids is None else ids * (int(codes.max()) + 1) + codes
        ids = np.unique(pairs, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.empty(0, np.int64) if ids is None else ids


def _codes(sides: Sequence[Column]) -> Ints:
    """Equal values have equal codes; missing ones are a value. Numbers and texts are never equal."""
    if all(isinstance(side, NumericColumn) for side in sides):
        numbers = np.concatenate([side.values for side in sides if isinstance(side, NumericColumn)])
        return np.unique(numbers, return_inverse=True)[1].reshape(-1).astype(np.int64)
    known: dict[object, int] = {}
    values = (value for side in sides for value in _values(side))
    return np.fromiter((known.setdefault(value, len(known)) for value in values), np.int64)


def _values(side: Column) -> Iterable[object]:
    if isinstance(side, NumericColumn):
        return (None if value != value else value for value in side.values.tolist())  # noqa: PLR0124 - NaN is missing
    return side.values
