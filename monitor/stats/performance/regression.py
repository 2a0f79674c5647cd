"""Errors of regression models."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.metric import Z95, Judged, numbers

REGRESSION = frozenset({Task.REGRESSION})


def _errors(judged: Judged) -> Floats | None:
    predicted, truth = numbers(judged.predictions), numbers(judged.labels)
    if predicted is None or truth is None or not len(truth):
        return None
    errors: Floats = predicted - truth
    return errors


@dataclass(frozen=True, slots=True)
class MeanAbsoluteError:
    """Mean of |prediction - truth|, from 0, in the unit of the target; interval by the central limit theorem."""

    name: ClassVar[str] = "mae"
    title: ClassVar[str] = "Mean absolute error"
    unit: ClassVar[str] = "unit of the target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers."""
        errors = _errors(judged)
        if errors is None:
            return None
        sizes = np.abs(errors)
        mean, n = float(sizes.mean()), len(sizes)
        half = Z95 * float(sizes.std(ddof=1)) / n**0.5 if n > 1 else mean
        return TestResult(mean, None, n, n, max(0.0, mean - half), mean + half)


@dataclass(frozen=True, slots=True)
class RootMeanSquareError:
    """Root of the mean squared error, from 0, in the unit of the target; interval of the mean square, rooted."""

    name: ClassVar[str] = "rmse"
    title: ClassVar[str] = "Root mean square error"
    unit: ClassVar[str] = "unit of the target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers."""
        errors = _errors(judged)
        if errors is None:
            return None
        squares = errors * errors
        mean, n = float(squares.mean()), len(squares)
        half = Z95 * float(squares.std(ddof=1)) / n**0.5 if n > 1 else mean
        return TestResult(mean**0.5, None, n, n, max(0.0, mean - half) ** 0.5, (mean + half) ** 0.5)
