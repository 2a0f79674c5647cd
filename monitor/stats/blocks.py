"""Many columns in two matrices: one cut or one join of a batch is one operation, whatever the number of columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Floats, Mask, NumericColumn, Rows
from monitor.stats.texts import CodedTexts, Codes


@dataclass(frozen=True, slots=True)
class BlockNames:
    """Which row of a block's matrices holds which column, in the order of the columns."""

    numeric: Mapping[str, int]
    categorical: Mapping[str, int]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnBlock(Mapping[str, Column]):
    """The columns of n records: matrices of shape (rows, n), and for each row of codes its categories.

    `invalid` marks values of another type, see `NumericColumn`; columns without any are not in it.
    """

    names: BlockNames
    numbers: Floats
    codes: Codes
    categories: Sequence[Sequence[str]]
    invalid: Mapping[str, Mask]

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.names.order)

    def __iter__(self) -> Iterator[str]:
        """Names of the columns, in their order."""
        return iter(self.names.order)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column."""
        return name in self.names.numeric or name in self.names.categorical

    def __getitem__(self, name: str) -> Column:
        """One column; a view."""
        row = self.names.numeric.get(name)
        if row is not None:
            return NumericColumn(self.numbers[row], self.invalid.get(name))
        row = self.names.categorical[name]
        return CategoricalColumn(CodedTexts(self.codes[row], self.categories[row]), self.invalid.get(name))

    def between(self, start: int, stop: int) -> "ColumnBlock":
        """The records [start, stop)."""
        invalid = {name: mask[start:stop] for name, mask in self.invalid.items()}
        numbers, codes = self.numbers[:, start:stop], self.codes[:, start:stop]
        return ColumnBlock(self.names, numbers, codes, self.categories, invalid)

    def take(self, rows: Rows) -> "ColumnBlock":
        """The given records, in their order."""
        invalid = {name: mask[rows] for name, mask in self.invalid.items()}
        return ColumnBlock(self.names, self.numbers[:, rows], self.codes[:, rows], self.categories, invalid)

    def is_like(self, other: "ColumnBlock") -> bool:
        """Whether both have the same columns and the very same lists of categories, so that they can be joined."""
        pairs = zip(self.categories, other.categories, strict=False)
        return self.names is other.names and all(one is another for one, another in pairs)

    @staticmethod
    def joined(parts: "Sequence[ColumnBlock]") -> "ColumnBlock":
        """All records of blocks that are alike, part after part."""
        first = parts[0]
        if len(parts) == 1:
            return first
        wrong = {name for part in parts for name in part.invalid}
        invalid = {
            name: np.concatenate([part.invalid.get(name, np.zeros(part.numbers.shape[1], np.bool_)) for part in parts])
            for name in wrong
        }
        numbers = np.concatenate([part.numbers for part in parts], axis=1)
        codes = np.concatenate([part.codes for part in parts], axis=1)
        return ColumnBlock(first.names, numbers, codes, first.categories, invalid)
