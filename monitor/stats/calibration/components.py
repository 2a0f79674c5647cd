"""Scores of a window on every column: how far it is from the baseline in location, scale, skew, tails and shares.

Numeric columns: orthonormal polynomials of the baseline's mid-ranks (Neyman's smooth test; Rayner & Best 1989), each
as the signed root of the likelihood ratio of the exponential tilt that explains it, which stays close to N(0, 1) far
into the tail where the plain sum of a skewed score does not (Barndorff-Nielsen 1986). Categorical columns: the share of
each group by Anscombe's (1948) arcsine transform. Independent records of the baseline's law give variance 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np

from monitor.stats.calibration.counts import Counts, Grouping, offsets, placed, shifted
from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.expected_unseen import expected_unseen
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
    `beyond_error` is the relative variance of the latter; `members` (components but missing, columns) of each model
    have a 1 where a component belongs to a column; `share_starts` are the first components of the categorical columns.
    `is_missing`, `polynomials`, `groups`, `missing` and `by_kind` say which components measure what.
    """

    grouping: Grouping
    column: Ints
    kind: Ints
    weight: Floats
    missing_share: Floats
    beyond_share: Floats
    beyond_error: Floats
    members: tuple[Floats, ...]
    share_starts: Ints
    is_missing: Mask
    by_kind: Mapping[Kind, Ints]
    _by_model: Ints
    phi: Floats
    roots: "_Roots"
    grouped: Ints
    expected_shares: Floats

    @classmethod
    def of(cls, baseline: ModelProfile, usual_records: float) -> "Components":
        """Those that the baseline's counts and the number of records of a usual window ask for."""
        grouping = Grouping.of(baseline, usual_records)
        counts = grouping.count(baseline.block[np.newaxis])
        shares = counts.groups[0] / counts.values[0, grouping.column_of]
        spans = _spans(grouping)
        phi, column, kind = _polynomials(grouping, spans, shares, usual_records)
        groups = np.flatnonzero(~grouping.is_numeric[grouping.column_of])
        width = len(grouping.columns)
        of_scores = list(zip(column.tolist(), kind.tolist(), strict=True))
        of_shapes = np.concatenate((column, grouping.column_of[groups]))
        beyond, beyond_error = _beyond(baseline, grouping, counts)
        kinds = np.concatenate((kind, np.full(len(groups), Kind.SHARE), np.full(width, Kind.MISSING)))
        return cls(
            grouping,
            np.concatenate((of_shapes, np.arange(width))),
            kinds,
            np.concatenate((np.ones(len(column)), 1 - shares[groups], np.ones(width))),
            (counts.missing[0] + 0.5) / (counts.records[0] + 1),
            beyond / (counts.records[0] + 1),
            beyond_error,
            ((of_shapes[:, np.newaxis] == np.arange(width)).astype(np.float64),),
            len(column) + np.flatnonzero(np.diff(grouping.column_of[groups], prepend=-1)),
            kinds == Kind.MISSING,
            _by_kind(kinds),
            np.arange(len(of_shapes)),
            phi,
            _Roots.of([(phi[spans[c], k], shares[spans[c]]) for c, k in of_scores]),
            groups,
            shares[groups],
        )

    @classmethod
    def joined(cls, parts: Sequence["Components"], places: Sequence[Ints]) -> "Components":
        """Those of several models, at their `places` among all."""
        columns = offsets([len(part.grouping.columns) for part in parts])
        groups = offsets([len(part.grouping.column_of) for part in parts])
        column = [part.column + first for part, first in zip(parts, columns, strict=True)]
        kinds = placed([part.kind for part in parts], places)
        return cls(
            Grouping.joined([part.grouping for part in parts]),
            placed(column, places),
            kinds,
            placed([part.weight for part in parts], places),
            np.concatenate([part.missing_share for part in parts]),
            np.concatenate([part.beyond_share for part in parts]),
            np.concatenate([part.beyond_error for part in parts]),
            tuple(members for part in parts for members in part.members),
            np.concatenate([place[part.share_starts] for part, place in zip(parts, places, strict=True)]),
            kinds == Kind.MISSING,
            _by_kind(kinds),
            np.concatenate([place[: part.groups.stop] for part, place in zip(parts, places, strict=True)]),
            np.concatenate([part.phi for part in parts]),
            _Roots.joined([part.roots for part in parts]),
            shifted([part.grouped for part in parts], groups),
            np.concatenate([part.expected_shares for part in parts]),
        )

    @property
    def polynomials(self) -> slice:
        """Components that are polynomials, which come first."""
        return slice(len(self.roots.low))

    @property
    def groups(self) -> slice:
        """Components that are shares of groups, column after column."""
        return slice(len(self.roots.low), len(self.roots.low) + len(self.grouped))

    @property
    def shares(self) -> int:
        """How many components are shares of groups."""
        return len(self.grouped)

    @property
    def missing(self) -> slice:
        """Components that are missing values, one a column."""
        return slice(len(self.column) - len(self.grouping.columns), len(self.column))

    def by_column(self, *values: Floats) -> Floats:
        """Sums over the components of each column but the missing one, of several arrays (w, components): (..., w, f).

        The product with a matrix of a model has last bits of its own, so there is one for each.
        """
        stacked = np.take(np.stack(values), self._by_model, axis=-1, mode="clip")
        ends = np.cumsum([len(members) for members in self.members]).tolist()
        parts = zip(self.members, [0, *ends], ends, strict=False)
        return np.concatenate([stacked[..., start:end] @ members for members, start, end in parts], axis=-1)

    def label(self, component: int) -> str:
        """The name of the group of categories that a component is about; empty for any other."""
        place = component - len(self.roots.low)
        return self.grouping.labels[int(self.grouped[place])] if 0 <= place < len(self.grouped) else ""

    def rate(self, component: int, counts: Counts) -> tuple[float, float] | None:
        """Of the first window, hits and what they are among, of a component that is a share; otherwise None."""
        column = int(self.column[component])
        if self.is_missing[component]:
            return float(counts.missing[0, column]), float(counts.records[0, self.grouping.model_of[column]])
        place = component - len(self.roots.low)
        if place < 0:
            return None
        group = int(self.grouped[place])
        return float(counts.groups[0, group]), float(counts.values[0, column])

    def scores(self, counts: Counts) -> Floats:
        """Scores of windows, shape (w, components); 0 where a column has no value."""
        values = np.maximum(counts.values, 1.0)
        scores = len(self.roots.low)
        by_order = self.grouping.sums(counts.groups[:, np.newaxis, :] * self.phi.T)
        mean = by_order[:, self.kind[:scores], self.column[:scores]] / values[:, self.column[:scores]]
        shape = self.roots.of_means(mean) * np.sqrt(values[:, self.column[:scores]])
        grouped = arcsine(
            counts.groups[:, self.grouped], values[:, self.grouping.column_of[self.grouped]], self.expected_shares
        )
        found = np.concatenate((shape, grouped), axis=1)
        found[counts.values[:, self.column[: found.shape[1]]] == 0] = 0.0
        records = counts.records[:, self.grouping.model_of]
        return np.concatenate((found, arcsine(counts.missing, records, self.missing_share)), axis=1)

    def sizes(self, counts: Counts) -> Floats:
        """Number of values (or records) that each score rests on, shape (w, components)."""
        of_shapes = counts.values[:, self.column[: self.groups.stop]]
        return np.concatenate((of_shapes, counts.records[:, self.grouping.model_of]), axis=1)


def places_among(parts: Sequence[Components]) -> list[Ints]:
    """Where the components of each model lie among those of all: polynomials, then groups, then missing values."""
    found: list[list[Ints]] = [[] for _ in parts]
    first = 0
    for section in ("polynomials", "groups", "missing"):
        for part, place in zip(parts, found, strict=True):
            mine: slice = getattr(part, section)
            place.append(first + np.arange(mine.stop - (mine.start or 0)))
            first += len(place[-1])
    return [np.concatenate(place) for place in found]


def _by_kind(kinds: Ints) -> Mapping[Kind, Ints]:
    return {one: np.flatnonzero(kinds == one) for one in Kind}


def arcsine(hits: Floats, n: Floats, share: Floats) -> Floats:
    """Anscombe's (1948) variance-stabilised score of `hits` among n, whose expected share this is."""
    found: Floats = 2 * np.sqrt(n + 0.5) * (np.arcsin(np.sqrt((hits + 0.375) / (n + 0.75))) - np.arcsin(np.sqrt(share)))
    return found


def usual_share(hits: float, n: float, effect: float) -> float:
    """The share that `hits` among n were compared with, where the score over root n is this `effect` (Cohen's h).

    >>> round(usual_share(50, 1_000, float(arcsine(*np.array([50, 1_000, 0.01]))) / 1_000**0.5), 6)
    0.01
    """
    seen = math.asin(math.sqrt((hits + 0.375) / (n + 0.75)))
    return math.sin(min(max(seen - effect / 2 * math.sqrt(n / (n + 0.5)), 0.0), math.pi / 2)) ** 2


_LEAST_CERTAIN = 0.01
"""Of values that are nearly all unlike, how many are never seen is hardly known."""


def _beyond(baseline: ModelProfile, grouping: Grouping, counts: Counts) -> tuple[Floats, Floats]:
    """How many of the baseline's values would lie beyond if they were new, per column, never 0; and the relative
    variance of that number.
    """
    profiles = [baseline.columns[name] for name in grouping.columns]
    known = [expected_unseen(one) if isinstance(one, CategoricalProfile) else (0, 1.0) for one in profiles]
    unseen = [one.unseen if isinstance(one, CategoricalProfile) else 0 for one in profiles]
    expected, certainty = np.array(known).T
    found: Floats = counts.beyond[0] + (expected - np.array(unseen)) + 0.5
    return found, 1 / (found * np.maximum(certainty, _LEAST_CERTAIN))


def _spans(grouping: Grouping) -> list[slice]:
    """Where the groups of each column are."""
    starts = grouping.column_starts.tolist()
    return [slice(*ends) for ends in pairwise([*starts, len(grouping.column_of)])]


def _polynomials(
    grouping: Grouping, spans: Sequence[slice], shares: Floats, usual_records: float
) -> tuple[Floats, Ints, Ints]:
    """Orthonormal polynomials under the baseline's law: scores of groups by order, and which columns have which."""
    phi = np.zeros((len(shares), ORDERS))
    column, kind = [], []
    for index in np.flatnonzero(grouping.is_numeric).tolist():
        mine = spans[index]
        of_column = _orthonormal(shares[mine])
        kurtosis = shares[mine] @ of_column**4 / usual_records
        kept = np.flatnonzero((kurtosis <= LARGEST_KURTOSIS) | (np.arange(len(kurtosis)) == 0))
        phi[mine, kept] = of_column[:, kept]
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

    For the tilt t, mean m(t) = K'(t) with K the cumulant function, and the root is sign(t) sqrt(2 (t m - K)). The
    tables hold root / mean, which is smooth through 0, on an even grid between the means of the strongest tilts. Each
    model has one, in which its scores stand at the `places`.
    """

    low: Floats
    high: Floats
    places: Ints
    tables: tuple[tuple[Floats, Floats], ...]

    @classmethod
    def of(cls, scores: Sequence[tuple[Floats, Floats]]) -> "_Roots":
        """For scores of groups with these shares."""
        tilts = np.sinh(np.linspace(-4, 4, _STEPS)) / np.sinh(4) * _STRONGEST
        tables = [_tilted(score, shares, tilts) for score, shares in scores]
        mean = np.array([table[0] for table in tables]).reshape(-1, _STEPS)
        ratio = np.array([table[1] for table in tables]).reshape(-1, _STEPS)
        low, high = mean[:, 0], mean[:, -1]
        places = 2 * np.arange(len(mean))
        grid = places[:, np.newaxis] + (mean - low[:, np.newaxis]) / (high - low)[:, np.newaxis]
        return cls(low, high, places, ((grid.ravel(), ratio.ravel()),))

    @classmethod
    def joined(cls, parts: Sequence["_Roots"]) -> "_Roots":
        """Those of several models, one after the other."""
        return cls(
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
            np.concatenate([part.places for part in parts]),
            tuple(table for part in parts for table in part.tables),
        )

    def of_means(self, mean: Floats) -> Floats:
        """Roots of mean scores, shape (w, scores); beyond the strongest tilt they grow no further."""
        inside = np.clip(mean, self.low, self.high)
        if not len(self.low):
            return mean
        place = self.places + (inside - self.low) / (self.high - self.low)
        ends = np.cumsum([len(grid) // _STEPS for grid, _ in self.tables]).tolist()
        parts = zip(self.tables, [0, *ends], ends, strict=False)
        ratios = [np.interp(place[:, start:end], *table) for table, start, end in parts if end > start]
        roots: Floats = inside * np.concatenate(ratios, axis=1)
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
