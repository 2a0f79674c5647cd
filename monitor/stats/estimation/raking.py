"""Weights that make the rows of a baseline look like a window: of all that do, those that change the rows least.

Raking (Deming & Stephan 1940) multiplies the weights by what each column's groups lack, column after column, until all
fit. The limit is the density ratio of least information: log w is a sum of one part a column (Deville & Sarndal 1992;
Hainmueller 2012). All it takes of a window is how often each group came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Rows

SWEEPS = 30
"""Columns are fitted one after the other at most so often."""

CLOSE = 1e-3
"""All groups fit when none is off by more than this share of the records: chance moves them by more."""

GAIN = 0.9
"""Nor is more to gain where a round leaves more than this share of what was off: columns contradict each other."""

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


def raked(
    codes: Sequence[Rows],
    wanted: Sequence[Floats],
    base: Floats | None = None,
    start: Sequence[Floats] | None = None,
) -> Raked:
    """Weights of rows in these groups, one array of codes a column, for a window with so many records in the groups.

    Groups that no row is in can be fitted by no weight, and are left out. `base` are weights to change as little as can
    be; `start` are parts that will be near the answer: it is the same, and sooner there.
    """
    plain = np.ones(len(codes[0])) if base is None else base
    targets = [_target(code, counts, plain) for code, counts in zip(codes, wanted, strict=True)]
    parts = [np.zeros(len(target)) for target in targets] if start is None else [part.copy() for part in start]
    weights = plain * np.exp(sum(part[code] for code, part in zip(codes, parts, strict=True)))
    weights /= weights.sum()
    off = np.inf
    for _ in range(SWEEPS):
        before, sweep = off, zip(codes, targets, parts, strict=True)
        off = max((_fit(weights, *column) for column in sweep), default=0.0)
        if off < CLOSE or off > GAIN * before:
            break
    return Raked(tuple(parts), weights / weights.mean())


def _fit(weights: Floats, code: Rows, target: Floats, part: Floats) -> float:
    """Change the weights, which sum to 1, and the column's part until its groups fit; by how much they were off."""
    held = np.bincount(code, weights, minlength=len(target))
    ratio = np.divide(target, held, out=np.ones(len(held)), where=held > 0)
    part += np.log(ratio)
    weights *= ratio.take(code)
    return float(np.abs(held - target).max())


def _target(code: Rows, counts: Floats, weights: Floats) -> Floats:
    """Shares of the groups in the window, as far as there are rows in them."""
    held = np.bincount(code, weights, minlength=len(counts)) / weights.sum()
    wanted = np.where(held > 0, counts + FIRM * held, 0.0)
    shares: Floats = wanted / wanted.sum()
    return shares
