"""Verification: is the candidate better than the champion, on the same records, and how sure is that."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Answer(StrEnum):
    """What is said about a candidate. *Wait* is an answer: the records so far do not decide."""

    PROMOTE = "promote"
    REJECT = "reject"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """What a candidate must show.

    The first of `metrics` decides, the others are shown. It is looked at after `windows` windows with ground truth and
    whenever their number has doubled; each look halves the risk that is left of 5 %, so that looking often does not
    make a chance finding likely. Below `min_truth` pairs nothing is decided. The candidate must be surely better, or
    with `not_worse` surely not worse by more than `tolerance` (unit of the metric); in no segment and on the frozen
    `holdout` may it be surely worse by more than that. `deadline` (wall clock) ends the wait.
    """

    metrics: tuple[str, ...] = ()
    windows: int = 3
    min_truth: int = 500
    not_worse: bool = False
    tolerance: float = 0.0
    deadline: timedelta = timedelta(days=7)
    holdout: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """A prediction (label or number as text, and score) of one event, with what turned out to be true.

    `scores` are those of all classes as JSON text, where they are kept.
    """

    event_id: str
    event_time_ms: int
    prediction: str
    score: float | None
    label: str
    scores: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and candidate by one metric on the same `n` records of one `scope`.

    `gain` is by how much the candidate is better (negative: worse), in the metric's unit, between `low` and `high` with
    the report's confidence. None where the metric is not defined on these records.
    """

    scope: str
    metric: str
    n: int
    champion: float | None = None
    candidate: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer about a candidate with its report.

    `looks` were taken, the next is due at `next_look` windows; a *final* one was taken at the deadline.
    """

    answer: Answer
    because: str
    champion: str
    candidate: str
    windows: int
    pairs: int
    confidence: float
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()
    looks: int = 0
    next_look: int = 0
    is_final: bool = False
