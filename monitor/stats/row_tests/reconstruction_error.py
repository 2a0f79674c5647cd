"""Rows that do not fit the linear structure of the baseline any more."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats, Mask
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.joint.exchange import exchange
from monitor.stats.joint.one_thread import by_one_thread
from monitor.stats.proportions import Z95
from monitor.stats.row_test import JointRows

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class ReconstructionError:
    """Relative change of the error with which principal components of the baseline picture a row: 0 when none.

    Half of the baseline's rows teach the components that hold `kept_variance` of the variance (Pearson 1901; as a drift
    measure NannyML 2022), on ranks of numbers and indicators of categories; its other half tells how far rows usually
    lie from their picture, and rows of the window how far they lie now. The statistic is |now / usual - 1|, with the
    95 % interval of the ratio by the delta method; the p-value comes from exchanging windows of the baseline, where its
    rows have event times and fill 49 windows, and otherwise from exchanging rows. Unit: share of the usual error. The
    default threshold asks for 0.1 *and* p <= 0.02. Use it for many columns that depend on one another, such as sensors
    or the parts of an embedding: it is quick, and names no column. Where columns are independent there is no structure
    to break, and `domain_classifier` sees more. It needs raw rows: `archive` in the model's file, or
    `driftline compare --multivariate`.
    """

    name: ClassVar[str] = "reconstruction_error"
    title: ClassVar[str] = "Reconstruction error"
    unit: ClassVar[str] = "share of the usual error"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.1, warning=0.05, alpha=0.02)
    kept_variance: float = 0.65
    most_rows: int = 2_000
    permutations: int = 199

    def __post_init__(self) -> None:
        """ValueError for numbers that make no sense."""
        if self.most_rows < 1 or self.permutations < 1 or not 0 < self.kept_variance < 1:
            raise ValueError("most_rows and permutations must be at least 1, and kept_variance between 0 and 1")

    @by_one_thread
    def run_rows(self, rows: JointRows) -> TestResult:
        """Fit and compare, as it is and for every exchange."""
        made = exchange(rows, self.most_rows, self.permutations)
        if isinstance(made, TestResult):
            return made
        n_baseline, n_current = len(rows.reference), len(rows.current)
        matrix, taught = made.encoded.matrix, made.folds % 2 == 0
        if matrix.shape[1] < 2:
            why = "one column alone has no structure to fit"
            return TestResult(0.0, None, n_baseline, n_current, detail={LACKS: why})
        ratio, error = self._ratio(matrix, made.labels[:, 0] == 1, taught)
        others = [self._ratio(matrix, label == 1, taught)[0] for label in made.labels.T[1:]]
        changes = np.abs(np.round(np.log(np.maximum([ratio, *others], _TINY)), 12))
        interval = [max(0.0, ratio - Z95 * error), ratio + Z95 * error]
        detail: dict[str, object] = {"ratio": ratio, "interval": interval, SAYS: made.words}
        return TestResult(abs(ratio - 1), made.p_value(changes), n_baseline, n_current, detail=detail)

    def _ratio(self, matrix: Floats, is_current: Mask, taught: Mask) -> tuple[float, float]:
        """The error of the window over the usual one, and its standard error."""
        fitted = matrix[taught & ~is_current]
        centre = fitted.mean(axis=0)
        axes = self._axes(fitted - centre)
        usual, now = (_errors(matrix[side] - centre, axes) for side in (~taught & ~is_current, is_current))
        base = float(usual.mean())
        if base < _TINY:
            return (1.0 if float(now.mean()) < _TINY else 1 / _TINY), 0.0
        ratio = float(now.mean()) / base
        return ratio, math.sqrt(now.var(ddof=1) / len(now) + ratio**2 * usual.var(ddof=1) / len(usual)) / base

    def _axes(self, centred: Floats) -> Floats:
        """The directions that hold the variance that is kept, shape (width, k), k < width."""
        variances, directions = np.linalg.eigh(centred.T @ centred)
        shares = np.cumsum(np.maximum(variances[::-1], 0.0)) / max(float(variances.sum()), _TINY)
        kept = min(int(np.searchsorted(shares, self.kept_variance)) + 1, centred.shape[1] - 1)
        axes: Floats = directions[:, ::-1][:, :kept]
        return axes


def _errors(centred: Floats, axes: Floats) -> Floats:
    """Distance of every row from its picture in these directions."""
    lost: Floats = (centred**2).sum(axis=1) - ((centred @ axes) ** 2).sum(axis=1)
    return np.sqrt(np.maximum(lost, 0.0))
