"""How far means and covariances of all numbers have moved."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Column, Floats, NumericColumn
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.joint.exchange import exchange
from monitor.stats.joint.one_thread import by_one_thread
from monitor.stats.row_test import JointRows, RawRows

MOST_COLUMNS = 128
_EXTREME = 6.0
"""Numbers are cut at so many of their column's spreads from its middle: one of them must not be the whole distance."""


@dataclass(frozen=True, slots=True)
class FrechetDistance:
    """Frechet distance of two normal laws with the means and covariances of both sides; 0 when these are the same.

    d^2 = |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson & Landau 1982; of embeddings: Heusel et al. 2017), over
    the number of columns, each of which is measured in its robust spread (quartiles of both sides together) and cut at
    six of them; the statistic is the root of what d^2 is above its mean over exchanges, as it is above 0 by chance.
    A row that lacks a number is not looked at. Unit: spreads of a column. The p-value comes from exchanging windows of
    the baseline, where its rows have event times and fill 49 windows, and otherwise from exchanging rows. The default
    threshold asks for 0.15 *and* p <= 0.02. Use it for the components of a vector (`vectors` in the model's file; name
    it in `column`), and for numbers whose spread or correlation may change together; categories are left out. It needs
    raw rows: `archive` in the model's file, or `driftline compare --multivariate`.
    """

    name: ClassVar[str] = "frechet_distance"
    title: ClassVar[str] = "Frechet distance"
    unit: ClassVar[str] = "spreads of a column"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    default_threshold: ClassVar[Threshold] = Threshold(drifted=0.15, warning=0.1, alpha=0.02)
    column: str = ""
    most_rows: int = 2_000
    permutations: int = 199

    def __post_init__(self) -> None:
        """ValueError for numbers that make no sense."""
        if self.most_rows < 1 or self.permutations < 1:
            raise ValueError("most_rows and permutations must be at least 1")

    @by_one_thread
    def run_rows(self, rows: JointRows) -> TestResult:
        """Compare the moments, as it is and for every exchange."""
        n_baseline, n_current = len(rows.reference), len(rows.current)
        sides = _numbers(rows, self.column)
        if not sides.reference.columns:
            whose = f" {self.column}.*" if self.column else ""
            return TestResult(0.0, None, n_baseline, n_current, detail={LACKS: f"no numbers{whose} on both sides"})
        made = exchange(sides, self.most_rows, self.permutations, encode=scaled)
        if isinstance(made, TestResult):
            return made
        squares = np.array([_squared(made.encoded.matrix, label == 1) for label in made.labels.T])
        squares = np.round(squares / made.encoded.matrix.shape[1], 12)
        excess = max(0.0, float(squares[0] - squares[1:].mean()))
        detail: dict[str, object] = {"columns": len(made.encoded.names), SAYS: made.words}
        return TestResult(math.sqrt(excess), made.p_value(squares), n_baseline, n_current, detail=detail)
