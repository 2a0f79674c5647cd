"""Profile of pairs of columns in coarse groups: what errors of regression are estimated from before truth comes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn, Rows
from monitor.stats.texts import NOTHING, counted, positions

GROUPS = 8
"""A column's values fall into so many groups at most, and one before them without a value (or with an unseen one)."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """The groups of one column: numbers by ascending `edges`, or the first of `categories` each on its own."""

    name: str
    edges: Floats | None
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, column: Column) -> "Grouping":
        """Numbers by octiles, the most frequent categories and the others together; fixed by the baseline."""
        if isinstance(column, CategoricalColumn):
            seen = [(-n, value) for value, n in counted(column.values).items() if value is not None]
            return cls(name, None, tuple(value for _, value in sorted(seen)[: GROUPS - 1]))
        finite = column.values[np.isfinite(column.values)]
        edges = np.unique(np.quantile(finite, np.arange(1, GROUPS) / GROUPS)) if len(finite) else np.empty(0)
        return cls(name, edges)

    @property
    def size(self) -> int:
        """Number of groups, the one without a value included."""
        return 2 + len(self.categories if self.edges is None else self.edges)

    def of_rows(self, column: Column | None, n: int) -> Rows:
        """The group of each record; 0 when the column is absent or of another kind."""
        if self.edges is not None and isinstance(column, NumericColumn):
            groups = 1 + np.searchsorted(self.edges, column.values, side="right")
            return np.where(np.isnan(column.values), 0, groups)
        if self.edges is None and isinstance(column, CategoricalColumn):
            return positions(column.values, self.categories) - NOTHING
        return np.zeros(n, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class CrossedLayout:
    """The groupings of columns, and which pairs of them (positions) are counted together; every one alone, too."""

    groupings: tuple[Grouping, ...]
    pairs: tuple[tuple[int, int], ...]
    digest: str = field(init=False)
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive where the cells of each part start."""
        sizes = [grouping.size for grouping in self.groupings]
        parts = [*sizes, *(sizes[one] * sizes[other] for one, other in self.pairs)]
        digest = hashlib.blake2b(repr(self.pairs).encode(), digest_size=16)
        for grouping in self.groupings:
            edges = b"" if grouping.edges is None else grouping.edges.tobytes()
            digest.update(repr((grouping.name, grouping.categories, len(edges))).encode() + edges)
        object.__setattr__(self, "digest", digest.hexdigest())
        object.__setattr__(self, "starts", tuple(accumulate(parts, initial=0)))

    @property
    def size(self) -> int:
        """Number of counters that a profile on this layout has."""
        return self.starts[-1]

    def cells(self, columns: Mapping[str, Column], n: int) -> list[Rows]:
        """Which counter of each part every record adds to."""
        groups = [grouping.of_rows(columns.get(grouping.name), n) for grouping in self.groupings]
        sizes = [grouping.size for grouping in self.groupings]
        crossed = [groups[one] * sizes[other] + groups[other] for one, other in self.pairs]
        return [start + part for start, part in zip(self.starts, [*groups, *crossed], strict=False)]

    def count(self, counters: Ints, columns: Mapping[str, Column], n: int) -> None:
        """Add n records to the counters."""
        counters += np.bincount(np.concatenate(self.cells(columns, n)), minlength=self.size)
