"""Counting metrics of classification: how many predictions were right, and of which kind."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance import confusion
from monitor.stats.performance.influence import correlation_result, share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.proportions import wilson

CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
BINARY = frozenset({Task.BINARY})
_MOST_LABELS = 20


def proportion(successes: int, n: int) -> TestResult | None:
    """Share of successes with its Wilson interval; None of nothing."""
    if n == 0:
        return None
    low, high = wilson(successes, n)
    return TestResult(successes / n, None, n, n, low, high)


def confusion_matrix(judged: Judged, positive: str | None) -> Floats:
    """Numbers of records by truth and prediction: of every label in order, or of (any other, the positive label)."""
    if positive is not None:
        truth, said = judged.is_label(positive).astype(np.intp), judged.is_predicted(positive).astype(np.intp)
        classes = 2
    else:
        labels, codes = np.unique(np.array([*judged.labels, *judged.predictions], dtype=object), return_inverse=True)
        truth, said, classes = codes[: judged.n], codes[judged.n :], len(labels)
    counts = np.bincount(truth * classes + said, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def macro(judged: Judged, measure: Callable[[Floats], confusion.Moved | None]) -> TestResult | None:
    """A share that follows from the confusion matrix of all classes, its interval by the delta method."""
    return _share_of(confusion_matrix(judged, None), measure) if judged.n else None


def _share_of(matrix: Floats, measure: Callable[[Floats], confusion.Moved | None]) -> TestResult | None:
    moved = measure(matrix)
    if moved is None:
        return None
    return share_result(moved.value, standard_error(moved.influence, matrix), int(matrix.sum()))


def _confusion(judged: Judged) -> dict[str, object]:
    """Labels in order, and the numbers of records by truth and prediction; nothing where there are too many labels."""
    labels = sorted({*judged.labels, *judged.predictions})
    if len(labels) > _MOST_LABELS:
        return {}
    return {"labels": labels, "confusion": confusion_matrix(judged, None).astype(int).tolist()}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of predictions that equal the truth, 0 to 1, with its Wilson interval (1927); for balanced classes.

    `detail` has the confusion matrix of at most 20 labels: numbers of records by truth (rows) and prediction (columns).
    """

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy"
    unit: ClassVar[str] = "share of predictions"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class is special
        """Count the equal ones."""
        right = sum(p == t for p, t in zip(judged.predictions, judged.labels, strict=True))
        result = proportion(right, judged.n)
        return None if result is None else replace(result, detail=_confusion(judged))


@dataclass(frozen=True, slots=True)
class Precision:
    """Share of positive predictions that were right, 0 to 1, with its Wilson interval (1927).

    Without a positive label: the mean over the classes (one that was never predicted counts 0), delta-method interval.
    """

    name: ClassVar[str] = "precision"
    title: ClassVar[str] = "Precision"
    unit: ClassVar[str] = "share of positive predictions"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when nothing was predicted positive (of one label)."""
        if positive is None:
            return macro(judged, confusion.precision)
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        return proportion(int((truth & said).sum()), int(said.sum()))


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the truly positive that were predicted so, 0 to 1, with its Wilson interval (1927).

    Without a positive label: the mean over the classes (one that was never true counts 0), delta-method interval.
    """

    name: ClassVar[str] = "recall"
    title: ClassVar[str] = "Recall"
    unit: ClassVar[str] = "share of positive truths"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when no truth is positive (of one label)."""
        if positive is None:
            return macro(judged, confusion.recall)
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        return proportion(int((truth & said).sum()), int(truth.sum()))


@dataclass(frozen=True, slots=True)
class F1:
    """Harmonic mean of precision and recall, 2TP / (2TP + FP + FN), 0 to 1.

    With q = TP / (TP + FP + FN), F1 is 2q / (1 + q); the interval is the Wilson interval (1927) of q, mapped so.
    Without a positive label: the mean over the classes, delta-method interval.
    """

    name: ClassVar[str] = "f1"
    title: ClassVar[str] = "F1"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when the positive label is neither true nor predicted anywhere."""
        if positive is None:
            return macro(judged, lambda matrix: confusion.f_beta(matrix, 1.0))
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        hits, misses = int((truth & said).sum()), int((truth ^ said).sum())
        if hits + misses == 0:
            return None
        low, high = (2 * q / (1 + q) for q in wilson(hits, hits + misses))
        return TestResult(2 * hits / (2 * hits + misses), None, judged.n, judged.n, low, high)


@dataclass(frozen=True, slots=True)
class FBeta:
    """Weighed harmonic mean of precision and recall, 0 to 1: recall counts `beta` times as much as precision.

    (1 + b2) TP / ((1 + b2) TP + b2 FN + FP) with b2 = beta^2 (van Rijsbergen 1979); delta-method interval. Without a
    positive label: the mean over the classes.
    """

    name: ClassVar[str] = "f_beta"
    title: ClassVar[str] = "F-beta"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    beta: float = 2.0

    def __post_init__(self) -> None:
        """ValueError unless beta is positive."""
        if not self.beta > 0.0:
            raise ValueError(f"beta must be above 0, not {self.beta:g}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when the positive label is neither true nor predicted anywhere."""
        if not judged.n:
            return None
        labels = None if positive is None else (1,)
        return _share_of(confusion_matrix(judged, positive), lambda matrix: confusion.f_beta(matrix, self.beta, labels))


@dataclass(frozen=True, slots=True)
class Specificity:
    """Share of the truly negative that were predicted so, 0 to 1, with its Wilson interval (1927)."""

    name: ClassVar[str] = "specificity"
    title: ClassVar[str] = "Specificity"
    unit: ClassVar[str] = "share of negative truths"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when no truth is negative, or no positive label is configured."""
        if positive is None:
            return None
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        return proportion(int((~truth & ~said).sum()), int((~truth).sum()))


@dataclass(frozen=True, slots=True)
class Matthews:
    """Correlation of truth and prediction (Matthews 1975; many classes: Gorodkin 2004), -1 to 1: 0 is guessing.

    Delta-method interval, symmetric in Fisher's z.
    """

    name: ClassVar[str] = "mcc"
    title: ClassVar[str] = "Matthews correlation"
    unit: ClassVar[str] = "correlation"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    minimum: ClassVar[float] = -1.0
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when all truths, or all predictions, are one class."""
        if not judged.n:
            return None
        matrix = confusion_matrix(judged, positive)
        moved = confusion.matthews(matrix)
        if moved is None:
            return None
        return correlation_result(moved.value, standard_error(moved.influence, matrix), judged.n)
