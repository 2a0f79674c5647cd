"""A second opinion on a window's performance: the same estimate from rows that were weighted to look like the window.

A score may mean something else among the records of a window than among all training rows: where records of one kind
come more often than they did, and their scores are off. Calibration on weighted rows sees that (importance weighting,
as PAPE does: arXiv 2401.08348); calibration on all rows has less noise. Neither is always right; they can disagree.
A model of errors is corrected by what it leaves unexplained in the weighted rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monitor.stats.columns import Floats, Ints
from monitor.stats.estimation.expected import ManyCells, Measure
from monitor.stats.estimation.outcomes import ScoredOutcomes
from monitor.stats.estimation.sampled_rows import SampledRows
from monitor.stats.estimation.truths import expected_truths
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proportions import Z95

RESAMPLES = 10
SEED = 43
"""Of the resampled rows: the same baseline always says the same."""


@dataclass(frozen=True, slots=True)
class Second:
    """By how much weighting moves an estimate, with its standard error; `effective` rows stand behind it."""

    moves: float
    error: float
    effective: float

    @property
    def shift(self) -> float:
        """What is left of the move when its own noise is taken out: an error that the estimate has at least."""
        return float(np.sqrt(max(0.0, self.moves**2 - self.error**2)))

    def apart(self, error: float) -> float:
        """The move in units of what its own noise, and the estimate's other standard errors, allow; apart beyond 1."""
        allowed = Z95 * max(self.error, error)
        return abs(self.moves) / allowed if allowed > 0 else 0.0

    def detail(self, value: float) -> dict[str, float]:
        """As the finding of an estimate of this value keeps it."""
        return {
            "reweighted": value + self.moves,
            "reweighted_error": self.error,
            "effective_rows": round(self.effective, 1),
        }


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSample:
    """Rows by group with their errors and what the model says of each, shape (rows, targets)."""

    rows: SampledRows
    errors: Floats
    fitted: Floats

    def seconds(self, profile: ModelProfile) -> list[Second]:
        """Of each target: what the model leaves of the errors of rows like the window's, in the mean."""
        if not len(self.errors) or not self.rows.names:
            return []
        like = self.rows.like(profile)
        left = self.errors - self.fitted
        moves = (like.weights @ left) / like.weights.sum()
        noise = np.sqrt((like.weights**2) @ (left - moves) ** 2) / like.weights.sum()
        pairs = zip(moves.tolist(), noise.tolist(), strict=True)
        return [Second(move, error, like.effective) for move, error in pairs]


@dataclass(frozen=True)
class ScoredSample:
    """Rows by group, and where each counts by true class, predicted class and score bin."""

    outcomes: ScoredOutcomes
    rows: SampledRows
    cells: Ints

    def seconds(self, profile: ModelProfile, counts: Floats, measures: Mapping[str, Measure]) -> Mapping[str, Second]:
        """Of each metric that is defined either way; `counts` are the window's records by predicted class and bin."""
        if not len(self.cells) or not self.rows.names:
            return {}
        like = self.rows.like(profile)
        weighted = np.stack([self._chances(by * like.weights) for by in self._drawn])
        cells = ManyCells.of(np.concatenate((weighted, self._plain)), counts)
        found = {}
        for name, measure in measures.items():
            moves, *others = np.subtract(*np.split(measure.many(cells), 2))
            if not np.isnan(moves):
                found[name] = Second(float(moves), _spread(np.array(others)), like.effective)
        return found

    @cached_property
    def _drawn(self) -> Floats:
        """Weights of the rows as they are, then as other rows of the same origin might have them."""
        random = np.random.default_rng(SEED)
        drawn = [random.poisson(1.0, len(self.cells)) for _ in range(RESAMPLES)]
        return np.stack([np.ones(len(self.cells)), *drawn]).astype(np.float64)

    @cached_property
    def _plain(self) -> Floats:
        """The chances that follow from each, without weighting by a window."""
        return np.stack([self._chances(weights) for weights in self._drawn])

    def _chances(self, weights: Floats) -> Floats:
        return expected_truths(self.counted(weights), self.outcomes.means, None, binary=self.outcomes.is_binary)

    def counted(self, weights: Floats) -> Floats:
        """The weighted rows by true class, predicted class and score bin."""
        shape = self.outcomes.shape
        counts = np.bincount(self.cells, weights, minlength=int(np.prod(shape))).astype(np.float64)
        return counts.reshape(shape)


def _spread(values: Floats) -> float:
    """Standard deviation of those that are defined; 0 when none is."""
    known = values[~np.isnan(values)]
    return float(np.std(known)) if len(known) else 0.0
