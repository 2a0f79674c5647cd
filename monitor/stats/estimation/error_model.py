"""What training rows with prediction and truth taught about the size of errors: a sum of parts, by pairs of columns.

Because the parts add up, their mean over a window follows from how often each pair of groups came: nothing is kept of
single records, and windows merge. Pairs let an error depend on a combination (a high price of an old car), as sums of
single columns cannot (Lou, Caruana, Gehrke & Hooker 2013 call such models GA2M).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from monitor.domain.models import LATENCY
from monitor.stats.columns import Column, Floats, Ints, Rows
from monitor.stats.profiles.crossed import CrossedLayout, Grouping

if TYPE_CHECKING:
    from scipy import sparse

PAIRS = 32
"""So many pairs of columns are counted at most: those whose groups differ most in their errors."""

FOLDS = 5
"""The model is fitted again without each fifth of the rows, to know how much it depends on them."""

RIDGE = 10.0
"""So many rows of average error are believed in each group beforehand."""

ROWS_PER_GROUP = 10
"""With fewer rows than this for each group of a column nothing is learned."""

ABSOLUTE, SQUARED, RELATIVE = "absolute", "squared", "relative"


class StoredErrors(msgspec.Struct, array_like=True, frozen=True, tag="errors"):
    """`ErrorModel` in a baseline; arrays as little-endian bytes, weights in single precision."""

    groupings: list[tuple[str, bytes | None, list[str]]]
    pairs: list[tuple[int, int]]
    targets: list[str]
    weights: bytes
    spreads: bytes
    means: bytes
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class ErrorModel:
    """Mean error by group of every column and pair.

    `weights` have shape (1 + folds, targets, cells): fit 0 is of all rows, the others leave a fold out, each on top of
    `means`, the mean errors of the training rows. `spreads` are the variances of the errors around the model.
    """

    layout: CrossedLayout
    targets: tuple[str, ...]
    weights: Floats
    spreads: Floats
    means: Floats
    rows: int

    @classmethod
    def of(cls, columns: Mapping[str, Column], predicted: Floats, truth: Floats) -> "ErrorModel | None":
        """Learn from rows; those without a finite prediction and truth are left out. None when they are too few."""
        usable = _usable(predicted, truth)
        kept = {name: column.take(usable) for name, column in sorted(columns.items()) if name != LATENCY}
        single = CrossedLayout(tuple(Grouping.of(name, column) for name, column in kept.items()), ())
        if len(usable) < ROWS_PER_GROUP * single.size:
            return None
        targets = _targets(predicted[usable], truth[usable])
        values = np.stack(list(targets.values()), axis=1)
        means = values.mean(axis=0)
        layout = CrossedLayout(single.groupings, _pairs(single, kept, values[:, 0] - means[0]))
        design = _design(layout, kept, len(usable))
        weights = _fits(design, values - means)
        spreads = ((values - means - design @ weights[0].T) ** 2).mean(axis=0)
        return cls(layout, tuple(targets), weights, spreads, means, len(usable))

    def expected(self, counters: Ints, n: int) -> Floats:
        """Mean error of each fit and target over a window of n records, shape (1 + folds, targets)."""
        means: Floats = self.means + self.weights @ (counters / n)
        return means

    def on_rows(
        self, columns: Mapping[str, Column], predicted: Floats, truth: Floats
    ) -> tuple[Rows, Floats, Floats, Floats, Ints]:
        """Of the rows that this was learned from: which were usable, their errors, and what the model says of each.

        And what the models say in the mean of the fold that each has not seen, (folds, targets), and each row's fold.
        """
        usable = _usable(predicted, truth)
        kept = {name: column.take(usable) for name, column in columns.items()}
        known = _targets(predicted[usable], truth[usable])
        errors = np.stack([known[name] for name in self.targets], axis=1)
        design = _design(self.layout, kept, len(usable))
        fold = _folds(len(usable))
        unseen = np.stack([_mean(design[np.flatnonzero(fold == k)]) @ self.weights[1 + k].T for k in range(FOLDS)])
        return usable, errors, self.means + design @ self.weights[0].T, self.means + unseen, fold

    def stored(self) -> StoredErrors:
        """As it stands in a baseline."""
        groupings = [
            (g.name, None if g.edges is None else g.edges.astype("<f8").tobytes(), list(g.categories))
            for g in self.layout.groupings
        ]
        spreads, means = (a.astype("<f8").tobytes() for a in (self.spreads, self.means))
        weights = self.weights.astype("<f4").tobytes()
        pairs = list(self.layout.pairs)
        return StoredErrors(groupings, pairs, list(self.targets), weights, spreads, means, self.rows)

    @classmethod
    def restored(cls, stored: StoredErrors) -> "ErrorModel":
        """The inverse of `stored`, weights in single precision."""
        groupings = tuple(
            Grouping(name, None if edges is None else np.frombuffer(edges, "<f8").astype(np.float64), tuple(categories))
            for name, edges, categories in stored.groupings
        )
        spreads, means = (np.frombuffer(a, "<f8").astype(np.float64) for a in (stored.spreads, stored.means))
        weights = np.frombuffer(stored.weights, "<f4").astype(np.float64).reshape(1 + FOLDS, len(stored.targets), -1)
        layout = CrossedLayout(groupings, tuple(stored.pairs))
        return cls(layout, tuple(stored.targets), weights, spreads, means, stored.rows)


def _usable(predicted: Floats, truth: Floats) -> Rows:
    return np.flatnonzero(np.isfinite(predicted) & np.isfinite(truth))


def _folds(rows: int) -> Ints:
    """The fold of each row: fifths of the rows in their order."""
    return np.arange(rows) * FOLDS // rows


def _mean(design: "sparse.csr_array") -> Floats:
    mean: Floats = np.asarray(design.mean(axis=0)).ravel()
    return mean


def _targets(predicted: Floats, truth: Floats) -> dict[str, Floats]:
    sizes = np.abs(predicted - truth)
    found = {ABSOLUTE: sizes, SQUARED: sizes**2}
    return found | ({RELATIVE: sizes / np.abs(truth)} if truth.all() else {})


def _pairs(single: CrossedLayout, columns: Mapping[str, Column], errors: Floats) -> tuple[tuple[int, int], ...]:
    """The pairs that explain most of what the columns alone leave of the errors."""
    design = _design(single, columns, len(errors))
    rest = errors - design @ _solved(*_normal(design, errors[:, None]))[:, 0]
    every = tuple(combinations(range(len(single.groupings)), 2))
    if len(every) <= PAIRS:
        return every
    gains = [_gain(CrossedLayout(single.groupings, (pair,)), columns, rest) for pair in every]
    best = sorted(range(len(every)), key=lambda k: (-gains[k], k))[:PAIRS]
    return tuple(every[k] for k in sorted(best))


def _gain(layout: CrossedLayout, columns: Mapping[str, Column], rest: Floats) -> float:
    cells = layout.cells(columns, len(rest))[-1]
    sums, n = np.bincount(cells, rest), np.bincount(cells)
    return float((sums**2 / (n + RIDGE)).sum())


def _design(layout: CrossedLayout, columns: Mapping[str, Column], rows: int) -> "sparse.csr_array":
    """One row a record, with a 1 in its cell of each column and pair."""
    from scipy import sparse  # noqa: PLC0415 - slow to load, and only baselines need it

    cells = np.stack(layout.cells(columns, rows), dtype=np.int32, casting="same_kind")
    width = len(cells)
    pointers = np.arange(0, rows * width + 1, width, dtype=np.int32)
    return sparse.csr_array((np.ones(rows * width), cells.T.ravel(), pointers), shape=(rows, layout.size))


def _fits(design: "sparse.csr_array", values: Floats) -> Floats:
    """Weights by ridge regression of all rows, then without each fold."""
    fold = _folds(len(values))
    parts = [_normal(design[np.flatnonzero(fold == one)], values[fold == one]) for one in range(FOLDS)]
    gram, right = (reduce(np.add, side) for side in zip(*parts, strict=True))
    left_out = [_solved(gram - g, right - r).T for g, r in parts]
    return np.stack([_solved(gram, right).T, *left_out])


def _normal(design: "sparse.csr_array", values: Floats) -> tuple[Floats, Floats]:
    return _together(design), np.asarray(design.T @ values)


def _together(design: "sparse.csr_array") -> Floats:
    """How many rows are in both of two cells, for any two.

    Every row is in one cell of each part, so that cells of two parts are counted like one: by far sooner than a product
    of sparse matrices finds it.
    """
    rows, size = design.shape
    cells = np.ascontiguousarray(design.indices.reshape(rows, -1).T, np.intp)
    gram = np.zeros((size, size))
    for part in range(len(cells)):
        first, end = int(cells[part].min()), int(cells[part].max()) + 1
        pairs = (cells[part] - first) * (size - first) + (cells[part:] - first)
        counts = np.bincount(pairs.ravel(), minlength=(end - first) * (size - first)).reshape(end - first, -1)
        gram[first:end, first:], gram[first:, first:end] = counts, counts.T
    return gram


def _solved(gram: Floats, right: Floats) -> Floats:
    """Ridge regression; cells without any row stay 0."""
    from scipy import linalg  # noqa: PLC0415 - as above

    filled = np.flatnonzero(np.diag(gram) > 0)
    weights = np.zeros_like(right)
    lhs = gram[np.ix_(filled, filled)]
    lhs[np.diag_indices_from(lhs)] += RIDGE
    weights[filled] = linalg.solve(lhs, right[filled], assume_a="pos", overwrite_a=True)
    return weights
