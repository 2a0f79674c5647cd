"""Errors of regression models."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.influence import mean_result, standard_error
from monitor.stats.performance.metric import Judged, numbers
from monitor.stats.proportions import Z95

REGRESSION = frozenset({Task.REGRESSION, Task.FORECAST})


def _both(judged: Judged) -> tuple[Floats, Floats] | None:
    """Predictions and truths, None when one of them is no finite number or there are none."""
    predicted, truth = numbers(judged.predictions), numbers(judged.labels)
    return None if predicted is None or truth is None or not len(truth) else (predicted, truth)


def _errors(judged: Judged) -> Floats | None:
    both = _both(judged)
    if both is None:
        return None
    errors: Floats = both[0] - both[1]
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
        return mean_result(np.abs(errors), least=0.0)


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
        mean = mean_result(errors * errors, least=0.0)
        low, high = (mean.low or 0.0) ** 0.5, (mean.high or 0.0) ** 0.5
        return TestResult(mean.statistic**0.5, None, mean.n_current, mean.n_current, low, high)


@dataclass(frozen=True, slots=True)
class MeanAbsolutePercentageError:
    """Mean of |prediction - truth| / |truth|, from 0, as a share; interval by the central limit theorem."""

    name: ClassVar[str] = "mape"
    title: ClassVar[str] = "Mean absolute percentage error"
    unit: ClassVar[str] = "share of the truth"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers, or a truth is zero: the error is infinite there."""
        both = _both(judged)
        if both is None or not both[1].all():
            return None
        predicted, truth = both
        return mean_result(np.abs(predicted - truth) / np.abs(truth), least=0.0)


@dataclass(frozen=True, slots=True)
class SymmetricPercentageError:
    """Mean of 2 |prediction - truth| / (|prediction| + |truth|), 0 to 2; 0 where both are zero (Makridakis 1993)."""

    name: ClassVar[str] = "smape"
    title: ClassVar[str] = "Symmetric percentage error"
    unit: ClassVar[str] = "share of the mean size"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers."""
        both = _both(judged)
        if both is None:
            return None
        predicted, truth = both
        size = np.abs(predicted) + np.abs(truth)
        return mean_result(2 * np.divide(np.abs(predicted - truth), size, out=np.zeros_like(size), where=size > 0), 0.0)


@dataclass(frozen=True, slots=True)
class Determination:
    """Share of the truth's variance that the predictions explain, 1 - SSE / SST: 1 is perfect, no lower bound.

    0 is what predicting the mean would reach; delta-method interval.
    """

    name: ClassVar[str] = "r2"
    title: ClassVar[str] = "R squared"
    unit: ClassVar[str] = "share of the variance"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = True
    minimum: ClassVar[float] = -math.inf
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers, or all truths are equal."""
        both = _both(judged)
        if both is None or not (variance := float(both[1].var())):
            return None
        predicted, truth = both
        squares, n = (predicted - truth) ** 2, len(truth)
        unexplained = float(squares.mean()) / variance
        influence = (unexplained * (truth - truth.mean()) ** 2 - squares) / variance
        half = Z95 * standard_error(influence, np.ones(n))
        value = 1 - unexplained
        return TestResult(value, None, n, n, value - half, min(1.0, value + half))


@dataclass(frozen=True, slots=True)
class QuantileLoss:
    """Mean pinball loss of a prediction of one `quantile`, from 0, in the unit of the target (Koenker & Bassett 1978).

    An under-prediction costs `quantile` a unit, an over-prediction 1 - `quantile`; interval by the central limit
    theorem.
    """

    name: ClassVar[str] = "quantile_loss"
    title: ClassVar[str] = "Quantile loss"
    unit: ClassVar[str] = "unit of the target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    quantile: float = 0.5

    def __post_init__(self) -> None:
        """ValueError unless the quantile lies between 0 and 1."""
        if not 0.0 < self.quantile < 1.0:
            raise ValueError(f"quantile must lie between 0 and 1, not {self.quantile:g}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers."""
        errors = _errors(judged)
        if errors is None:
            return None
        return mean_result(np.where(errors < 0, -self.quantile * errors, (1 - self.quantile) * errors), least=0.0)


@dataclass(frozen=True, slots=True)
class Bias:
    """Size of the mean error, from 0, in the unit of the target: a limit holds on both sides.

    `detail` tells its sign (mean_error: prediction - truth); interval by the central limit theorem.
    """

    name: ClassVar[str] = "bias"
    title: ClassVar[str] = "Bias"
    unit: ClassVar[str] = "unit of the target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers."""
        errors = _errors(judged)
        if errors is None:
            return None
        mean = mean_result(errors)
        low, high = sorted((abs(mean.low or 0.0), abs(mean.high or 0.0)))
        if (mean.low or 0.0) <= 0.0 <= (mean.high or 0.0):
            low = 0.0
        n, signed = mean.n_current, mean.statistic
        return TestResult(abs(signed), None, n, n, low, high, {"mean_error": signed})
