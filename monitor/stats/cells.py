"""Cells of one column of a table as they were read, before it is known whether the column is numeric or categorical."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.stats.columns import CategoricalColumn, Ints, Mask, NumericColumn
from monitor.stats.texts import MISSING, CodedTexts, category_text, counted, join_texts

NUMBERS, BOOLEANS, TEXT, TIMES = "numbers", "booleans", "text", "times"
PROFILED = frozenset({NUMBERS, BOOLEANS, TEXT})
"""What can be profiled. Cells may hold anything else, too, and say what that is: lists, bytes."""


class Cells(Protocol):
    """Cells of n rows. What has the wrong type for a column is invalid there, as it is in records."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """What the present cells hold, in words; nothing where all are missing."""
        ...

    def numeric(self) -> NumericColumn:
        """As numbers: everything but numbers is invalid."""
        ...

    def categorical(self) -> CategoricalColumn:
        """As categories: everything but text, numbers and booleans is invalid."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TableBatch:
    """Some rows of a table. `names` are all its columns; `columns` those that were asked for and can be told apart."""

    rows: int
    columns: Mapping[str, Cells]
    names: Sequence[str]

    @property
    def repeated(self) -> frozenset[str]:
        """Names that more than one column has: nobody can say which of them is meant."""
        return frozenset(name for name in self.names if self.names.count(name) > 1)


@dataclass(frozen=True, eq=False)
class NumberCells:
    """Integers or floats, shape (n,). `missing` marks rows without a value, whatever stands there; so does NaN."""

    values: NDArray[Any]
    missing: Mask | None = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Numbers, if there is any."""
        return frozenset() if self._absent().all() else frozenset({NUMBERS})

    def numeric(self) -> NumericColumn:
        """As doubles."""
        values = self.values.astype(np.float64, copy=self.missing is not None)  # read-only where it is Arrow's
        if self.missing is not None:
            values[self.missing] = np.nan
        return NumericColumn(values)

    def categorical(self) -> CategoricalColumn:
        """Each distinct number as its text."""
        distinct, codes = np.unique(self.values, return_inverse=True)
        names = [category_text(value) or "" for value in distinct.tolist()]
        kept = codes.astype(np.int32)
        kept[self._absent()] = MISSING
        return CategoricalColumn(CodedTexts(kept, names))

    def _absent(self) -> Mask:
        nan: Mask = self.values != self.values
        return nan if self.missing is None else nan | self.missing


@dataclass(frozen=True, eq=False)
class TextCells:
    """Texts, or booleans as text. `is_typed` is False where the file has no types, as CSV: `7` may be a number."""

    texts: CodedTexts
    kind: str = TEXT
    is_typed: bool = True

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Text or booleans, if there is any."""
        return frozenset({self.kind}) if (self.texts.codes != MISSING).any() else frozenset()

    def numeric(self) -> NumericColumn:
        """Invalid, but for texts without a type that spell a number."""
        known = [None if self.is_typed else _spelled(text) for text in self.texts.categories]
        numbers = np.array([*(np.nan if value is None else value for value in known), np.nan], np.float64)
        is_wrong = np.array([*(value is None for value in known), False], np.bool_)
        return NumericColumn(numbers[self.texts.codes], is_wrong[self.texts.codes])

    def categorical(self) -> CategoricalColumn:
        """As they are."""
        return CategoricalColumn(self.texts)


@dataclass(frozen=True, slots=True, eq=False)
class OtherCells:
    """Cells that no profile takes: times, lists, bytes. `missing` marks rows without a value, shape (n,)."""

    kind: str
    missing: Mask

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def kinds(self) -> frozenset[str]:
        """The kind, if there is any cell."""
        return frozenset() if self.missing.all() else frozenset({self.kind})

    def numeric(self) -> NumericColumn:
        """All invalid."""
        return NumericColumn(np.full(len(self), np.nan), ~self.missing)

    def categorical(self) -> CategoricalColumn:
        """All invalid."""
        return CategoricalColumn(CodedTexts(np.full(len(self), MISSING, np.int32), []), ~self.missing)


@dataclass(frozen=True, slots=True, eq=False)
class ListCells(OtherCells):
    """Lists, which can be read one by one: `read` makes them of what holds them, None where there is none."""

    read: Callable[[], Sequence[object]]


@dataclass(frozen=True, slots=True, eq=False)
class TimeCells(OtherCells):
    """Instants and days: `read` has them in milliseconds since the epoch, `NO_TIME` where there is none."""

    read: Callable[[], Ints]


def cell_values(cells: Cells) -> Sequence[object]:
    """Lists as they are, everything else as text; None where there is no value."""
    return cells.read() if isinstance(cells, ListCells) else list(cells.categorical().values)


def all_missing(rows: int) -> OtherCells:
    """Cells without any value."""
    return OtherCells("nothing", np.ones(rows, np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class JoinedCells:
    """The cells of one column over several batches, which may differ in what they hold."""

    parts: Sequence[Cells]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def kinds(self) -> frozenset[str]:
        """What any of them holds."""
        return frozenset().union(*(part.kinds for part in self.parts))

    def numeric(self) -> NumericColumn:
        """One after the other."""
        columns = [part.numeric() for part in self.parts]
        return NumericColumn(np.concatenate([column.values for column in columns]), _joined_masks(columns))

    def categorical(self) -> CategoricalColumn:
        """One after the other."""
        columns = [part.categorical() for part in self.parts]
        return CategoricalColumn(join_texts([column.values for column in columns]), _joined_masks(columns))


def _joined_masks(columns: Sequence[NumericColumn | CategoricalColumn]) -> Mask | None:
    if all(column.invalid is None for column in columns):
        return None
    masks = [np.zeros(len(column), np.bool_) if column.invalid is None else column.invalid for column in columns]
    return np.concatenate(masks)


def distinct_and_present(column: CategoricalColumn) -> tuple[int, int]:
    """Number of different texts, and of rows that have one."""
    seen = dict(counted(column.values))
    seen.pop(None, None)
    return len(seen), sum(seen.values())


def _spelled(text: str) -> float | None:
    """The number that a text spells; Python's underscores are none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
