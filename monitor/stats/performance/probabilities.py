"""How good scores are as probabilities: of binary models, whose score is that of the positive label."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.columns import Floats, Rows
from monitor.stats.performance.influence import mean_result, standard_error
from monitor.stats.performance.many_classes import given_to_truth
from monitor.stats.performance.metric import Judged
from monitor.stats.proportions import Z95

BINARY = frozenset({Task.BINARY})


def _chances(judged: Judged, positive: str | None) -> tuple[Floats, Floats] | None:
    """Score and truth (1 or 0) of the rows with a score; None when one lies outside [0, 1], or there are none."""
    scored = np.isfinite(judged.scores)
    if positive is None or not scored.any():
        return None
    scores = judged.scores[scored]
    if scores.min() < 0.0 or scores.max() > 1.0:
        return None
    return scores, judged.is_label(positive)[scored].astype(np.float64)


def _given_to_truth(judged: Judged, positive: str) -> Floats | None:
    both = _chances(judged, positive)
    return None if both is None else np.where(both[1] > 0, both[0], 1 - both[0])


@dataclass(frozen=True, slots=True)
class LogLoss:
    """Mean of -log(probability given to what was true), in nats, from 0; interval by the central limit theorem.

    Probabilities are kept a float's precision away from 0 and 1, so that one sure mistake costs 36 and not infinity. Of
    many classes it takes records with `scores` of all of them.
    """

    name: ClassVar[str] = "log_loss"
    title: ClassVar[str] = "Log loss"
    unit: ClassVar[str] = "nats"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY, Task.MULTICLASS})
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores (of the positive label, or of all classes), or when a score lies outside [0, 1]."""
        given = given_to_truth(judged) if positive is None else _given_to_truth(judged, positive)
        if given is None:
            return None
        least = np.finfo(np.float64).eps
        return mean_result(-np.log(np.clip(given, least, 1 - least)), least=0.0)


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean of (score - truth)^2, 0 to 1 (Brier 1950); interval by the central limit theorem."""

    name: ClassVar[str] = "brier"
    title: ClassVar[str] = "Brier score"
    unit: ClassVar[str] = "squared probability"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores or a configured positive label, or when a score lies outside [0, 1]."""
        both = _chances(judged, positive)
        if both is None:
            return None
        scores, truth = both
        return mean_result((scores - truth) ** 2, least=0.0)


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error: mean over `bins` equal-width bins of |mean score - share of positives|, 0 to 1.

    Weighed by the records of a bin (Naeini et al. 2015). Chance alone makes it larger than the truth; the lower bound
    of the interval is lowered by what chance may have added, the rest is the delta method.
    """

    name: ClassVar[str] = "calibration_error"
    title: ClassVar[str] = "Expected calibration error"
    unit: ClassVar[str] = "probability"
    tasks: ClassVar[frozenset[Task]] = BINARY
    higher_is_better: ClassVar[bool] = False
    default_threshold: ClassVar[Threshold | None] = None
    bins: int = 10

    def __post_init__(self) -> None:
        """ValueError unless there is a bin."""
        if self.bins < 1:
            raise ValueError(f"bins must be at least 1, not {self.bins}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:
        """None without scores or a configured positive label, or when a score lies outside [0, 1]."""
        both = _chances(judged, positive)
        if both is None:
            return None
        scores, truth = both
        group = np.searchsorted(np.linspace(0, 1, self.bins + 1)[1:-1], scores)
        gaps, errors = _gaps(truth - scores, group, self.bins)
        n, value = len(scores), float(np.abs(gaps).sum())
        half = Z95 * standard_error(np.sign(gaps)[group] * (truth - scores), np.ones(n))
        low = max(0.0, value - half - _by_chance(gaps, errors))
        return TestResult(value, None, n, n, low, min(1.0, value + half))


def _gaps(residuals: Floats, group: Rows, bins: int) -> tuple[Floats, Floats]:
    """Mean residual of each bin and the standard error of that, both as shares of all records."""
    n = len(residuals)
    counts = np.bincount(group, minlength=bins).astype(np.float64)
    sums, squares = (np.bincount(group, part, minlength=bins) for part in (residuals, residuals**2))
    spread = np.maximum(0.0, squares - np.divide(sums**2, counts, out=np.zeros(bins), where=counts > 0))
    return sums / n, np.sqrt(spread) / n


def _by_chance(gaps: Floats, errors: Floats) -> float:
    """How much larger noise makes the sizes of gaps on average, were each gap a standard error smaller than it looks.

    The mean of |g + N(0, s)| exceeds |g| by 2 s (pdf(r) - r sf(r)) with r = |g| / s: most where the gap is none.
    """
    seen = np.divide(np.abs(gaps), errors, out=np.zeros_like(gaps), where=errors > 0)
    ratio = np.maximum(0.0, seen - 1)
    density = np.exp(-ratio * ratio / 2) / np.sqrt(2 * np.pi)
    return float((2 * errors * (density - ratio * special.ndtr(-ratio))).sum())
