"""Texts of many records without a Python object for each: categories as codes, ids in one block of bytes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]

MISSING = -1
"""Code of a record without a value."""

OTHER, NOTHING = -1, -2
"""Positions of a text that is none of those looked for, and of no text."""

T = TypeVar("T", bound=str | None)
_EXACT = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class CodedTexts(Sequence[str | None]):
    """Record i has `categories[codes[i]]`, or nothing where the code is `MISSING`.

    Categories are distinct. Columns may share a list of them, which may grow behind their codes but never change.
    """

    codes: Codes
    categories: Sequence[str]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        """The texts, record by record."""
        return map([*self.categories, None].__getitem__, self.codes.tolist())

    @overload
    def __getitem__(self, at: int) -> str | None: ...
    @overload
    def __getitem__(self, at: slice) -> "CodedTexts": ...
    def __getitem__(self, at: int | slice) -> "str | CodedTexts | None":
        """The text of a record, or a run of records."""
        if isinstance(at, slice):
            return CodedTexts(self.codes[at], self.categories)
        code = self.codes[at]
        return None if code == MISSING else self.categories[code]

    def counted(self) -> dict[str | None, int]:
        """Number of records of each value that there is."""
        seen = np.bincount(self.codes + 1)
        names = (None, *self.categories)
        return {names[k]: int(seen[k]) for k in np.flatnonzero(seen).tolist()}

    def equal(self, text: str) -> NDArray[np.bool_]:
        """Which records have this text."""
        code = next((code for code, name in enumerate(self.categories) if name == text), None)
        return np.zeros(len(self), np.bool_) if code is None else self.codes == code


@dataclass(frozen=True, slots=True, eq=False)
class PackedTexts(Sequence[str]):
    """Record i has `block[starts[i]:ends[i]]`, in UTF-8."""

    block: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        """The texts, record by record."""
        spans = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        if self.block.isascii():
            text = self.block.decode()
            return (text[start:end] for start, end in spans)
        return (self.block[start:end].decode() for start, end in spans)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> "PackedTexts": ...
    def __getitem__(self, at: int | slice) -> "str | PackedTexts":
        """The text of a record, or a run of records."""
        if isinstance(at, slice):
            return PackedTexts(self.block, self.starts[at], self.ends[at])
        return self.block[self.starts[at] : self.ends[at]].decode()


@dataclass(frozen=True, slots=True, eq=False)
class NumberTexts(Sequence[str | None]):
    """Record i has the text of a number (see `category_text`), or nothing where that is NaN."""

    values: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.values)

    def __iter__(self) -> Iterator[str | None]:
        """The texts, record by record."""
        return map(category_text, self.values.tolist())

    @overload
    def __getitem__(self, at: int) -> str | None: ...
    @overload
    def __getitem__(self, at: slice) -> "NumberTexts": ...
    def __getitem__(self, at: int | slice) -> "str | NumberTexts | None":
        """The text of a record, or a run of records."""
        return NumberTexts(self.values[at]) if isinstance(at, slice) else category_text(float(self.values[at]))


def counted(values: Sequence[str | None]) -> Mapping[str | None, int]:
    """Number of records of each value, None among them."""
    return values.counted() if isinstance(values, CodedTexts) else Counter(values)


def equal(values: Sequence[str | None], text: str) -> NDArray[np.bool_]:
    """Which records have this text."""
    if isinstance(values, CodedTexts):
        return values.equal(text)
    return np.fromiter((value == text for value in values), np.bool_, len(values))


def positions(values: Sequence[str | None], names: Sequence[str]) -> NDArray[np.intp]:
    """Of each record the position of its text among distinct names; `OTHER` of another text, `NOTHING` without one."""
    at: dict[str | None, int] = {name: k for k, name in enumerate(names)}
    if isinstance(values, CodedTexts):
        table = np.array([*(at.get(category, OTHER) for category in values.categories), NOTHING], np.intp)
        return table[values.codes]
    at[None] = NOTHING
    return np.fromiter(map(at.get, values, repeat(OTHER)), np.intp, len(values))


def take_texts(values: Sequence[T], rows: NDArray[np.intp]) -> Sequence[T]:
    """The texts of the given records, in their order."""
    taken: Sequence[str | None]
    match values:
        case CodedTexts():
            taken = CodedTexts(values.codes[rows], values.categories)
        case PackedTexts():
            taken = PackedTexts(values.block, values.starts[rows], values.ends[rows])
        case NumberTexts():
            taken = NumberTexts(values.values[rows])
        case _:
            return [values[row] for row in rows.tolist()]
    return taken  # type: ignore[return-value]  # of the same kind as the values


def join_texts(parts: Sequence[Sequence[T]]) -> Sequence[T]:
    """All texts, part after part; codes where any part has them."""
    if len(parts) == 1:
        return parts[0]
    joined: Sequence[str | None]
    packed = [part for part in parts if isinstance(part, PackedTexts)]
    numbers = [part.values for part in parts if isinstance(part, NumberTexts)]
    coded = next((part for part in parts if isinstance(part, CodedTexts)), None)
    if coded is not None:
        joined = _join_coded(parts, coded.categories)
    elif len(packed) == len(parts):
        joined = _join_packed(packed)
    elif len(numbers) == len(parts):
        joined = NumberTexts(np.concatenate(numbers))
    else:
        return [value for part in parts for value in part]
    return joined  # type: ignore[return-value]  # of the same kind as the parts


def _join_coded(parts: Sequence[Sequence[str | None]], categories: Sequence[str]) -> CodedTexts:
    """Codes of these categories; what other parts have beside them is put behind, in a list of its own."""
    if all(isinstance(part, CodedTexts) and part.categories is categories for part in parts):
        return CodedTexts(np.concatenate([part.codes for part in parts if isinstance(part, CodedTexts)]), categories)
    known = {name: code for code, name in enumerate(categories)}
    joined = []
    for part in parts:
        if not isinstance(part, CodedTexts):
            codes = (MISSING if value is None else known.setdefault(value, len(known)) for value in part)
            joined.append(np.fromiter(codes, np.int32, len(part)))
        elif part.categories is categories:
            joined.append(part.codes)
        else:
            table = [*(known.setdefault(name, len(known)) for name in part.categories), MISSING]
            joined.append(np.array(table, np.int32)[part.codes])
    return CodedTexts(np.concatenate(joined), list(known))


def _join_packed(parts: Sequence[PackedTexts]) -> PackedTexts:
    shifts = np.cumsum([0, *(len(part.block) for part in parts[:-1])]).tolist()
    return PackedTexts(
        b"".join([part.block for part in parts]),
        np.concatenate([part.starts + shift for part, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([part.ends + shift for part, shift in zip(parts, shifts, strict=True)]),
    )


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
