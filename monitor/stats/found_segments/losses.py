"""How wrong each prediction was: one number a record, the larger the worse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from monitor.domain.models import Task
from monitor.stats.columns import Floats, Mask
from monitor.stats.performance.metric import Judged, numbers

LossOf = Callable[[Judged, str | None], Floats | None]


@dataclass(frozen=True, slots=True)
class Loss:
    """A metric that is a mean over records: `of` gives NaN for records that it is not about, None if undefined.

    A `share` is of zeros and ones.
    """

    name: str
    title: str
    tasks: frozenset[Task]
    share: bool
    of: LossOf


def _error(judged: Judged, _positive: str | None) -> Floats:
    wrong = [said != truth for said, truth in zip(judged.predictions, judged.labels, strict=True)]
    return np.array(wrong, dtype=np.float64)


def _among(judged: Judged, positive: str | None, *, is_positive: bool) -> Floats | None:
    if positive is None:
        return None
    about: Mask = judged.is_label(positive) == is_positive
    return np.where(about, _error(judged, positive), np.nan)


def _squared_score(judged: Judged, positive: str | None) -> Floats | None:
    if positive is None:
        return None
    fits = (judged.scores >= 0.0) & (judged.scores <= 1.0)
    return np.where(fits, (judged.scores - judged.is_label(positive)) ** 2, np.nan)


def _distance(judged: Judged, _positive: str | None) -> Floats | None:
    said, truth = numbers(judged.predictions), numbers(judged.labels)
    return None if said is None or truth is None else np.abs(said - truth)


def _squared(judged: Judged, positive: str | None) -> Floats | None:
    distance = _distance(judged, positive)
    return None if distance is None else distance**2


_CLASSES, _BINARY, _NUMBERS = (
    frozenset({Task.BINARY, Task.MULTICLASS}),
    frozenset({Task.BINARY}),
    frozenset({Task.REGRESSION, Task.FORECAST}),
)
_SHIPPED = (
    Loss("error", "share of wrong predictions", _CLASSES, share=True, of=_error),
    Loss(
        "false_negative_rate",
        "share of wrong ones among those whose truth is positive",
        _BINARY,
        share=True,
        of=lambda judged, positive: _among(judged, positive, is_positive=True),
    ),
    Loss(
        "false_positive_rate",
        "share of wrong ones among those whose truth is not positive",
        _BINARY,
        share=True,
        of=lambda judged, positive: _among(judged, positive, is_positive=False),
    ),
    Loss("brier", "mean squared error of the score", _BINARY, share=False, of=_squared_score),
    Loss("mae", "mean absolute error", _NUMBERS, share=False, of=_distance),
    Loss("mse", "mean squared error", _NUMBERS, share=False, of=_squared),
)

LOSS_BEHIND: Mapping[str, str] = MappingProxyType(
    {
        "recall": "false_negative_rate",
        "specificity": "false_positive_rate",
        "brier": "brier",
        "log_loss": "brier",
        "calibration_error": "brier",
        "roc_auc": "brier",
        "pr_auc": "brier",
        "rmse": "mse",
        "mse": "mse",
        "r2": "mse",
    }
)
"""What to search by when a metric is bad, where that is not the task's default."""

LOSSES: Mapping[str, Loss] = MappingProxyType({loss.name: loss for loss in _SHIPPED})
"""The metrics that segments are searched by, by name; the first that suits a task is its default."""
