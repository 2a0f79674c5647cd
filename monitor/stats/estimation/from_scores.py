"""Confidence-based estimates (CBPE): calibrated scores say how many predictions are right before truth comes."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats, Ints
from monitor.stats.estimation.band import Errors
from monitor.stats.estimation.calibration import resampled
from monitor.stats.estimation.expected import ManyCells, Measure, measures_of, sampling_error
from monitor.stats.estimation.label_shift import label_shift
from monitor.stats.estimation.outcomes import ScoredOutcomes
from monitor.stats.estimation.reweighting import ScoredSample, Second
from monitor.stats.estimation.support import beyond_training
from monitor.stats.estimation.tried import Tried
from monitor.stats.estimation.truths import expected_truths
from monitor.stats.performance.confusion import Moved
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.scored import ScoredCounts
from monitor.stats.proportions import Z95

RESAMPLES = 30
SEED = 42
"""Of the splits and resamples: the same baseline always gives the same estimates."""

MOST_UNUSABLE = 0.05
"""Beyond this share of records without a usable score or known label, the rest does not speak for the window."""


@dataclass(frozen=True)
class FromScores:
    """Estimates classification metrics of a window from its scores by predicted label.

    With c the calibrated chance of each truth, a metric is that of the expected numbers of records (the sums of c) by
    true class, predicted class and score. Where the calibration still holds, the mean of many such windows is right
    (arXiv 2407.08649, 2505.05295). The errors of an estimate: which of the likely truths come true, for these scores;
    that the calibration was learned from so many rows only (by resampling them); how far estimates were off on parts of
    these rows; and what calibration on rows that look like the window says otherwise. `tried` has the last two (None:
    the baseline is from before they were kept), `training` are the profiles of the training rows.
    """

    outcomes: ScoredOutcomes
    tried: Tried | None = None
    training: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of training rows that this was learned from."""
        return self.outcomes.rows

    def unusable(self, profile: ModelProfile) -> str:
        """Why nothing can be estimated for a window; empty when it can."""
        scored = ScoredCounts.of(self.outcomes.layout, profile.joint)
        if not scored.n:
            return "no records"
        parts = {
            "have no score": scored.unscored,
            "have a score outside [0, 1]": scored.outside,
            "have a prediction that the training data does not know": scored.unknown,
        }
        if sum(parts.values()) <= MOST_UNUSABLE * scored.n:
            known = self.tried.rows.features if self.tried else ()
            return beyond_training(known, self.training, profile.columns)
        worst = max(parts, key=lambda part: parts[part])
        return f"{parts[worst] / scored.n:.1%} of {scored.n:,} records {worst} (at most {MOST_UNUSABLE:.0%} may)"

    def estimates(self, profile: ModelProfile, wanted: Container[str] | None = None) -> Mapping[str, TestResult]:
        """Every metric (of these) that is defined for the window, by the name of the one that truth will tell."""
        scored = ScoredCounts.of(self.outcomes.layout, profile.joint)
        if not scored.counts.any():
            return {}
        counts = self.outcomes.of_window(scored.counts)
        measures = {name: one for name, one in self._measures.items() if wanted is None or name in wanted}
        seconds = {} if self._sample is None else self._sample.seconds(profile, counts, measures)
        others, expected = ManyCells.of(self._resampled, counts), self._truths * counts
        found = {
            name: self._estimate(name, measure(expected), counts, measure.many(others), seconds.get(name))
            for name, measure in measures.items()
        }
        cells = self.outcomes.by_class().sum(axis=2).astype(np.float64)
        found["label_shift"] = label_shift(cells, counts.sum(axis=1), self.outcomes.class_names)
        return {name: result for name, result in found.items() if result is not None}

    def _estimate(
        self, name: str, moved: Moved | None, counts: Floats, others: Floats, second: Second | None
    ) -> TestResult | None:
        """`others` are the values by what resampled rows teach."""
        if moved is None or name not in self._on_training:
            return None
        value, least = moved.value, -1.0 if name == "mcc" else 0.0
        known = Errors(
            sampling_error(moved, self._truths, counts),
            _distance(others, value),
            0.0 if self.tried is None else self.tried.drift(name),
        )
        errors = known if second is None else replace(known, shift=second.shift)
        half, detail = Z95 * errors.total, {**errors.detail(), "on_training_data": self._on_training[name]}
        if second is not None:
            detail |= {**second.detail(value), "apart": second.apart(known.total)}
        bounds = max(least, value - half), min(1.0, value + half)
        return TestResult(value, None, self.rows, int(counts.sum()), *bounds, detail)

    @property
    def _measures(self) -> Mapping[str, Measure]:
        return measures_of(binary=self.outcomes.is_binary)

    @cached_property
    def _sample(self) -> ScoredSample | None:
        return None if self.tried is None else self.tried.scored(self.outcomes)

    @cached_property
    def _on_training(self) -> Mapping[str, float]:
        cells = self.outcomes.by_class().astype(np.float64)
        found = {name: measure(cells) for name, measure in self._measures.items()}
        return {name: moved.value for name, moved in found.items() if moved is not None}

    @cached_property
    def _truths(self) -> Floats:
        return self._expected(self.outcomes.by_class(), np.random.default_rng(SEED))

    @cached_property
    def _resampled(self) -> Floats:
        """The chances of truths that other rows of the same origin would have taught, one set after the other."""
        random, counts = np.random.default_rng(SEED), self.outcomes.by_class()
        return np.stack([self._expected(resampled(counts, random), None) for _ in range(RESAMPLES)])

    def _expected(self, counts: Ints, random: np.random.Generator | None) -> Floats:
        return expected_truths(counts, self.outcomes.means, random, binary=self.outcomes.is_binary)


def _distance(others: Floats, value: float) -> float:
    """Root mean square distance of those that are defined; 0 when none is."""
    known = others[~np.isnan(others)]
    return float(np.sqrt(np.mean((known - value) ** 2))) if len(known) else 0.0
