"""Columns of values as they travel from the decoder to the profiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.stats.texts import take_texts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class NumericColumn:
    """Values of a numeric column, shape (n,). NaN is missing; infinities are kept and counted apart.

    `invalid` marks rows whose value had another type (they are NaN in `values`); None means that there is none.
    """

    values: Floats
    invalid: Mask | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def take(self, rows: Rows) -> "NumericColumn":
        """The column of the given rows, in their order."""
        return NumericColumn(self.values[rows], None if self.invalid is None else self.invalid[rows])


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalColumn:
    """Values of a categorical column, length n. None is missing; booleans and whole numbers arrive as text.

    `invalid` marks rows whose value had another type (they are None in `values`); None means that there is none.
    """

    values: Sequence[str | None]
    invalid: Mask | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def take(self, rows: Rows) -> "CategoricalColumn":
        """The column of the given rows, in their order."""
        invalid = None if self.invalid is None else self.invalid[rows]
        return CategoricalColumn(take_texts(self.values, rows), invalid)


Column = NumericColumn | CategoricalColumn
