"""Numbers that follow from a confusion matrix, each with the influence of one record in each of its cells."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A number, and by how much one record more in each cell moves it, times n (same shape as the matrix)."""

    value: float
    influence: Floats


def accuracy(matrix: Floats) -> Moved:
    """Share of records on the diagonal; `matrix[truth, prediction]` holds numbers of records, here and below."""
    value = float(np.trace(matrix) / matrix.sum())
    return Moved(value, np.eye(len(matrix)) - value)


def f_beta(matrix: Floats, beta: float, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels (positions, None: all that occur) of (1 + b2) TP / ((1 + b2) TP + b2 FN + FP), b2 = beta^2.

    A label that is neither true nor predicted anywhere is left out; None when that leaves nothing.
    """
    b2 = beta * beta
    return _mean_ratio(matrix, 1 + b2, b2, 1.0, labels)


def precision(matrix: Floats, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels of TP / (TP + FP); a label that was never predicted, but is true somewhere, counts 0."""
    return _mean_ratio(matrix, 1.0, 0.0, 1.0, labels)


def recall(matrix: Floats, labels: tuple[int, ...] | None = None) -> Moved | None:
    """Mean over the labels of TP / (TP + FN); a label that is never true, but was predicted, counts 0."""
    return _mean_ratio(matrix, 1.0, 1.0, 0.0, labels)


def matthews(matrix: Floats) -> Moved | None:
    """Correlation of truth and prediction (Matthews 1975, for many classes Gorodkin 2004), -1 to 1.

    None when all truths, or all predictions, are one class.
    """
    shares = matrix / matrix.sum()
    truth, said = shares.sum(axis=1), shares.sum(axis=0)
    spread_truth, spread_said = 1 - float(truth @ truth), 1 - float(said @ said)
    if min(spread_truth, spread_said) <= 1e-12:
        return None
    root = float(np.sqrt(spread_truth * spread_said))
    value = (float(np.trace(shares)) - float(truth @ said)) / root
    top = np.eye(len(matrix)) - truth[None, :] - said[:, None]
    slope = top / root + value * (truth[:, None] / spread_truth + said[None, :] / spread_said)
    return Moved(value, slope - (slope * shares).sum())


def _mean_ratio(
    matrix: Floats, hits: float, misses: float, false: float, labels: tuple[int, ...] | None
) -> Moved | None:
    """Mean over labels of `hits` TP / (`hits` TP + `misses` FN + `false` FP)."""
    shares = matrix / matrix.sum()
    truth, said, right = shares.sum(axis=1), shares.sum(axis=0), np.diag(shares)
    occurs = np.flatnonzero(truth + said) if labels is None else np.array(labels)
    below = (hits - misses - false) * right + misses * truth + false * said
    if not len(occurs) or (labels is not None and not below[occurs].all()):
        return None
    total, influence = 0.0, np.zeros_like(shares)
    for k in occurs[below[occurs] > 0]:
        value = hits * right[k] / below[k]
        total += value
        influence[k, :] -= value * misses / below[k]
        influence[:, k] -= value * false / below[k]
        influence[k, k] += (hits - value * (hits - misses - false)) / below[k]
    return Moved(float(total / len(occurs)), influence / len(occurs))
