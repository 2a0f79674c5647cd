"""Numbers that follow from a confusion matrix, each with the influence of one record in each of its cells.

The functions of many matrices, shape (..., true, predicted), give the numbers alone: NaN where there is none.
"""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats

NO_SPREAD = 1e-12
"""Below this all truths, or all predictions, are one class up to rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A number, and by how much one record more in each cell moves it, times n (same shape as the matrix)."""

    value: float
    influence: Floats


@dataclass(frozen=True, slots=True)
class Ratio:
    """`hits` TP / (`hits` TP + `misses` FN + `false` FP) of a label."""

    hits: float
    misses: float
    false: float

    def of_labels(self, matrices: Floats) -> tuple[Floats, Floats]:
        """Of every label the ratio, 0 where nothing is below the line, and what is below it in numbers of records."""
        right = np.diagonal(matrices, axis1=-2, axis2=-1)
        below = (self.hits - self.misses - self.false) * right
        below = below + self.misses * matrices.sum(axis=-1) + self.false * matrices.sum(axis=-2)
        return np.divide(self.hits * right, below, out=np.zeros_like(below), where=below > 0), below


PRECISION, RECALL = Ratio(1.0, 0.0, 1.0), Ratio(1.0, 1.0, 0.0)


def f_ratio(beta: float) -> Ratio:
    """F: recall weighs beta times as much as precision."""
    return Ratio(1 + beta * beta, beta * beta, 1.0)


def accuracy(matrix: Floats) -> Moved:
    """Share of records on the diagonal; `matrix[truth, prediction]` holds numbers of records, here and below."""
    value = float(np.trace(matrix) / matrix.sum())
    return Moved(value, np.eye(len(matrix)) - value)


def accuracies(matrices: Floats) -> Floats:
    """Accuracy of many matrices."""
    values: Floats = np.trace(matrices, axis1=-2, axis2=-1) / matrices.sum(axis=(-2, -1))
    return values


def f_beta(matrix: Floats, beta: float, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels (positions, None: all that occur) of (1 + b2) TP / ((1 + b2) TP + b2 FN + FP), b2 = beta^2.

    A label that is neither true nor predicted anywhere is left out; None when that leaves nothing.
    """
    return mean_ratio(matrix, f_ratio(beta), labels)


def precision(matrix: Floats, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels of TP / (TP + FP); a label that was never predicted, but is true somewhere, counts 0."""
    return mean_ratio(matrix, PRECISION, labels)


def recall(matrix: Floats, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels of TP / (TP + FN); a label that is never true, but was predicted, counts 0."""
    return mean_ratio(matrix, RECALL, labels)


def mean_ratio(matrix: Floats, ratio: Ratio, labels: tuple[int, ...] | None = None) -> Moved | None:
    """The mean of the ratio over the labels (positions, None: all that occur), as of `f_beta`."""
    shares = matrix / matrix.sum()
    occurs = np.flatnonzero(shares.sum(axis=1) + shares.sum(axis=0)) if labels is None else np.array(labels)
    values, below = ratio.of_labels(shares)
    if not len(occurs) or (labels is not None and not below[occurs].all()):
        return None
    total, influence = 0.0, np.zeros_like(shares)
    for k in occurs[below[occurs] > 0]:
        total += values[k]
        influence[k, :] -= values[k] * ratio.misses / below[k]
        influence[:, k] -= values[k] * ratio.false / below[k]
        influence[k, k] += (ratio.hits - values[k] * (ratio.hits - ratio.misses - ratio.false)) / below[k]
    return Moved(float(total / len(occurs)), influence / len(occurs))


def mean_ratios(matrices: Floats, ratio: Ratio, labels: tuple[int, ...] | None = None) -> Floats:
    """The mean of the ratio over the labels, as above, of many matrices."""
    values, below = ratio.of_labels(matrices)
    if labels is not None:
        chosen = list(labels)
        return np.where((below[..., chosen] > 0).all(axis=-1), values[..., chosen].mean(axis=-1), np.nan)
    occurs = np.count_nonzero(matrices.sum(axis=-1) + matrices.sum(axis=-2), axis=-1)
    means: Floats = np.divide(values.sum(axis=-1), occurs, out=np.full(occurs.shape, np.nan), where=occurs > 0)
    return means


def matthews(matrix: Floats) -> Moved | None:
    """Correlation of truth and prediction (Matthews 1975, for many classes Gorodkin 2004), -1 to 1.

    None when all truths, or all predictions, are one class.
    """
    shares = matrix / matrix.sum()
    truth, said = shares.sum(axis=1), shares.sum(axis=0)
    spread_truth, spread_said = 1 - float(truth @ truth), 1 - float(said @ said)
    if min(spread_truth, spread_said) <= NO_SPREAD:
        return None
    root = float(np.sqrt(spread_truth * spread_said))
    value = (float(np.trace(shares)) - float(truth @ said)) / root
    top = np.eye(len(matrix)) - truth[None, :] - said[:, None]
    slope = top / root + value * (truth[:, None] / spread_truth + said[None, :] / spread_said)
    return Moved(value, slope - (slope * shares).sum())


def matthews_of_many(matrices: Floats) -> Floats:
    """The same correlation, of many matrices."""
    shares = matrices / matrices.sum(axis=(-2, -1), keepdims=True)
    truth, said = shares.sum(axis=-1), shares.sum(axis=-2)
    spreads = 1 - (truth**2).sum(axis=-1), 1 - (said**2).sum(axis=-1)
    known = np.minimum(*spreads) > NO_SPREAD
    top = np.trace(shares, axis1=-2, axis2=-1) - (truth * said).sum(axis=-1)
    root = np.sqrt(np.where(known, spreads[0] * spreads[1], 1.0))
    return np.where(known, top / root, np.nan)
