"""Decoded records as columns: the currency between the decoder and the fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, Truth
from monitor.domain.stream import Half
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, Mask, NumericColumn, Rows

_EXACT = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class RecordBatch:
    """Inference records of one model version from one partition, in offset order.

    All sequences have length n. `columns` holds the features and outputs that the schema asked for. `predictions` is
    text whatever the kind of the column, as ground truth is joined to it; `scores` is NaN where a record has none.
    """

    ref: ModelRef
    event_time_ms: Ints
    offsets: Ints
    event_ids: Sequence[str]
    columns: dict[str, Column]
    predictions: Sequence[str | None]
    scores: Floats

    def __len__(self) -> int:
        """Number of records."""
        return len(self.offsets)

    def take(self, rows: Rows) -> "RecordBatch":
        """The batch of the given rows, in their order."""
        chosen = rows.tolist()
        return RecordBatch(
            self.ref,
            self.event_time_ms[rows],
            self.offsets[rows],
            [self.event_ids[row] for row in chosen],
            {name: column.take(rows) for name, column in self.columns.items()},
            [self.predictions[row] for row in chosen],
            self.scores[rows],
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the records of one partition: `n` of them, each in exactly one of the three.

    `truths` are (offset, truth) in offset order. Of formats other than the canonical one a record may be several rows
    of batches, or a half that waits for its other half.
    """

    batches: Sequence[RecordBatch]
    truths: Sequence[tuple[int, Truth]]
    rejected: Sequence[DeadLetter]
    n: int
    halves: Sequence[Half] = ()

    def with_joined(self, joined: "Decoded") -> "Decoded":
        """Together with what halves came to."""
        return Decoded(
            [*self.batches, *joined.batches], [*self.truths, *joined.truths], [*self.rejected, *joined.rejected], self.n
        )


def join_columns(parts: Sequence[Column]) -> Column:
    """One column of all rows, in order; parts of unlike kinds (of a guessed schema) become categorical."""
    if len(parts) == 1:
        return parts[0]
    invalid = _join_invalid(parts)
    numeric = [part for part in parts if isinstance(part, NumericColumn)]
    if len(numeric) == len(parts):
        return NumericColumn(np.concatenate([part.values for part in numeric]), invalid)
    values: list[str | None] = []
    for part in parts:
        values.extend(part.values if isinstance(part, CategoricalColumn) else map(category_text, part.values.tolist()))
    return CategoricalColumn(values, invalid)


def _join_invalid(parts: Sequence[Column]) -> Mask | None:
    if all(part.invalid is None for part in parts):
        return None
    masks = [np.zeros(len(part), np.bool_) if part.invalid is None else part.invalid for part in parts]
    return np.concatenate(masks)


def between(column: Column, start: int, stop: int) -> Column:
    """The rows [start, stop) of a column."""
    invalid = None if column.invalid is None else column.invalid[start:stop]
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values[start:stop], invalid)
    return CategoricalColumn(column.values[start:stop], invalid)


def as_categorical(column: Column) -> CategoricalColumn:
    """The column with its numbers as text; a categorical column as it is."""
    if isinstance(column, CategoricalColumn):
        return column
    return CategoricalColumn([category_text(value) for value in column.values.tolist()], column.invalid)


def category_text(value: str | float) -> str | None:
    """A category as text: booleans as `true` and `false`, whole numbers without a point, NaN as None (missing).

    Baselines and records must agree on this, or `1` and `1.0` would be two categories.

    >>> [category_text(v) for v in ("a", True, 7, 7.0, 7.5)]
    ['a', 'true', '7', '7', '7.5']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value != value:  # noqa: PLR0124 - the fastest test for NaN
        return None
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
