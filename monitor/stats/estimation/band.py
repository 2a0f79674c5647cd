"""How far an estimate may be off: by chance, by what was learned from too few rows, and by what changes meanwhile."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from monitor.domain.findings import TestResult
from monitor.stats.proportions import Z95

STATED = 0.95
"""Share of windows whose truth is to lie within the band."""

BELIEVED = 20.0
"""The stated errors are believed as if they had held in so many windows: a few realised errors must not decide."""

MOST_REALISED = 50
"""The newest so many realised errors count."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Standard errors of an estimate, in its unit; independent of each other.

    `sampling`: of all likely truths one comes true. `calibration`: it was learned from so many rows only. `drift`: by
    so much the baseline's own parts were off beyond these two. `shift`: by so much two ways to read the window differ.
    """

    sampling: float
    calibration: float
    drift: float = 0.0
    shift: float = 0.0

    @property
    def total(self) -> float:
        """All of them together."""
        return math.hypot(self.sampling, self.calibration, self.drift, self.shift)

    def detail(self) -> dict[str, float]:
        """As a finding keeps them."""
        parts = {"sampling": self.sampling, "calibration": self.calibration, "drift": self.drift, "shift": self.shift}
        return {f"{name}_error": value for name, value in parts.items()} | {"standard_error": self.total}


def stated_interval(result: TestResult) -> tuple[float, float]:
    """The 95 % interval that an estimate had before realised errors widened or narrowed it."""
    value, stated = result.statistic, result.detail.get("stated")
    if isinstance(stated, Sequence) and len(stated) == 2:
        return float(stated[0]), float(stated[1])
    return (value if result.low is None else result.low), (value if result.high is None else result.high)


def standardised(estimate: TestResult, truth: float) -> float:
    """Estimate less truth in units of the stated standard error; 0 where that is unknown."""
    error = estimate.detail.get("standard_error")
    return (estimate.statistic - truth) / error if isinstance(error, float) and error > 0 else 0.0


def factor(realised: Sequence[float]) -> float:
    """By how much the stated band is to be stretched (1: not), given realised errors in units of the standard error.

    The smallest stretch within which lie `STATED` of the realised errors and of `BELIEVED` ones as stated, together.
    Without any it is 1; with many it is the conformal quantile (Vovk, Gammerman & Shafer 2005), which holds whatever
    the errors' law where one window's error is as likely as another's.
    """
    beyond = np.sort(np.abs(np.array(realised, np.float64)))[::-1]
    n, left_out = len(beyond), np.arange(len(beyond) + 1)
    asked = (STATED * (BELIEVED + n) - (n - left_out)) / BELIEVED
    normal = np.where(asked < 1, ndtri((1 + np.clip(asked, 0.0, 1.0)) / 2), np.inf)
    return float(np.maximum(normal, np.append(beyond, 0.0)).min()) / Z95


def stretched(result: TestResult, realised: Sequence[float], least: float, most: float) -> TestResult:
    """The estimate with the band that realised errors teach, within these bounds; the stated one in the detail."""
    newest = tuple(realised)[-MOST_REALISED:]
    if not newest:
        return result
    by, (low, high) = factor(newest), stated_interval(result)
    value = result.statistic
    detail: Mapping[str, object] = {
        **result.detail,
        "stated": (low, high),
        "realised_errors": len(newest),
        "stretched_by": by,
    }
    bounds = max(least, value - by * (value - low)), min(most, value + by * (high - value))
    return replace(result, low=bounds[0], high=bounds[1], detail=detail)
