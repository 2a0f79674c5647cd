"""Performance metrics of expected truths: cells are numbers of records by true class, predicted class and score bin."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import digamma

from monitor.stats.columns import Floats
from monitor.stats.performance import confusion
from monitor.stats.performance.confusion import Moved
from monitor.stats.performance.ranking import RankedArea, precision_recall_area, roc_area

Measure = Callable[[Floats], Moved | None]
"""Cells to a metric and the influence of a record in each cell (or of all cells that share an axis of length 1)."""


def of_matrix(measure: Callable[[Floats], Moved | None]) -> Measure:
    """A metric that follows from the confusion matrix."""

    def run(cells: Floats) -> Moved | None:
        moved = measure(cells.sum(axis=2))
        return None if moved is None else Moved(moved.value, moved.influence[:, :, None])

    return run


def roc_auc(cells: Floats) -> Moved | None:
    """Area under the ROC curve; None for one class only."""
    negative, positive = cells.sum(axis=1)
    return _ranked(roc_area(positive, negative))


def pr_auc(cells: Floats) -> Moved | None:
    """Average precision over single records: within a bin they come one by one, each with the bin's chance."""
    negative, positive = cells.sum(axis=1)
    area = precision_recall_area(positive, negative)
    if area is None:
        return None
    moved = _ranked(area)
    return moved and Moved(_stepwise_precision(positive[::-1], negative[::-1]), moved.influence)


def sampling_error(moved: Moved, truths: Floats, counts: Floats) -> float:
    """Standard error of a metric over the truths that may come true; predictions and scores are what they are.

    `truths` are the chances of each, `counts` the records by predicted class and score bin.
    """
    mean = (truths * moved.influence).sum(axis=0)
    spread = (truths * moved.influence**2).sum(axis=0) - mean**2
    return float(np.sqrt(max(0.0, (counts * spread).sum()))) / float(counts.sum())


def _ranked(area: RankedArea | None) -> Moved | None:
    """The area with its influences in the order of the classes, negative first."""
    return None if area is None else Moved(area.value, area.influence[::-1, None, :])


def _stepwise_precision(positive: Floats, negative: Floats) -> float:
    """Sum over records, by descending score, of (chance / all hits) x (hits so far / records so far).

    In a bin of m records after k, with t hits before and chance c each: sum over j of (t + cj) / (k + j), which is
    c m + (t - c k) (H(k + m) - H(k)) with harmonic numbers H.
    """
    m = positive + negative
    filled = m > 0
    positive, m = positive[filled], m[filled]
    k, t = np.cumsum(m) - m, np.cumsum(positive) - positive
    chance = positive / m
    steps = digamma(k + m + 1) - digamma(k + 1)
    return float((chance * (chance * m + (t - chance * k) * steps)).sum() / positive.sum())


BINARY: Mapping[str, Measure] = {
    "accuracy": of_matrix(confusion.accuracy),
    "precision": of_matrix(lambda matrix: confusion.precision(matrix, (1,))),
    "recall": of_matrix(lambda matrix: confusion.recall(matrix, (1,))),
    "specificity": of_matrix(lambda matrix: confusion.recall(matrix, (0,))),
    "f1": of_matrix(lambda matrix: confusion.f_beta(matrix, 1.0, (1,))),
    "mcc": of_matrix(confusion.matthews),
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
}
"""By the name of the metric that the truth will tell."""

MULTICLASS: Mapping[str, Measure] = {
    "accuracy": of_matrix(confusion.accuracy),
    "precision": of_matrix(confusion.precision),
    "recall": of_matrix(confusion.recall),
    "f1": of_matrix(lambda matrix: confusion.f_beta(matrix, 1.0)),
    "mcc": of_matrix(confusion.matthews),
}
"""The same for many classes; the mean over them where a metric is of one class."""


def measures_of(*, binary: bool) -> Mapping[str, Measure]:
    """The metrics of two classes, or of many."""
    return BINARY if binary else MULTICLASS
