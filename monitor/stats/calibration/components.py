"""Scores of a window on every column: how far it is from the baseline in location, scale, skew, tails and shares.

Numeric columns: orthonormal polynomials of the baseline's mid-ranks (Neyman's smooth test; Rayner & Best 1989), each
as the signed root of the likelihood ratio of the exponential tilt that explains it, which stays close to N(0, 1) far
into the tail where the plain sum of a skewed score does not (Barndorff-Nielsen 1986). Categorical columns: the share of
each group by Anscombe's (1948) arcsine transform. Independent records of the baseline's law give variance 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from monitor.stats.calibration.counts import Counts, Grouping
from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.model import ModelProfile

ORDERS = 4
LARGEST_KURTOSIS = 0.03
"""A polynomial whose mean fourth power, divided by the records of a usual window, is larger is left out."""

_STEPS, _STRONGEST = 65, 8.0


class Kind(IntEnum):
    """What a component measures; noise is moderated among components of one kind."""

    LOCATION = 0
    SCALE = 1
    SKEW = 2
    TAILS = 3
    SHARE = 4
    MISSING = 5


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The components of a model's columns: first polynomials, then shares of groups, then missing values.

    `column`, `kind` and `weight` have one entry a component. `weight` is 1, or 1 - share for a group: with it squares
    of scores add up to a chi-squared statistic. `missing_share` and `beyond_share` have one entry a column,
    `beyond_error` is the relative variance of the latter; `members` (components but missing, columns) has a 1 where a
    component belongs to a column; `share_starts` are the first components of the categorical columns. `is_missing`,
    `is_share` and `by_kind` say which components measure what.
    """

    grouping: Grouping
    usual_records: float
    column: Ints
    kind: Ints
    weight: Floats
    missing_share: Floats
    beyond_share: Floats
    beyond_error: Floats
    members: Floats
    share_starts: Ints
    is_missing: Mask
    is_share: Mask
    by_kind: Mapping[Kind, Ints]
    _phi: Floats
    _roots: "_Roots"
    _groups: Ints
    _shares: Floats

    @classmethod
    def of(cls, baseline: ModelProfile, usual_records: float) -> "Components":
        """Those that the baseline's counts and the number of records of a usual window ask for."""
        grouping = Grouping.of(baseline, usual_records)
        counts = grouping.count(baseline.block[np.newaxis])
        shares = counts.groups[0] / counts.values[0, grouping.column_of]
        phi, column, kind = _polynomials(grouping, shares, usual_records)
        groups = np.flatnonzero(~grouping.is_numeric[grouping.column_of])
        width = len(grouping.columns)
        of_scores = list(zip(column.tolist(), kind.tolist(), strict=True))
        of_shapes = np.concatenate((column, grouping.column_of[groups]))
        beyond = _beyond(baseline, grouping, counts)
        kinds = np.concatenate((kind, np.full(len(groups), Kind.SHARE), np.full(width, Kind.MISSING)))
        return cls(
            grouping,
            usual_records,
            np.concatenate((of_shapes, np.arange(width))),
            kinds,
            np.concatenate((np.ones(len(column)), 1 - shares[groups], np.ones(width))),
            (counts.missing[0] + 0.5) / (counts.records[0] + 1),
            beyond / (counts.records[0] + 1),
            1 / beyond,
            (of_shapes[:, np.newaxis] == np.arange(width)).astype(np.float64),
            len(column) + np.flatnonzero(np.diff(grouping.column_of[groups], prepend=-1)),
            kinds == Kind.MISSING,
            kinds == Kind.SHARE,
            {one: np.flatnonzero(kinds == one) for one in Kind},
            phi,
            _Roots.of([(phi[grouping.column_of == c, k], shares[grouping.column_of == c]) for c, k in of_scores]),
            groups,
            shares[groups],
        )

    def label(self, component: int) -> str:
        """The name of the group of categories that a component is about; empty for any other."""
        place = component - len(self._roots.low)
        return self.grouping.labels[int(self._groups[place])] if 0 <= place < len(self._groups) else ""

    def scores(self, counts: Counts) -> Floats:
        """Scores of windows, shape (w, components); 0 where a column has no value."""
        values = np.maximum(counts.values, 1.0)
        scores = len(self._roots.low)
        by_order = self.grouping.sums(counts.groups[:, np.newaxis, :] * self._phi.T)
        mean = by_order[:, self.kind[:scores], self.column[:scores]] / values[:, self.column[:scores]]
        shape = self._roots.of_means(mean) * np.sqrt(values[:, self.column[:scores]])
        grouped = arcsine(
            counts.groups[:, self._groups], values[:, self.grouping.column_of[self._groups]], self._shares
        )
        found = np.concatenate((shape, grouped), axis=1)
        found[counts.values[:, self.column[: found.shape[1]]] == 0] = 0.0
        return np.concatenate(
            (found, arcsine(counts.missing, counts.records[:, np.newaxis], self.missing_share)), axis=1
        )

    def sizes(self, counts: Counts) -> Floats:
        """Number of values (or records) that each score rests on, shape (w, components)."""
        of_shapes = counts.values[:, self.column[~self.is_missing]]
        of_missing = np.broadcast_to(counts.records[:, np.newaxis], counts.missing.shape)
        return np.concatenate((of_shapes, of_missing), axis=1)


def arcsine(hits: Floats, n: Floats, share: Floats) -> Floats:
    """Anscombe's (1948) variance-stabilised score of `hits` among n, whose expected share this is."""
    found: Floats = 2 * np.sqrt(n + 0.5) * (np.arcsin(np.sqrt((hits + 0.375) / (n + 0.75))) - np.arcsin(np.sqrt(share)))
    return found


def _beyond(baseline: ModelProfile, grouping: Grouping, counts: Counts) -> Floats:
    """How many of the baseline's values would lie beyond if they were new, per column; never 0.

    Of a category, those that occur once in the baseline: the share of never seen values is theirs (Good 1953).
    """
    once = [
        0 if is_numeric else int((baseline.columns[name].counts == 1).sum())
        for name, is_numeric in zip(grouping.columns, grouping.is_numeric, strict=True)
    ]
    found: Floats = counts.beyond[0] + np.array(once) + 0.5
    return found


def _polynomials(grouping: Grouping, shares: Floats, usual_records: float) -> tuple[Floats, Ints, Ints]:
    """Orthonormal polynomials under the baseline's law: scores of groups by order, and which columns have which."""
    phi = np.zeros((len(shares), ORDERS))
    column, kind = [], []
    for index in np.flatnonzero(grouping.is_numeric):
        mine = grouping.column_of == index
        of_column = _orthonormal(shares[mine])
        kurtosis = shares[mine] @ of_column**4 / usual_records
        kept = np.flatnonzero((kurtosis <= LARGEST_KURTOSIS) | (np.arange(len(kurtosis)) == 0))
        phi[np.flatnonzero(mine)[:, np.newaxis], kept] = of_column[:, kept]
        column += [index] * len(kept)
        kind += kept.tolist()
    return phi, np.array(column, np.int64), np.array(kind, np.int64)


def _orthonormal(shares: Floats) -> Floats:
    """Polynomials of the mid-rank up to order 4 with mean 0 and variance 1 under the shares, none correlated."""
    order = min(ORDERS, len(shares) - 1)
    rank = 2 * (np.cumsum(shares) - shares / 2) - 1
    weight = np.sqrt(shares)[:, np.newaxis]
    q, r = np.linalg.qr(np.vander(rank, order + 1, increasing=True) * weight)
    scores: Floats = (q * np.sign(np.diag(r)) / weight)[:, 1:]
    return scores


@dataclass(frozen=True, slots=True, eq=False)
class _Roots:
    """The signed root per square root of n, as a function of a mean score: tabulated once, then interpolated.

    For the tilt t, mean m(t) = K'(t) with K the cumulant function, and the root is sign(t) sqrt(2 (t m - K)). The table
    holds root / mean, which is smooth through 0, on an even grid between the means of the strongest tilts.
    """

    low: Floats
    high: Floats
    _grid: Floats
    _ratio: Floats

    @classmethod
    def of(cls, scores: Sequence[tuple[Floats, Floats]]) -> "_Roots":
        """For scores of groups with these shares."""
        tilts = np.sinh(np.linspace(-4, 4, _STEPS)) / np.sinh(4) * _STRONGEST
        tables = [_tilted(score, shares, tilts) for score, shares in scores]
        mean = np.array([table[0] for table in tables]).reshape(-1, _STEPS)
        ratio = np.array([table[1] for table in tables]).reshape(-1, _STEPS)
        low, high = mean[:, 0], mean[:, -1]
        grid = 2.0 * np.arange(len(mean))[:, np.newaxis] + (mean - low[:, np.newaxis]) / (high - low)[:, np.newaxis]
        return cls(low, high, grid.ravel(), ratio.ravel())

    def of_means(self, mean: Floats) -> Floats:
        """Roots of mean scores, shape (w, scores); beyond the strongest tilt they grow no further."""
        inside = np.clip(mean, self.low, self.high)
        if not len(self.low):
            return mean
        place = 2 * np.arange(len(self.low)) + (inside - self.low) / (self.high - self.low)
        roots: Floats = inside * np.interp(place, self._grid, self._ratio)
        return roots


def _tilted(score: Floats, shares: Floats, tilts: Floats) -> tuple[Floats, Floats]:
    """Mean score under each tilt of the shares, and the signed root divided by it."""
    weights = np.exp(np.outer(tilts, score)) * shares
    total = weights.sum(axis=1)
    mean = weights @ score / total
    root = np.sign(tilts) * np.sqrt(np.maximum(2 * (tilts * mean - np.log(total)), 0.0))
    middle = len(tilts) // 2
    mean[middle] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = root / mean
    ratio[middle] = 1.0
    return mean, ratio
