"""What predictions are worth, in money or whatever the four outcomes are priced in."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.influence import mean_result
from monitor.stats.performance.metric import Judged


@dataclass(frozen=True, slots=True)
class Value:
    """Mean value of a prediction, by the worth of its outcome: a cost is negative. In the unit of the four parameters.

    Interval by the central limit theorem. `detail` tells the total of the window's predictions with truth.
    """

    name: ClassVar[str] = "value"
    title: ClassVar[str] = "Value of a prediction"
    unit: ClassVar[str] = "unit of the worths"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = -1.0
    true_negative: float = 0.0

    def __post_init__(self) -> None:
        """ValueError unless every worth is a finite number."""
        if not np.isfinite([self.true_positive, self.false_positive, self.false_negative, self.true_negative]).all():
            raise ValueError("every worth must be a finite number")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without rows or a configured positive label."""
        if positive is None or not judged.n:
            return None
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        worth = np.where(
            truth,
            np.where(said, self.true_positive, self.false_negative),
            np.where(said, self.false_positive, self.true_negative),
        )
        mean = mean_result(worth)
        n = judged.n
        return TestResult(mean.statistic, None, n, n, mean.low, mean.high, {"total": float(worth.sum())})
