"""Performance metrics of expected truths: cells are numbers of records by true class, predicted class and score bin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma

from monitor.stats.columns import Floats
from monitor.stats.performance import confusion
from monitor.stats.performance.confusion import Moved, Ratio
from monitor.stats.performance.ranking import RankedArea, precision_recall_area, roc_area, roc_areas


@dataclass(frozen=True, slots=True, eq=False)
class ManyCells:
    """Sets of cells of the same records, each by other chances of the truths, summed as metrics need them.

    `matrices` (sets, true, predicted), `by_score` (sets, true, bins), `records` (bins,).
    """

    matrices: Floats
    by_score: Floats
    records: Floats

    @classmethod
    def of(cls, truths: Floats, counts: Floats) -> "ManyCells":
        """From the chances, shape (sets, true, predicted, bins), and the records by predicted class and bin."""
        matrices = np.einsum("stpb,pb->stp", truths, counts)
        return cls(matrices, np.einsum("stpb,pb->stb", truths, counts), counts.sum(axis=0))


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: of one set of cells with the influence of a record in each; of many sets its values, NaN for none."""

    one: Callable[[Floats], Moved | None]
    many: Callable[[ManyCells], Floats]

    def __call__(self, cells: Floats) -> Moved | None:
        """Of one set; the influence of cells that share an axis of length 1 is the same."""
        return self.one(cells)


def of_matrix(one: Callable[[Floats], Moved | None], many: Callable[[Floats], Floats]) -> Measure:
    """A metric that follows from the confusion matrix."""

    def run(cells: Floats) -> Moved | None:
        moved = one(cells.sum(axis=2))
        return None if moved is None else Moved(moved.value, moved.influence[:, :, None])

    return Measure(run, lambda cells: many(cells.matrices))


def of_ratio(ratio: Ratio, labels: tuple[int, ...] | None = None) -> Measure:
    """A ratio, in the mean over these classes (None: those that occur)."""
    return of_matrix(
        lambda matrix: confusion.mean_ratio(matrix, ratio, labels),
        lambda matrices: confusion.mean_ratios(matrices, ratio, labels),
    )


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
    return moved and Moved(float(_stepwise_precision(positive, positive + negative)), moved.influence)


def pr_aucs(cells: ManyCells) -> Floats:
    """The same of many sets."""
    negative, positive = cells.by_score[:, 0], cells.by_score[:, 1]
    both = (positive.sum(axis=-1) > 0) & (negative.sum(axis=-1) > 0)
    found = np.full(both.shape, np.nan)
    found[both] = _stepwise_precision(positive[both], cells.records)
    return found


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


def _stepwise_precision(positive: Floats, records: Floats) -> Floats:
    """Sum over records, by descending score, of (chance / all hits) x (hits so far / records so far).

    In a bin of m records after k, with t hits before and chance c each: sum over j of (t + cj) / (k + j), which is
    c m + (t - c k) (H(k + m) - H(k)) with harmonic numbers H. `positive` (..., bins) and `records` by ascending score.
    """
    filled = np.flatnonzero(records)[::-1]
    positive, m = positive[..., filled], records[filled]
    k, t = np.cumsum(m) - m, np.cumsum(positive, axis=-1) - positive
    chance = positive / m
    steps = digamma(k + m + 1) - digamma(k + 1)
    found: Floats = (chance * (chance * m + (t - chance * k) * steps)).sum(axis=-1) / positive.sum(axis=-1)
    return found


BINARY: Mapping[str, Measure] = {
    "accuracy": of_matrix(confusion.accuracy, confusion.accuracies),
    "precision": of_ratio(confusion.PRECISION, (1,)),
    "recall": of_ratio(confusion.RECALL, (1,)),
    "specificity": of_ratio(confusion.RECALL, (0,)),
    "f1": of_ratio(confusion.f_ratio(1.0), (1,)),
    "mcc": of_matrix(confusion.matthews, confusion.matthews_of_many),
    "roc_auc": Measure(roc_auc, lambda cells: roc_areas(cells.by_score[:, 1], cells.by_score[:, 0])),
    "pr_auc": Measure(pr_auc, pr_aucs),
}
"""By the name of the metric that the truth will tell."""

MULTICLASS: Mapping[str, Measure] = {
    "accuracy": BINARY["accuracy"],
    "precision": of_ratio(confusion.PRECISION),
    "recall": of_ratio(confusion.RECALL),
    "f1": of_ratio(confusion.f_ratio(1.0)),
    "mcc": BINARY["mcc"],
}
"""The same for many classes; the mean over them where a metric is of one class."""


def measures_of(*, binary: bool) -> Mapping[str, Measure]:
    """The metrics of two classes, or of many."""
    return BINARY if binary else MULTICLASS
