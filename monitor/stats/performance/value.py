"""What predictions are worth, in money or whatever the four outcomes are priced in."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.classification import CLASSIFICATION
from monitor.stats.performance.influence import mean_result
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.worths import Worths, is_number


@dataclass(frozen=True, slots=True)
class Value:
    """Mean value of a prediction, by the worth of its outcome: a cost is negative. In the unit of the parameters.

    Of binary models the four `true_...` and `false_...` hold, of others `right` and `wrong`. Instead, `matrix` prices
    each outcome by name, true class first: `{cat: {cat: 1, dog: -5}, dog: {cat: -1, dog: 1}}`. It names every cell,
    or `otherwise` is the worth of the others and of classes that it does not name; without, rows of such a class are
    put aside. Where each event has a worth of its own, tell it as truth and use `rating`. Interval by the central
    limit theorem. `detail` tells the total of the window's predictions with truth.
    """

    name: ClassVar[str] = "value"
    title: ClassVar[str] = "Value of a prediction"
    unit: ClassVar[str] = "unit of the worths"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    minimum: ClassVar[float] = -math.inf
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = -1.0
    true_negative: float = 0.0
    right: float = 1.0
    wrong: float = -1.0
    matrix: str = ""
    otherwise: float | None = None

    def __post_init__(self) -> None:
        """ValueError unless every worth is a finite number and no cell of the matrix lacks one."""
        worths = (
            self.true_positive,
            self.false_positive,
            self.false_negative,
            self.true_negative,
            self.right,
            self.wrong,
        )
        if not np.isfinite(worths).all():
            raise ValueError("every worth must be a finite number")
        if self.otherwise is not None and not (is_number(self.otherwise) and np.isfinite(self.otherwise)):
            raise ValueError(f"otherwise must be a finite number, not {self.otherwise!r}")
        if self.otherwise is not None and not self.matrix:
            raise ValueError("otherwise holds for what a matrix does not name, and there is none")
        _ = self.priced

    @property
    def priced(self) -> Worths | None:
        """The matrix; None where there is none."""
        return Worths.parsed(self.matrix, self.otherwise) if self.matrix else None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without rows."""
        worth = self._worths(judged, positive)
        if not len(worth):
            return None
        mean, n = mean_result(worth), len(worth)
        return TestResult(mean.statistic, None, n, n, mean.low, mean.high, {"total": float(worth.sum())})

    def _worths(self, judged: Judged, positive: str | None) -> Floats:
        if (priced := self.priced) is not None:
            worth = priced.of_rows(judged)
            return worth[~np.isnan(worth)]
        if positive is None:
            pairs = zip(judged.predictions, judged.labels, strict=True)
            return np.array([self.right if said == label else self.wrong for said, label in pairs], dtype=np.float64)
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        of_truth = np.where(said, self.true_positive, self.false_negative)
        return np.where(truth, of_truth, np.where(said, self.false_positive, self.true_negative))
