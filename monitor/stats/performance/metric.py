"""What a performance metric is: a function of predictions with their ground truth, with its sampling error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.class_scores import scores_by_label
from monitor.stats.columns import Floats, Mask, Rows

JudgedRow = tuple[str, float | None, str] | tuple[str, float | None, str, str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Predictions with known truth, row by row: predicted label or number as text, score (NaN: none), true label.

    `by_label` are the scores of every class where records have them, by label (NaN: none).
    """

    predictions: tuple[str, ...]
    scores: Floats
    labels: tuple[str, ...]
    by_label: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[JudgedRow]) -> "Judged":
        """From (prediction, score, label) rows, or with the scores of all classes as text besides."""
        scores = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64)
        by_label = scores_by_label([row[3] if len(row) > 3 else None for row in rows])
        return cls(tuple(row[0] for row in rows), scores, tuple(row[2] for row in rows), by_label)

    def take(self, rows: Rows) -> "Judged":
        """The given rows, in their order."""
        at = rows.tolist()
        return Judged(
            tuple(self.predictions[row] for row in at),
            self.scores[rows],
            tuple(self.labels[row] for row in at),
            {label: scores[rows] for label, scores in self.by_label.items()},
        )

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.labels)

    def is_label(self, positive: str) -> Mask:
        """Whether the truth is the positive label."""
        return np.array([label == positive for label in self.labels], dtype=np.bool_)

    def is_predicted(self, positive: str) -> Mask:
        """Whether the prediction is the positive label."""
        return np.array([label == positive for label in self.predictions], dtype=np.bool_)


class PerformanceMetric(Protocol):
    """A number that says how good the predictions were.

    `run` answers None when the metric is not defined on these rows (one class only, texts that are no numbers);
    `low` and `high` of the result are the 95 % interval of the metric itself. One with `is_proposed = False` (without
    it, a metric is proposed) is computed only where a configuration names it. One that can be negative has a `minimum`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    tasks: ClassVar[frozenset[Task]]
    higher_is_better: ClassVar[bool]
    default_threshold: ClassVar[Threshold | None]

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """The metric over these rows."""
        ...


def is_proposed(metric: PerformanceMetric) -> bool:
    """Whether it is computed for every model whose task it suits, without being asked for."""
    return bool(getattr(metric, "is_proposed", True))


def numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """The texts as finite numbers, None when one of them is none."""
    try:
        values = np.array([float(text) for text in texts], dtype=np.float64)
    except ValueError:
        return None
    return values if bool(np.isfinite(values).all()) else None
