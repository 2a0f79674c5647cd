"""Direct loss estimates (DLE): a model of the errors says how large they are before truth comes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.estimation.error_model import ABSOLUTE, FOLDS, RELATIVE, SQUARED, ErrorModel
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proportions import Z95

_METRICS = {"mae": ABSOLUTE, "rmse": SQUARED, "mape": RELATIVE}

MOST_UNKNOWN = 0.2
"""Beyond this share of values that the error model has not learned from (in one column), it does not speak for them."""


@dataclass(frozen=True, slots=True)
class FromErrors:
    """Estimates regression metrics of a window from how often its values came, by pairs of columns.

    The error of an estimate has two parts: how errors scatter around the model, in a window of this size; and that the
    model was learned from so many rows only (by leaving out each fifth of them).
    """

    model: ErrorModel
    training: Mapping[str, Profile]

    @property
    def rows(self) -> int:
        """Number of training rows that this was learned from."""
        return self.model.rows

    def unusable(self, profile: ModelProfile) -> str:
        """Why nothing can be estimated for a window; empty when it can."""
        if not profile.n:
            return "no records"
        for grouping in self.model.layout.groupings:
            name = grouping.name
            more = _unknown(profile.columns[name]) - _unknown(self.training[name])
            if more > MOST_UNKNOWN:
                strange = "missing, unseen or outside their usual range"
                return f"{more:.0%} of the values of {name} are {strange}, beyond those in training"
        return ""

    def estimates(self, profile: ModelProfile) -> Mapping[str, TestResult]:
        """Every metric that the model knows, by the name of the one that truth will tell."""
        if not profile.n:
            return {}
        expected = self.model.expected(profile.joint, profile.n)
        fits = dict(zip(self.model.targets, np.maximum(expected, 0.0).T, strict=True))
        spreads = dict(zip(self.model.targets, self.model.spreads.tolist(), strict=True))
        means = dict(zip(self.model.targets, self.model.means.tolist(), strict=True))
        return {
            name: self._result(name, fits[target], spreads[target], means[target], profile.n)
            for name, target in _METRICS.items()
            if target in fits
        }

    def _result(self, name: str, fits: Floats, spread: float, mean: float, n: int) -> TestResult:
        value, others = float(fits[0]), fits[1:]
        sampling = math.sqrt(spread / n)
        learned = math.sqrt((FOLDS - 1) * float(others.var()))
        half = Z95 * math.hypot(sampling, learned)
        shape = math.sqrt if name == "rmse" else float
        detail = {"sampling_error": sampling, "calibration_error": learned, "on_training_data": shape(mean)}
        if name == "rmse":
            scale = 1 / (2 * math.sqrt(value)) if value else 0.0
            detail |= {"sampling_error": sampling * scale, "calibration_error": learned * scale}
        return TestResult(shape(value), None, self.rows, n, shape(max(0.0, value - half)), shape(value + half), detail)


def _unknown(profile: Profile) -> float:
    """Share of records whose value is missing, unseen, or outside the usual range of the training data."""
    if not profile.n:
        return 0.0
    strange = profile.unseen if isinstance(profile, CategoricalProfile) else profile.outside()
    return (profile.n - profile.n_values + strange) / profile.n
