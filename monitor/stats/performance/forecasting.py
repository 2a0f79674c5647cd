"""Metrics of forecasts: of the number predicted against a naive forecast, and of intervals that should hold the truth.

Intervals are the predicted quantiles of a record (`scores`, by level): for a level of 0.9 those of 0.05 and 0.95.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.classification import proportion
from monitor.stats.performance.influence import mean_result
from monitor.stats.performance.metric import Judged, numbers

FORECAST = frozenset({Task.FORECAST})
_SAME_LEVEL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Lower and upper bound and truth of the rows that have both bounds."""

    low: Floats
    high: Floats
    truth: Floats

    @classmethod
    def of(cls, judged: Judged, level: float) -> "Intervals | None":
        """None where no row has the quantiles of the level, or a truth is no number."""
        bounds, truth = bounds_of(judged, level), numbers(judged.labels)
        if bounds is None or truth is None:
            return None
        rows = np.flatnonzero(~np.isnan(bounds[0]) & ~np.isnan(bounds[1]))
        return cls(bounds[0][rows], bounds[1][rows], truth[rows]) if len(rows) else None


def bounds_of(judged: Judged, level: float) -> tuple[Floats, Floats] | None:
    """The predicted quantiles on either side of the level, NaN where a row lacks one; None where none has them."""
    sides = (_column(judged, (1 - level) / 2), _column(judged, (1 + level) / 2))
    return None if sides[0] is None or sides[1] is None else (sides[0], sides[1])


def _column(judged: Judged, quantile: float) -> Floats | None:
    found = (column for text, column in judged.by_label.items() if abs(_level(text) - quantile) < _SAME_LEVEL)
    return next(found, None)


def _level(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level:g}")


@dataclass(frozen=True, slots=True)
class ScaledError:
    """Mean absolute scaled error: mean |prediction - truth| over that of a naive forecast, from 0 (Hyndman 2006).

    Below 1 the model is better than saying what was true a season before; the unit of the target cancels, so series of
    any size compare. The naive error is that of the baseline's rows (`training.season`), or `scale` in the unit of the
    target. Interval by the central limit theorem, with the naive error taken as known.
    """

    name: ClassVar[str] = "mase"
    title: ClassVar[str] = "Mean absolute scaled error"
    unit: ClassVar[str] = "naive forecast's error"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.REGRESSION, Task.FORECAST})
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    scale: float = 0.0

    def __post_init__(self) -> None:
        """ValueError unless the scale is no negative or infinite number."""
        if not 0.0 <= self.scale < float("inf"):
            raise ValueError(f"scale must be above 0 (0: that of the baseline), not {self.scale:g}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when predictions or truths are no finite numbers, or no naive error is known."""
        predicted, truth = numbers(judged.predictions), numbers(judged.labels)
        if predicted is None or truth is None or not len(truth) or not self.scale:
            return None
        return mean_result(np.abs(predicted - truth) / self.scale, least=0.0)


@dataclass(frozen=True, slots=True)
class _OfIntervals(ABC):
    """A metric of the prediction intervals of one level."""

    tasks: ClassVar[frozenset[Task]] = FORECAST
    default_threshold: ClassVar[Threshold | None] = None
    level: float = 0.9

    def __post_init__(self) -> None:
        """ValueError unless the level lies between 0 and 1."""
        _require_level(self.level)

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None where no record has the quantiles of the level."""
        found = Intervals.of(judged, self.level)
        return None if found is None else self._of(found)

    @abstractmethod
    def _of(self, found: Intervals) -> TestResult | None:
        """The metric of intervals and their truths."""


@dataclass(frozen=True, slots=True)
class IntervalCoverage(_OfIntervals):
    """Share of the truths inside the predicted interval, bounds included, 0 to 1; Wilson interval (1927).

    It should be the `level`. Too low: the model is surer than it may be. Wide intervals cover anything, so look at
    `interval_score` or `interval_width` beside it.
    """

    name: ClassVar[str] = "interval_coverage"
    title: ClassVar[str] = "Coverage of prediction intervals"
    unit: ClassVar[str] = "share of truths"
    higher_is_better: ClassVar[bool] = True

    def _of(self, found: Intervals) -> TestResult | None:
        return proportion(int(((found.low <= found.truth) & (found.truth <= found.high)).sum()), len(found.truth))


@dataclass(frozen=True, slots=True)
class IntervalScore(_OfIntervals):
    """Mean interval score, from 0, in the unit of the target: width, and 2 / (1 - level) for each unit outside.

    Best for the true quantiles, so narrow intervals win only while they hold (Gneiting & Raftery 2007). Interval by the
    central limit theorem.
    """

    name: ClassVar[str] = "interval_score"
    title: ClassVar[str] = "Interval score"
    unit: ClassVar[str] = "unit of the target"
    higher_is_better: ClassVar[bool] = False

    def _of(self, found: Intervals) -> TestResult | None:
        outside = np.maximum(0.0, found.low - found.truth) + np.maximum(0.0, found.truth - found.high)
        return mean_result(found.high - found.low + 2 / (1 - self.level) * outside, least=0.0)


@dataclass(frozen=True, slots=True)
class IntervalWidth(_OfIntervals):
    """Mean width of the predicted interval, from 0, in the unit of the target; interval by the central limit theorem.

    How sure the model is: of use beside `interval_coverage` alone.
    """

    name: ClassVar[str] = "interval_width"
    title: ClassVar[str] = "Width of prediction intervals"
    unit: ClassVar[str] = "unit of the target"
    higher_is_better: ClassVar[bool] = False

    def _of(self, found: Intervals) -> TestResult | None:
        return mean_result(found.high - found.low, least=0.0)
