"""Which values come together: exact integer sums over pairs of columns, for correlations and missing patterns."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.stats.blocks import ColumnBlock
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn
from monitor.stats.texts import MISSING, CodedTexts

MOST_RANKED, MOST = 32, 64
"""So many numeric columns are ranked, and so many columns of any kind looked at for missing values: pairs are many."""

LEAST_VARIED = 10
"""Fewer records than this make no correlation."""

_LARGEST_RANK = 3
_CUTS = (0.25, 0.5, 0.75)
_ROWS = 1_000_000
"""Sums of ranks of so many records are exact in single precision: 9 times this is below 2^24."""

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TogetherLayout:
    """The columns, and the quartiles by which the numeric ones among them, which stand first, are ranked 0 to 3.

    `cuts` has shape (len(ranked), 3). A value's rank is the number of cuts that it reaches. `unranked` are numeric
    columns that vary and are not ranked, `unpaired` columns that are looked at in no way: there are more than the
    limits allow. They are for sentences alone, and no part of the digest.
    """

    ranked: tuple[str, ...]
    others: tuple[str, ...]
    cuts: Floats
    unranked: tuple[str, ...] = ()
    unpaired: tuple[str, ...] = ()
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the digest."""
        text = "\0".join((*self.ranked, "", *self.others)).encode() + self.cuts.tobytes()
        object.__setattr__(self, "digest", hashlib.blake2b(text, digest_size=16).hexdigest())

    @classmethod
    def of(cls, columns: Mapping[str, Column], importances: Mapping[str, float]) -> "TogetherLayout | None":
        """The most important columns with values, then by name; None where there are not two."""
        names = sorted(columns, key=lambda name: (-importances.get(name, 0.0), name))
        cuts = {name: _cuts(column) for name in names if isinstance(column := columns[name], NumericColumn)}
        ranked = [name for name in names if name in cuts and len(cuts[name])][:MOST_RANKED]
        others = [name for name in names if name not in ranked and _has_values(columns[name])][: MOST - len(ranked)]
        if len(ranked) + len(others) < 2:
            return None
        stacked = np.array([cuts[name] for name in ranked]).reshape(-1, len(_CUTS))
        return cls(tuple(ranked), tuple(others), stacked)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, the ranked ones first."""
        return self.ranked + self.others

    @property
    def size(self) -> int:
        """Number of sums: those of products of two of the presences of all columns and the ranks of some."""
        width = len(self.ranked) + len(self.names)
        return width * (width + 1) // 2

    def sums(self, columns: Mapping[str, Column], n: int) -> Ints:
        """Of n records: over them the products of every two of (rank ..., presence ...), upper triangle by rows."""
        total = np.zeros(self.size, np.int64)
        matrix = self._matrix(columns, n)
        rows, places = np.triu_indices(len(matrix))
        for start in range(0, n, _ROWS):
            part = matrix[:, start : start + _ROWS]
            total += (part @ part.T)[rows, places].astype(np.int64)
        return total

    def _matrix(self, columns: Mapping[str, Column], n: int) -> Singles:
        """Ranks and presences, shape (ranked + all, n); a value that is missing, or of another kind, has rank 0."""
        matrix = np.zeros((len(self.ranked) + len(self.names), n), np.float32)
        first = len(self.ranked)
        numbers = _numbers(columns, self.ranked, n)
        for cuts in self.cuts.T:
            matrix[:first] += numbers >= cuts[:, np.newaxis]
        matrix[first : 2 * first] = numbers == numbers  # noqa: PLR0124 - whatever is no NaN
        for row, name in enumerate(self.others, 2 * first):
            matrix[row] = _present(columns.get(name), n)
        return matrix


def _numbers(columns: Mapping[str, Column], names: Sequence[str], n: int) -> Floats:
    if isinstance(columns, ColumnBlock) and all(name in columns.names.numeric for name in names):
        return columns.numbers[[columns.names.numeric[name] for name in names]]
    numbers = np.full((len(names), n), np.nan)
    for row, name in enumerate(names):
        column = columns.get(name)
        if isinstance(column, NumericColumn):
            numbers[row] = column.values
    return numbers


def _present(column: Column | None, n: int) -> NDArray[np.bool_]:
    match column:
        case None:
            return np.zeros(n, np.bool_)
        case NumericColumn(values):
            return ~np.isnan(values)
        case CategoricalColumn(CodedTexts(codes, _)):
            present: NDArray[np.bool_] = codes != MISSING
            return present
        case CategoricalColumn(values):
            return np.fromiter((value is not None for value in values), np.bool_, n)


def _cuts(column: NumericColumn) -> tuple[float, ...]:
    """Quartiles, each a value above the smallest, so that ranks differ; none where there are fewer than two values."""
    values = np.sort(column.values[np.isfinite(column.values)])
    if not len(values) or values[0] == values[-1]:
        return ()
    at = np.ceil(np.array(_CUTS) * len(values)).astype(np.int64)
    second = float(values[values.searchsorted(values[0], side="right")])
    return tuple(max(second, cut) for cut in values[np.minimum(at, len(values) - 1)].tolist())


def _has_values(column: Column) -> bool:
    return bool(_present(column, len(column)).any())


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What the sums say. Matrices by the layout's `names`; those of ranks by its `ranked` columns alone.

    `present[i, j]` records have a value in both columns, `ranks[i, j]` is the sum of the rank in i over records with a
    value in j, and `products[i, j]` that of the product of both ranks.
    """

    n: int
    present: Floats
    ranks: Floats
    products: Floats

    @classmethod
    def of(cls, layout: TogetherLayout, sums: Ints, n: int) -> "Together":
        """Unfold the triangle."""
        ranked, width = len(layout.ranked), len(layout.ranked) + len(layout.names)
        whole = np.zeros((width, width))
        rows, places = np.triu_indices(width)
        whole[rows, places] = whole[places, rows] = sums
        return cls(n, whole[ranked:, ranked:], whole[:ranked, ranked : 2 * ranked], whole[:ranked, :ranked])

    def correlations(self) -> tuple[Floats, Floats]:
        """Rank correlation of every two ranked columns over the records that have both, and their number.

        NaN where that cannot be told: the ranks of either vary as little as those of a flag that is set (or not) in
        fewer than `LEAST_VARIED` of these records.
        """
        n = self.present[: len(self.ranks), : len(self.ranks)]
        own = np.maximum(np.diag(n), 1)
        spread = np.diag(self.products) / own - (np.diag(self.ranks) / own) ** 2
        with np.errstate(all="ignore"):
            means = self.ranks / n
            found: Floats = (self.products / n - means * means.T) / np.sqrt(np.outer(spread, spread))
        few = n * np.minimum.outer(spread, spread) < LEAST_VARIED * _LARGEST_RANK**2
        found[few] = np.nan
        return np.clip(found, -1.0, 1.0), n

    def excess_missing(self) -> Floats:
        """Share of records that lack both columns, beyond what the two shares alone let expect."""
        lacking = 1 - np.diag(self.present) / max(1, self.n)
        return self.both_missing() / max(1, self.n) - np.outer(lacking, lacking)

    def both_missing(self) -> Floats:
        """Number of records that lack both columns."""
        there = np.diag(self.present)
        return self.n - there[:, np.newaxis] - there + self.present
