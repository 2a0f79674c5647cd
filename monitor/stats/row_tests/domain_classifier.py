"""Whether a classifier can tell rows of the window from rows of the baseline."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import SAYS
from monitor.stats.joint.encoding import few_names
from monitor.stats.joint.exchange import FOLDS, Exchange, exchange
from monitor.stats.joint.one_thread import by_one_thread
from monitor.stats.joint.ranks import midranks
from monitor.stats.joint.terms import Terms, terms
from monitor.stats.proportions import Z95
from monitor.stats.row_test import JointRows

NAMED = 3
_WORTH_A_WORD = 0.005


@dataclass(frozen=True, slots=True)
class DomainClassifier:
    """Area under the ROC curve of a classifier that tells rows of the window from rows of the baseline.

    It is 0.5 where the two are alike, and where chance has it below, and 1 where every row shows which side it is of.
    The classifier is a linear discriminant with squares and products of two columns (ridge regression of the side on
    ranks of numbers and indicators of categories), so it sees a change of what goes with what that leaves every single
    column as it was.
    Each quarter of the rows is judged by what the other three taught (Lopez-Paz & Oquab 2017). The interval is about
    the area as it is told, 0.5 at least, as wide as DeLong, DeLong & Clarke-Pearson (1988) have it; the p-value comes
    from exchanging windows of the baseline, where its rows have event times and fill 49 windows, and otherwise from
    exchanging rows. Importance: by how much the area falls without all terms of a column. Unit: area under the curve.
    The default threshold asks for 0.6 *and* p <= 0.02.
    Use it for changes of several columns together, where `correlation` and the tests of single columns say too little,
    and for vectors (`columns: [embedding]` looks at that one alone). It needs raw rows: `archive` in the model's file,
    or `driftline compare --multivariate`. `most_rows` of each side are drawn, `permutations` bound the time, `ridge` is
    the penalty in units of a term's variance.
    """

    name: ClassVar[str] = "domain_classifier"
    title: ClassVar[str] = "Domain classifier"
    unit: ClassVar[str] = "area under the curve"
    minimum: ClassVar[float] = 0.5
    maximum: ClassVar[float] = 1.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.6, warning=0.55, alpha=0.02)
    most_rows: int = 2_000
    permutations: int = 199
    ridge: float = 0.1

    def __post_init__(self) -> None:
        """ValueError for numbers that make no sense."""
        if self.most_rows < 1 or self.permutations < 1 or not 0 < self.ridge < math.inf:
            raise ValueError("most_rows and permutations must be at least 1, and ridge above 0")

    @by_one_thread
    def run_rows(self, rows: JointRows) -> TestResult:
        """Train and judge on all folds, as it is and for every exchange."""
        made = exchange(rows, self.most_rows, self.permutations)
        if isinstance(made, TestResult):
            return replace(made, statistic=self.minimum)
        of_rows = terms(made.encoded)
        areas, variance, lost = self._areas(made, of_rows)
        area, error = max(self.minimum, float(areas[0])), Z95 * math.sqrt(variance)
        low, high = max(self.minimum, area - error), min(self.maximum, area + error)
        ranked = sorted(zip(made.encoded.names, lost.tolist(), strict=True), key=lambda item: (-item[1], item[0]))
        by = [f"{name} ({loss:.2g})" for name, loss in ranked[:NAMED] if low > self.minimum and loss >= _WORTH_A_WORD]
        detail: dict[str, object] = {
            "area": float(areas[0]),
            "interval": [low, high],
            "importances": dict(ranked),
            "left_out": list(made.encoded.left_out),
            SAYS: f"95 % interval {low:.3f} to {high:.3f}"
            + (f"; told apart by {', '.join(by)}" if by else "")
            + (f"; without {few_names(made.encoded.left_out)}" if made.encoded.left_out else "")
            + f"; {made.words}",
        }
        p_value = made.p_value(areas)
        return TestResult(area, p_value, len(rows.reference), len(rows.current), detail=detail)

    def _areas(self, made: Exchange, of_rows: Terms) -> tuple[Floats, float, Floats]:
        """Areas (k,) of the exchanges, the variance of the first, and what it loses without each column."""
        areas, variance = np.zeros(made.labels.shape[1]), 0.0
        lost = np.zeros(len(made.encoded.names))
        for fold in range(FOLDS):
            test = made.folds == fold
            weights = self._weights(of_rows.matrix[~test], made.labels[~test])
            judged, labels = of_rows.matrix[test], made.labels[test]
            of_fold = _areas_under(judged @ weights, labels)
            areas += of_fold / FOLDS
            variance += _variance(judged @ weights[:, 0], labels[:, 0]) / FOLDS**2
            for owner in range(len(lost)):
                kept = of_rows.without(owner)
                rest = _areas_under(judged[:, kept] @ weights[kept, :1], labels[:, :1])
                lost[owner] += (of_fold[0] - rest[0]) / FOLDS
        return areas, variance, np.maximum(lost, 0.0)

    def _weights(self, matrix: Floats, labels: Floats) -> Floats:
        """Of every term for each exchange: the matrix is factored once for all of them."""
        gram = matrix.T @ matrix
        gram[np.diag_indices(len(gram))] += self.ridge * len(matrix)
        weights: Floats = np.linalg.solve(gram, matrix.T @ (labels - labels.mean(axis=0)))
        return weights


def _areas_under(scores: Floats, labels: Floats) -> Floats:
    """By rank sums, column by column (Mann & Whitney 1947). Scores are rounded: ties must not hang on the last bit."""
    ranks = np.apply_along_axis(midranks, 0, np.round(scores, 12))
    ones = labels.sum(axis=0)
    areas: Floats = ((ranks * labels).sum(axis=0) - ones**2 / 2) / (ones * (len(labels) - ones))
    return areas


def _variance(scores: Floats, label: Floats) -> float:
    now, before = scores[label == 1], scores[label == 0]
    above, below = midranks(now, before), midranks(before, now)
    of_now, of_before = (above / len(before)).var(ddof=1), (below / len(now)).var(ddof=1)
    return float(of_now / len(now) + of_before / len(before))
