"""How far means and covariances of all numbers have moved."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.derived import is_made_of
from monitor.domain.findings import TestResult
from monitor.stats.columns import Column, Floats, Mask, NumericColumn
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.joint.encoding import Encoded
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
    Infinite numbers are cut like others, and missing ones lie in the middle. Unit: spreads of a column. The p-value
    comes from exchanging windows of the baseline, where its rows have event times and fill 49 windows, and otherwise
    from exchanging rows. The default threshold asks for 0.15 *and* p <= 0.02. Use it for the components of a vector
    (`vectors` in the model's file; `columns: [embedding]`, or its name in the parameter `column`, looks at that one
    alone), and for numbers whose spread or correlation may change together; categories are left out. It needs raw rows:
    `archive` in the model's file, or `driftline compare --multivariate`.
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
        made = exchange(sides, self.most_rows, self.permutations, scaled)
        if isinstance(made, TestResult):
            return made
        squares = np.array([_squared(made.encoded.matrix, label == 1) for label in made.labels.T])
        squares = np.round(squares / made.encoded.matrix.shape[1], 12)
        excess = max(0.0, float(squares[0] - squares[1:].mean()))
        detail: dict[str, object] = {"columns": len(made.encoded.names), SAYS: made.words}
        return TestResult(math.sqrt(excess), made.p_value(squares), n_baseline, n_current, detail=detail)


def scaled(reference: RawRows, current: RawRows) -> Encoded:
    """Numbers of both sides in spreads from the middle, rows of the baseline first; constant columns are left out."""
    parts: list[Floats] = []
    names: list[str] = []
    for name, before in sorted(reference.columns.items()):
        now = current.columns[name]
        if isinstance(before, NumericColumn) and isinstance(now, NumericColumn):
            values = np.concatenate((before.values, now.values))
            if (spread := _spread(values)) > 0:
                middle = float(np.median(values[np.isfinite(values)]))
                with np.errstate(over="ignore"):
                    part = np.clip((values - middle) / spread, -_EXTREME, _EXTREME)
                parts.append(np.where(np.isnan(part), 0.0, part))
                names.append(name)
    rows = len(reference) + len(current)
    matrix = np.column_stack(parts) if parts else np.empty((rows, 0))
    return Encoded(matrix, tuple(names), tuple(range(len(names))))


def _spread(values: Floats) -> float:
    """By the quartiles; where these are one value, the standard deviation. 0 for a constant, or nothing finite."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    low, high = np.quantile(finite, [0.25, 0.75])
    with np.errstate(over="ignore", invalid="ignore"):
        robust = float(high - low) / _QUARTILES_APART
        spread = robust or float(finite.std())
    return spread if math.isfinite(spread) else 0.0


_QUARTILES_APART = 1.3489795003921634


def _numbers(rows: JointRows, column: str) -> JointRows:
    """The numbers that both sides have: of the vector or text `column` alone, or of all columns."""

    def kept(side: RawRows, other: RawRows) -> RawRows:
        columns: dict[str, Column] = {
            name: one
            for name, one in sorted(side.columns.items())
            if isinstance(one, NumericColumn)
            and isinstance(other.columns.get(name), NumericColumn)
            and (not column or is_made_of(name, column))
        }
        return RawRows(dict(list(columns.items())[:MOST_COLUMNS]), side.window_of, side.drawn_from)

    return JointRows(kept(rows.reference, rows.current), kept(rows.current, rows.reference), rows.seed)


def _squared(matrix: Floats, is_current: Mask) -> float:
    """The squared distance between these rows and the others."""
    now, before = matrix[is_current], matrix[~is_current]
    gap = now.mean(axis=0) - before.mean(axis=0)
    one, other = (np.atleast_2d(np.cov(side, rowvar=False)) for side in (before, now))
    values, axes = np.linalg.eigh(one)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    crossed = np.linalg.eigvalsh(root @ other @ root)
    shared = float(np.sqrt(np.maximum(crossed, 0)).sum())
    return max(0.0, float(gap @ gap) + float(np.trace(one)) + float(np.trace(other)) - 2 * shared)
