"""How far the joint distribution of all columns has moved, by the means of many random waves."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.drift_test import SAYS
from monitor.stats.joint.exchange import exchange
from monitor.stats.joint.one_thread import by_one_thread
from monitor.stats.row_test import JointRows

_FOR_WIDTH = 1_000


@dataclass(frozen=True, slots=True)
class MeanDiscrepancy:
    """Maximum mean discrepancy (MMD) of all columns together: 0 when both sides are alike, at most sqrt(2).

    The distance of the two means in the space of a Gaussian kernel (Gretton et al. 2012) that is as wide as the median
    distance of two rows, on ranks of numbers and indicators of categories. The kernel is that of `waves` random waves
    (Rahimi & Recht 2007), so the time grows with the number of rows and not with its square. The estimate is unbiased
    before the root is drawn, and 0 where it would be negative; the p-value comes from exchanging windows of the
    baseline, where its rows have event times and fill 49 windows, and otherwise from exchanging rows. Unit: none (a
    distance in the kernel's space). The default threshold asks for 0.05 *and* p <= 0.02. Use it for embeddings, and
    for changes of any shape, when which columns it was does not matter. It needs raw rows: `archive` in the model's
    file, or `driftline compare --multivariate`.
    """

    name: ClassVar[str] = "mean_discrepancy"
    title: ClassVar[str] = "Maximum mean discrepancy"
    unit: ClassVar[str] = "distance in the kernel's space"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.sqrt(2)
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.05, warning=0.03, alpha=0.02)
    waves: int = 256
    most_rows: int = 2_000
    permutations: int = 199

    def __post_init__(self) -> None:
        """ValueError for numbers that make no sense."""
        if min(self.most_rows, self.permutations, self.waves) < 1:
            raise ValueError("most_rows, permutations and waves must be at least 1")

    @by_one_thread
    def run_rows(self, rows: JointRows) -> TestResult:
        """Compare the means, as it is and for every exchange."""
        made = exchange(rows, self.most_rows, self.permutations)
        if isinstance(made, TestResult):
            return made
        random = np.random.default_rng([rows.seed, self.waves])
        squares = _squares(self._features(made.encoded.matrix, random), made.labels)
        statistic = math.sqrt(max(0.0, float(squares[0])))
        detail: dict[str, object] = {SAYS: made.words}
        p_value = made.p_value(squares)
        return TestResult(min(statistic, self.maximum), p_value, len(rows.reference), len(rows.current), detail=detail)

    def _features(self, matrix: Floats, random: np.random.Generator) -> Floats:
        """Cosines and sines of every row, shape (n, 2 waves); of length 1."""
        frequencies = random.standard_normal((matrix.shape[1], self.waves)) / math.sqrt(_median_square(matrix, random))
        angles = matrix @ frequencies
        return np.concatenate((np.cos(angles), np.sin(angles)), axis=1) / math.sqrt(self.waves)


def _squares(features: Floats, labels: Floats) -> Floats:
    """The squared discrepancy of each exchange, without bias."""
    total, n_now = features.sum(axis=0), labels.sum(axis=0)
    n_before = len(labels) - n_now
    now = labels.T @ features
    before = total - now
    within = ((now**2).sum(axis=1) - n_now) / (n_now * (n_now - 1))
    within += ((before**2).sum(axis=1) - n_before) / (n_before * (n_before - 1))
    squares: Floats = within - 2 * (now * before).sum(axis=1) / (n_now * n_before)
    return np.round(squares, 12)


def _median_square(matrix: Floats, random: np.random.Generator) -> float:
    """Of the distances between rows that are drawn."""
    one, other = (matrix[random.integers(0, len(matrix), _FOR_WIDTH)] for _ in range(2))
    median = float(np.median(((one - other) ** 2).sum(axis=1)))
    return median if median > 0 else 1.0
