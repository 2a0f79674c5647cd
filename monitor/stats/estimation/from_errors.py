"""Direct loss estimates (DLE): a model of the errors says how large they are before truth comes."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.estimation.band import Errors
from monitor.stats.estimation.error_model import ABSOLUTE, FOLDS, RELATIVE, SQUARED, ErrorModel
from monitor.stats.estimation.reweighting import Second
from monitor.stats.estimation.support import beyond_training
from monitor.stats.estimation.tried import Tried
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proportions import Z95

METRICS = {"mae": ABSOLUTE, "rmse": SQUARED, "mape": RELATIVE}


@dataclass(frozen=True, slots=True)
class FromErrors:
    """Estimates regression metrics of a window from how often its values came, by pairs of columns.

    The errors of an estimate: how errors scatter around the model, in a window of this size; that the model was learned
    from so many rows only (by leaving out each fifth of them); how far it was off on fifths that it had not seen; and
    what it leaves unexplained in rows that look like the window. `tried` has the last two (None: an older baseline).
    """

    model: ErrorModel
    training: Mapping[str, Profile]
    tried: Tried | None = None

    @property
    def rows(self) -> int:
        """Number of training rows that this was learned from."""
        return self.model.rows

    def unusable(self, profile: ModelProfile) -> str:
        """Why nothing can be estimated for a window; empty when it can."""
        if not profile.n:
            return "no records"
        names = [grouping.name for grouping in self.model.layout.groupings]
        return beyond_training(names, self.training, profile.columns)

    def estimates(self, profile: ModelProfile, wanted: Container[str] | None = None) -> Mapping[str, TestResult]:
        """Every metric (of these) that the model knows, by the name of the one that truth will tell."""
        if not profile.n:
            return {}
        expected = np.maximum(self.model.expected(profile.joint, profile.n), 0.0)
        seconds = self.tried.errors(len(self.model.targets)).seconds(profile) if self.tried else []
        at = {target: k for k, target in enumerate(self.model.targets)}
        return {
            name: self._result(name, at[target], expected[:, at[target]], profile.n, seconds)
            for name, target in METRICS.items()
            if target in at and (wanted is None or name in wanted)
        }

    def _result(self, name: str, at: int, fits: Floats, n: int, seconds: Sequence[Second]) -> TestResult:
        """From the mean error by each fit; of squared errors everything is said of the root."""
        mean, others = float(fits[0]), fits[1:]
        errors = Errors(
            math.sqrt(self.model.spreads[at] / n),
            math.sqrt((FOLDS - 1) * float(others.var())),
            0.0 if self.tried is None else self.tried.drift(self.model.targets[at]),
        )
        shape, slope = (float, 1.0) if name != "rmse" else (math.sqrt, 1 / (2 * math.sqrt(mean)) if mean else 0.0)
        detail: dict[str, object] = {"on_training_data": shape(float(self.model.means[at]))}
        if seconds:
            second, known = seconds[at], errors.total
            errors = replace(errors, shift=second.shift)
            said = replace(second, moves=shape(max(0.0, mean + second.moves)) - shape(mean), error=second.error * slope)
            detail |= {**said.detail(shape(mean)), "apart": second.apart(known)}
        half = Z95 * errors.total
        detail |= {part: value * slope for part, value in errors.detail().items()}
        bounds = shape(max(0.0, mean - half)), shape(mean + half)
        return TestResult(shape(mean), None, self.rows, n, *bounds, detail)
