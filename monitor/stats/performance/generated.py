"""Plain metrics of generated text, and what people or judges said of it."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.classification import proportion
from monitor.stats.performance.influence import mean_result
from monitor.stats.performance.metric import Judged, numbers
from monitor.stats.structured import references_of

TEXT = frozenset({Task.TEXT})
REFUSALS = "I can't | I cannot | I am unable to | I'm unable to | I'm sorry, but | as an AI"
"""Phrases by which English models decline, with bars between them."""


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """Share of the texts that equal a reference but for space (and case, with `ignore_case`), 0 to 1.

    For short answers (Rajpurkar et al. 2016, without their removal of articles). Wilson interval (1927).
    """

    name: ClassVar[str] = "exact_match"
    title: ClassVar[str] = "Exact match"
    unit: ClassVar[str] = "share of texts"
    tasks: ClassVar[frozenset[Task]] = TEXT
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    ignore_case: bool = True

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without texts."""
        pairs = zip(judged.predictions, judged.labels, strict=True)
        right = sum(self._plain(said) in map(self._plain, (truth, *references_of(truth))) for said, truth in pairs)
        return proportion(right, judged.n)

    def _plain(self, text: str) -> str:
        bare = " ".join(text.split())
        return bare.casefold() if self.ignore_case else bare


@dataclass(frozen=True, slots=True)
class TextLength:
    """Mean number of words of the texts, from 0: a model that rambles, or falls silent. Higher counts as worse.

    Words are what has space around it. For a floor, let a rule compare windows. Interval by the central limit theorem.
    """

    name: ClassVar[str] = "text_length"
    title: ClassVar[str] = "Length of texts"
    unit: ClassVar[str] = "words"
    tasks: ClassVar[frozenset[Task]] = TEXT
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without texts."""
        if not judged.n:
            return None
        return mean_result(np.array([len(text.split()) for text in judged.predictions], dtype=np.float64), least=0.0)


@dataclass(frozen=True, slots=True)
class RefusalRate:
    """Share of the texts that have one of the `phrases` (bars between them, case ignored), 0 to 1.

    Wilson interval (1927). A plain search: it tells a change of habits, not whether a refusal was right.
    """

    name: ClassVar[str] = "refusal_rate"
    title: ClassVar[str] = "Refusal rate"
    unit: ClassVar[str] = "share of texts"
    tasks: ClassVar[frozenset[Task]] = TEXT
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None
    phrases: str = REFUSALS

    def __post_init__(self) -> None:
        """ValueError unless there is a phrase to look for."""
        if not self._wanted:
            raise ValueError("phrases must have at least one phrase")

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(phrase.strip().casefold() for phrase in self.phrases.split("|") if phrase.strip())

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without texts."""
        wanted = self._wanted
        texts = (text.casefold().replace("\u2019", "'") for text in judged.predictions)
        return proportion(sum(any(phrase in text for phrase in wanted) for text in texts), judged.n)


@dataclass(frozen=True, slots=True)
class Rating:
    """Mean of the numbers that were given as truth, in their unit: stars, a judge's score, what an event was worth.

    `ground_truth.name` picks whose. Interval by the central limit theorem; `detail` tells the total.
    """

    name: ClassVar[str] = "rating"
    title: ClassVar[str] = "Mean rating"
    unit: ClassVar[str] = "unit of the ratings"
    tasks: ClassVar[frozenset[Task]] = frozenset(Task)
    higher_is_better: ClassVar[bool] = True
    minimum: ClassVar[float] = -math.inf
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - the numbers count
        """None when a truth is no finite number."""
        given = numbers(judged.labels)
        if given is None or not len(given):
            return None
        return replace(mean_result(given), detail={"total": float(given.sum())})


@dataclass(frozen=True, slots=True)
class Approval:
    """Share of the answers that people approved of, 0 to 1: whose truth is one of `good` (commas between them).

    For thumbs and reviewers' decisions (`ground_truth.name` picks whose). Wilson interval (1927).
    """

    name: ClassVar[str] = "approval"
    title: ClassVar[str] = "Approval"
    unit: ClassVar[str] = "share of judgements"
    tasks: ClassVar[frozenset[Task]] = frozenset(Task)
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    good: str = "up, true, approved, 1"

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - what is good is a parameter
        """None without a judgement."""
        good = {text.strip() for text in self.good.split(",")}
        return proportion(sum(label in good for label in judged.labels), judged.n)
