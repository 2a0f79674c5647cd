"""Columns of two sides as one matrix of numbers that no outlier, infinity, missing value or new category can blind."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Floats, NumericColumn
from monitor.stats.joint.ranks import midranks
from monitor.stats.row_test import RawRows

MOST_CATEGORIES = 12
"""Of the values of a column, the most frequent ones have an indicator each, and all others one together."""

_UNIT_VARIANCE = 12**0.5
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Rows of the baseline, then those of the window: shape (n, width).

    `owners[k]` is the place in `names` of the column that part k tells of, `left_out` are columns that cannot be
    compared, as one side has no value of them, or holds another kind there.
    """

    matrix: Floats
    names: tuple[str, ...]
    owners: tuple[int, ...]
    left_out: tuple[str, ...] = ()


def encode(reference: RawRows, current: RawRows) -> Encoded:
    """A number becomes its rank in both sides together, with mean 0 and variance 1; a category becomes indicators.

    Missing numbers lie in the middle and have an indicator. Which rows belong to which side makes no difference: this
    is what lets rows change places afterwards.
    """
    both = {name: (one, current.columns.get(name)) for name, one in sorted(reference.columns.items())}
    alike = {name: pair for name, pair in both.items() if type(pair[0]) is type(pair[1]) and all(map(_has_value, pair))}
    parts: list[Floats] = []
    owners: list[int] = []
    names: list[str] = []
    for name, pair in alike.items():
        found = [part for part in _parts(pair) if part.min() < part.max()]
        parts += found
        owners += [len(names)] * len(found)
        names += [name] * bool(found)
    rows = len(reference) + len(current)
    matrix = np.column_stack(parts) if parts else np.empty((rows, 0))
    return Encoded(matrix, tuple(names), tuple(owners), _left_out(reference.columns, current.columns, alike))


def _has_value(column: Column | None) -> bool:
    if isinstance(column, NumericColumn):
        return not np.isnan(column.values).all()
    return column is not None and any(value is not None for value in column.values)


def _left_out(
    reference: Mapping[str, Column], current: Mapping[str, Column], alike: Mapping[str, object]
) -> tuple[str, ...]:
    return tuple(sorted((reference.keys() | current.keys()) - alike.keys()))


def _parts(pair: tuple[Column, Column | None]) -> Iterator[Floats]:
    one, other = pair
    if isinstance(one, NumericColumn) and isinstance(other, NumericColumn):
        yield from _ranks(np.concatenate((one.values, other.values)))
    elif isinstance(one, CategoricalColumn) and isinstance(other, CategoricalColumn):
        yield from _indicators([*one.values, *other.values])


def _ranks(values: Floats) -> Iterator[Floats]:
    is_missing = np.isnan(values)
    known = values[~is_missing]
    if len(known):
        scaled = np.zeros(len(values))
        scaled[~is_missing] = (midranks(known) / len(known) - 0.5) * _UNIT_VARIANCE
        yield scaled
    yield is_missing.astype(np.float64)


def _indicators(values: Sequence[str | None]) -> Iterator[Floats]:
    seen = Counter(values)
    ranked = sorted(seen, key=lambda value: (-seen[value], value is None, value or ""))
    place = {value: min(k, MOST_CATEGORIES) for k, value in enumerate(ranked)}
    places = np.fromiter(map(place.__getitem__, values), np.int64, len(values))
    for k in range(min(len(ranked), MOST_CATEGORIES + 1)):
        yield (places == k).astype(np.float64)


def few_names(names: Sequence[str]) -> str:
    """Names for a sentence, the first few."""
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
