"""Weights that make the rows of a baseline look like a window: of all that do, those that change the rows least.

Raking (Deming & Stephan 1940) multiplies the weights by what each column's groups lack, column after column, until all
fit. The limit is the density ratio of least information: log w is a sum of one part a column (Deville & Sarndal 1992;
Hainmueller 2012). All it takes of a window is how often each group came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Rows

SWEEPS = 40
"""Columns are fitted one after the other at most so often."""

CLOSE = 1e-4
"""All groups fit when none is off by more than this share of the records."""

FIRM = 20.0
"""The window's groups are drawn to those of the baseline as by so many more records: chance must not pull."""


@dataclass(frozen=True, slots=True, eq=False)
class Raked:
    """`parts` are log weights by group, for each column; `weights` (rows,) have the mean 1."""

    parts: tuple[Floats, ...]
    weights: Floats

    @property
    def effective(self) -> float:
        """So many rows of equal weight know as much (Kish 1965)."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


def raked(codes: Sequence[Rows], wanted: Sequence[Floats], base: Floats | None = None) -> Raked:
    """Weights of rows in these groups, one array of codes a column, for a window with so many records in the groups.

    Groups that no row is in can be fitted by no weight, and are left out. `base` are weights to begin with.
    """
    weights = np.ones(len(codes[0])) if base is None else base.copy()
    targets = [_target(code, counts, weights) for code, counts in zip(codes, wanted, strict=True)]
    parts = [np.zeros(len(target)) for target in targets]
    for _ in range(SWEEPS):
        worst = 0.0
        for code, target, part in zip(codes, targets, parts, strict=True):
            held = np.bincount(code, weights, minlength=len(target)) / weights.sum()
            worst = max(worst, float(np.abs(held - target).max()))
            ratio = np.divide(target, held, out=np.ones_like(held), where=held > 0)
            np.add(part, np.log(ratio), out=part)
            weights *= ratio[code]
        if worst < CLOSE:
            break
    return Raked(tuple(parts), weights / weights.mean())


def _target(code: Rows, counts: Floats, weights: Floats) -> Floats:
    """Shares of the groups in the window, as far as there are rows in them."""
    held = np.bincount(code, weights, minlength=len(counts)) / weights.sum()
    wanted = np.where(held > 0, counts + FIRM * held, 0.0)
    shares: Floats = wanted / wanted.sum()
    return shares
