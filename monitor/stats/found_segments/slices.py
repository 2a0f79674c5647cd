"""Slices of a window by one condition or two: their sizes and losses, and how surely they are worse than the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.found_segments.conditions import Condition

Matrix = NDArray[np.float32]

MOST_PAIRED = 600
"""So many conditions, the first, are also looked at two by two; all are looked at alone."""

_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The records that are searched: which conditions hold of which, and how wrong each prediction was.

    `holds` is (conditions, records) of zeros and ones, `losses` (records,) are finite; of a share they are zeros and
    ones, too. A slice has at least `smallest` records, and so has its rest.
    """

    holds: Matrix
    losses: Floats
    is_share: bool
    smallest: int

    def members(self, first: int, second: int) -> Mask:
        """The records of which two conditions hold."""
        members: Mask = (self.holds[first] * self.holds[second]) > 0
        return members


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Slices by the places of their conditions (equal places: one condition), and their sums over records."""

    first: Ints
    second: Ints
    n: Floats
    total: Floats
    squares: Floats


def slices_of(scene: Scene, features: Sequence[str]) -> Slices:
    """Every slice that is large enough, as its rest is; `features` are those of the conditions."""
    k = len(features)
    n, total, squares = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k))
    for start in range(0, len(scene.losses), _AT_ONCE):
        part, loss = scene.holds[:, start : start + _AT_ONCE], scene.losses[start : start + _AT_ONCE]
        paired = part[:MOST_PAIRED].T
        for sums, weighted in ((n, part), (total, part * loss), (squares, part * loss**2)):
            sums[:, :MOST_PAIRED] += weighted @ paired
            sums[np.arange(k), np.arange(k)] += np.where(np.arange(k) < MOST_PAIRED, 0.0, weighted.sum(axis=1))
    wanted = _wanted(features) & (n >= scene.smallest) & (n <= len(scene.losses) - scene.smallest)
    first, second = np.nonzero(wanted)
    return Slices(first, second, n[first, second], total[first, second], squares[first, second])


def _wanted(features: Sequence[str]) -> Mask:
    """Which two conditions make a slice: those on different features, the later one first; and each with itself."""
    codes = np.unique(np.array(features, dtype=object), return_inverse=True)[1]
    differ: Mask = codes[:, None] != codes[None, :]
    wanted: Mask = np.tril(differ) | np.eye(len(features), dtype=np.bool_)
    wanted[MOST_PAIRED:] &= np.eye(len(features), dtype=np.bool_)[MOST_PAIRED:]
    return wanted


def p_values(slices: Slices, losses: Floats, *, is_share: bool) -> Floats:
    """How likely each slice would be as bad as it is, or worse, were it like its rest; not adjusted for their number.

    Of a share by Fisher's exact test: given how many records are wrong, a slice is a draw without replacement; 1 for
    a slice that is no worse. Of other losses by Welch's t-test, whose upper tail errs to the safe side for losses that
    have a long one.
    """
    if is_share:
        hits, n, whole = np.rint(slices.total), np.rint(slices.n), round(float(losses.sum()))
        is_worse = hits * len(losses) > whole * n
        found = np.ones(len(n))
        found[is_worse] = stats.hypergeom.sf(hits[is_worse] - 1, len(losses), whole, n[is_worse])
        return found
    n, rest = slices.n, len(losses) - slices.n
    inside, outside = slices.total / n, (losses.sum() - slices.total) / rest
    error_in = _variance(slices.squares, inside, n) / n
    error_out = _variance((losses**2).sum() - slices.squares, outside, rest) / rest
    error = error_in + error_out
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = error**2 / (error_in**2 / (n - 1) + error_out**2 / (rest - 1))
        sure = special.stdtr(freedom, (outside - inside) / np.sqrt(error))
    return np.where(error > 0, sure, 1.0)


def _variance(squares: Floats, mean: Floats, n: Floats) -> Floats:
    return np.maximum(0.0, squares - n * mean**2) / (n - 1)


def scene_of(conditions: Sequence[Condition], losses: Floats, smallest: int, *, is_share: bool) -> Scene:
    """The conditions as one array over the records."""
    holds = np.zeros((len(conditions), len(losses)), dtype=np.float32)
    for row, condition in enumerate(conditions):
        holds[row] = condition.holds
    return Scene(holds, losses, is_share, smallest)
