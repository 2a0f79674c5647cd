"""Vectors as a few components, their length, and whether they have the shape that they should have."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import numpy as np

from monitor.domain.derived import SHAPE, VectorColumn
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn

GOOD, NO_LIST, WRONG_LENGTH, NO_NUMBER, NOT_FINITE = "ok", "no list", "wrong length", "not numbers", "not finite"

_STEP = 2.0**-20
_LARGEST = 2.0**20
"""Numbers are taken in steps of 2^-20 and cut at 2^20: sums of 8,192 of them are exact, in whatever order."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseVectors(Sequence[object]):
    """Vectors of `n` records: those at `places` have the rows of `matrix`, the others none."""

    n: int
    places: Ints
    matrix: Floats

    def __len__(self) -> int:
        """Number of records."""
        return self.n

    def __iter__(self) -> Iterator[object]:
        """The vector of each record, None where there is none."""
        found: list[object] = [None] * self.n
        for place, row in zip(self.places.tolist(), self.matrix, strict=True):
            found[place] = row
        return iter(found)

    @overload
    def __getitem__(self, at: int) -> object: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[object]: ...
    def __getitem__(self, at: int | slice) -> object:
        """The vector of a record, or those of a run of records."""
        return list(self)[at]


def vector_columns(spec: VectorColumn, values: Sequence[object]) -> dict[str, Column]:
    """Components, length and shape of each; a vector that is wrong is invalid in all numbers, and its shape says why.

    A component is the sum of all numbers with random signs over the root of their number (Achlioptas 2003): distances
    are kept on average. The signs follow from dimensions and component alone, so every machine and version has the
    same. Where there are no more dimensions than components, the numbers stand as they are. None is missing.
    """
    shapes, dense = _dense(spec, values)
    finite = np.isfinite(dense.matrix).all(axis=1)
    for place in dense.places[~finite].tolist():
        shapes[place] = NOT_FINITE
    matrix = dense.matrix if finite.all() else dense.matrix[finite]
    numbers = np.full((len(values), len(spec.specs) - 1), np.nan)
    numbers[dense.places[finite]] = np.column_stack((_components(spec, matrix), _lengths(matrix)))
    invalid = np.array([shape not in {None, GOOD} for shape in shapes], np.bool_)
    wrong = invalid if invalid.any() else None
    names = [one.name for one in spec.specs[:-1]]
    found: dict[str, Column] = {
        name: NumericColumn(np.ascontiguousarray(numbers[:, k]), wrong) for k, name in enumerate(names)
    }
    return found | {f"{spec.column}.{SHAPE}": CategoricalColumn(shapes)}


def _dense(spec: VectorColumn, values: Sequence[object]) -> tuple[list[str | None], DenseVectors]:
    """The shape of each value, and those that can be vectors."""
    if isinstance(values, DenseVectors):
        shapes: list[str | None] = [None] * len(values)
        for place in values.places.tolist():
            shapes[place] = GOOD
        return shapes, values
    shapes = [_shape(value, spec.dimensions) for value in values]
    good = [k for k, shape in enumerate(shapes) if shape == GOOD]
    try:
        matrix = np.array([values[k] for k in good], np.float64).reshape(len(good), spec.dimensions)
    except OverflowError:  # a whole number beyond the floats: one by one
        for k in good:
            shapes[k] = GOOD if _fits(values[k]) else NOT_FINITE
        good = [k for k in good if shapes[k] == GOOD]
        matrix = np.array([values[k] for k in good], np.float64).reshape(len(good), spec.dimensions)
    return shapes, DenseVectors(len(values), np.array(good, np.int64), matrix)


def _fits(value: object) -> bool:
    try:
        np.array(value, np.float64)
    except OverflowError:
        return False
    return True


def _shape(value: object, dimensions: int) -> str | None:
    """Whether it can be a vector; None where there is no value."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN is missing
        return None
    if isinstance(value, np.ndarray):
        if value.shape != (dimensions,):
            return WRONG_LENGTH if value.ndim == 1 else NO_LIST
        return GOOD if value.dtype.kind in "iuf" else NO_NUMBER
    if not isinstance(value, list | tuple):
        return NO_LIST
    if len(value) != dimensions:
        return WRONG_LENGTH
    return GOOD if set(map(type, value)) <= _NUMBERS else NO_NUMBER


_NUMBERS = {float, int, np.float64, np.float32}


def _components(spec: VectorColumn, matrix: Floats) -> Floats:
    if spec.dimensions <= spec.components:
        return matrix
    whole = np.clip(matrix, -_LARGEST, _LARGEST)
    whole /= _STEP
    np.rint(whole, out=whole)
    found: Floats = (whole @ _signs(spec.dimensions, spec.components)) * (_STEP / np.sqrt(spec.dimensions))
    return found


@lru_cache(maxsize=32)
def _signs(dimensions: int, components: int) -> Floats:
    """Shape (dimensions, components): 1 or -1 each, by the bits of digests."""
    size = -(-dimensions // 8)
    columns = []
    for component in range(components):
        seed = f"driftline vector {dimensions} {component}".encode()
        bits = np.unpackbits(np.frombuffer(hashlib.shake_128(seed).digest(size), np.uint8))[:dimensions]
        columns.append(2.0 * bits - 1.0)
    return np.ascontiguousarray(np.array(columns).T)


def _lengths(matrix: Floats) -> Floats:
    """Euclidean; row by row, so that it does not hang on the rows beside."""
    with np.errstate(over="ignore"):
        lengths: Floats = np.sqrt(np.add.reduce(np.square(matrix), axis=1))
    return lengths
