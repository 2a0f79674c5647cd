"""Cells that are Python values of any type, one by one: what comes from databases, and columns of mixed types."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np

from monitor.stats.cells import BOOLEANS, NUMBERS, TEXT, TIMES
from monitor.stats.columns import CategoricalColumn, Mask, NumericColumn
from monitor.stats.texts import category_text

NUMBER_TYPES = (int, float, Decimal, np.integer, np.floating)
_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    (BOOLEANS, (bool, np.bool_)),
    (NUMBERS, NUMBER_TYPES),
    (TEXT, (str,)),
    (TIMES, (date, time, timedelta)),
)


@dataclass(frozen=True, eq=False)
class ObjectCells:
    """One value a row; None and NaN are missing."""

    values: Sequence[object]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """By the types of the present values; what nobody profiles by the type's own name."""
        return frozenset(map(_kind_of, {type(value) for value in self.values if not is_missing(value)}))

    def numeric(self) -> NumericColumn:
        """Numbers of any type as doubles; booleans are none."""
        kept, invalid = self._sorted_out(frozenset({NUMBERS}))
        return NumericColumn(np.array([number(value) for value in kept], np.float64), invalid)

    def categorical(self) -> CategoricalColumn:
        """Text, numbers and booleans as text."""
        kept, invalid = self._sorted_out(frozenset({NUMBERS, BOOLEANS, TEXT}))
        return CategoricalColumn([None if value is None else text(value) for value in kept], invalid)

    def _sorted_out(self, wanted: frozenset[str]) -> tuple[list[object], Mask | None]:
        """The values of these kinds, None in place of others, and where those others are."""
        good = {kind for kind in map(type, self.values) if _kind_of(kind) in wanted}
        kept = [value if type(value) in good and not is_missing(value) else None for value in self.values]
        if self.kinds <= wanted:
            return kept, None
        invalid = [type(value) not in good and not is_missing(value) for value in self.values]
        return kept, np.array(invalid, np.bool_)


def _kind_of(kind: type) -> str:
    return next((name for name, types in _TYPES if issubclass(kind, types)), kind.__name__)


def is_missing(value: object) -> bool:
    """None and NaN of any kind."""
    return value is None or (isinstance(value, float | np.floating | Decimal) and math.isnan(value))


def number(value: object) -> float:
    """A number of any kind as a float: None is NaN, what is too large infinite."""
    if value is None:
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # the kinds were looked at
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # as the decoder of records has it


def text(value: object) -> str | None:
    """A text, number or boolean of any kind as a category."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    return category_text(value)  # type: ignore[arg-type]  # text, number or boolean: the kinds were looked at
