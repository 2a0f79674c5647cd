"""Counting metrics of classification: how many predictions were right, and of which kind."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.metric import Judged, wilson

CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
BINARY = frozenset({Task.BINARY})


def proportion(successes: int, n: int) -> TestResult | None:
    """Share of successes with its Wilson interval; None of nothing."""
    if n == 0:
        return None
    low, high = wilson(successes, n)
    return TestResult(successes / n, None, n, n, low, high)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of predictions that equal the truth, 0 to 1, with its Wilson interval (1927); for balanced classes."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy"
    unit: ClassVar[str] = "share of predictions"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class is special
        """Count the equal ones."""
        right = sum(p == t for p, t in zip(judged.predictions, judged.labels, strict=True))
        return proportion(right, judged.n)


@dataclass(frozen=True, slots=True)
class Precision:
    """Share of positive predictions that were right, 0 to 1, with its Wilson interval (1927)."""

    name: ClassVar[str] = "precision"
    title: ClassVar[str] = "Precision"
    unit: ClassVar[str] = "share of positive predictions"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when nothing was predicted positive, or no positive label is configured."""
        if positive is None:
            return None
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        return proportion(int((truth & said).sum()), int(said.sum()))


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the truly positive that were predicted so, 0 to 1, with its Wilson interval (1927)."""

    name: ClassVar[str] = "recall"
    title: ClassVar[str] = "Recall"
    unit: ClassVar[str] = "share of positive truths"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when no truth is positive, or no positive label is configured."""
        if positive is None:
            return None
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        return proportion(int((truth & said).sum()), int(truth.sum()))


@dataclass(frozen=True, slots=True)
class F1:
    """Harmonic mean of precision and recall, 2TP / (2TP + FP + FN), 0 to 1.

    With q = TP / (TP + FP + FN), F1 is 2q / (1 + q); the interval is the Wilson interval (1927) of q, mapped so.
    """

    name: ClassVar[str] = "f1"
    title: ClassVar[str] = "F1"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None when nothing is or was predicted positive, or no positive label is configured."""
        if positive is None:
            return None
        truth, said = judged.is_label(positive), judged.is_predicted(positive)
        hits, misses = int((truth & said).sum()), int((truth ^ said).sum())
        if hits + misses == 0:
            return None
        low, high = (2 * q / (1 + q) for q in wilson(hits, hits + misses))
        return TestResult(2 * hits / (2 * hits + misses), None, judged.n, judged.n, low, high)
