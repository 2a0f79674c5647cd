"""Few counts per column of a model: what components are linear in."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles import categorical, numeric
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericProfile

GROUPS = 32
"""Groups of about equal mass that the bins of a numeric column are put into; an atom keeps one to itself."""

MOST_CATEGORIES = 15
"""So many categories of a column are watched one by one, the others together."""

OTHERS = "all others"

LEAST_EXPECTED = 5.0
"""A category that is expected less often in a usual window joins the others (Cochran 1954)."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts of w windows on f columns with g groups in all; every array has the windows as its first axis.

    `records` (w,); `groups` (w, g) values by group; `values` (w, f) values in any group; `missing` (w, f) records
    without a usable value; `beyond` (w, f) numeric values outside the usual range, or categories never seen before.
    """

    records: Floats
    groups: Floats
    values: Floats
    missing: Floats
    beyond: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Which counters of a model's profiles are counted together. Fixed by the baseline and the usual window's size.

    `column_of` (g,) is the column of each group; groups of one column follow each other. `labels` (g,) name the groups
    of categorical columns. `is_numeric` (f,).
    """

    columns: tuple[str, ...]
    is_numeric: Mask
    column_of: Ints
    labels: tuple[str, ...]
    _counters: Ints
    _group_starts: Ints
    _column_starts: Ints
    _beyond: Ints
    _beyond_starts: Ints
    _special: Ints

    @classmethod
    def of(cls, baseline: ModelProfile, usual_records: float) -> "Grouping":
        """Group the counters of every column that has a value in the baseline."""
        parts = [_part(baseline, name, usual_records) for name in baseline.columns]
        held = [part for part in parts if part is not None]
        sizes = [len(group) for part in held for group in part.groups]
        per_column = [len(part.groups) for part in held]
        return cls(
            tuple(part.name for part in held),
            np.array([part.is_numeric for part in held], np.bool_),
            np.repeat(np.arange(len(held)), per_column),
            tuple(label for part in held for label in part.labels),
            np.concatenate([group for part in held for group in part.groups] or [np.empty(0, np.int64)]),
            _starts(sizes),
            _starts(per_column),
            np.concatenate([part.beyond for part in held] or [np.empty(0, np.int64)]),
            _starts([len(part.beyond) for part in held]),
            np.array([part.special for part in held], np.int64).reshape(-1, 3),
        )

    def count(self, blocks: Ints) -> Counts:
        """The counts of windows whose profiles have these counters, shape (w, counters)."""
        special = blocks[:, self._special]
        groups = np.add.reduceat(blocks[:, self._counters], self._group_starts, axis=1).astype(np.float64)
        return Counts(
            special[:, :, 0].max(axis=1, initial=0).astype(np.float64),
            groups,
            np.add.reduceat(groups, self._column_starts, axis=1),
            (special[:, :, 1] + special[:, :, 2]).astype(np.float64),
            np.add.reduceat(blocks[:, self._beyond], self._beyond_starts, axis=1).astype(np.float64),
        )

    def sums(self, of_groups: Floats) -> Floats:
        """Sums over the groups of each column, shape (..., f)."""
        return np.add.reduceat(of_groups, self._column_starts, axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Positions in the block of one column's counters: by group, of what lies beyond, of records, missing, invalid."""

    name: str
    is_numeric: bool
    groups: list[Ints]
    labels: list[str]
    beyond: Ints
    special: list[int]


def _starts(sizes: list[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


def _part(baseline: ModelProfile, name: str, usual_records: float) -> _Part | None:
    profile, start = baseline.columns[name], baseline.layouts.slices[name].start
    is_numeric = isinstance(profile, NumericProfile)
    if isinstance(profile, NumericProfile):
        groups, beyond = _numeric(profile)
        labels = [""] * len(groups)
        special = [numeric.RECORDS, numeric.MISSING, numeric.INVALID]
    else:
        groups, labels, beyond = _categorical(profile, usual_records)
        special = [categorical.RECORDS, categorical.MISSING, categorical.INVALID]
    if not groups:
        return None
    return _Part(name, is_numeric, [start + g for g in groups], labels, start + beyond, [start + s for s in special])


def _numeric(profile: NumericProfile) -> tuple[list[Ints], Ints]:
    counts = profile.binned()
    total = int(counts.sum())
    if not total:
        return [], np.empty(0, np.int64)
    middle = (np.cumsum(counts) - counts / 2) / total
    label = np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
    held = counts > 0  # an empty bin joins the group below it, or the first: no group may be empty in the baseline
    label = np.maximum(np.maximum.accumulate(np.where(held, label, 0)), label[held][0])
    bins = numeric.SPECIAL + np.arange(len(counts))
    infinite = np.array([numeric.NEGATIVE_INFINITE, numeric.POSITIVE_INFINITE])
    groups = [bins[label == one] for one in np.unique(label)]
    groups[0], groups[-1] = np.append(groups[0], infinite[0]), np.append(groups[-1], infinite[1])
    usual = np.zeros(len(counts), np.bool_)
    usual[profile.layout.usual] = True
    return groups, np.concatenate((infinite, bins[~usual]))


def _categorical(profile: CategoricalProfile, usual_records: float) -> tuple[list[Ints], list[str], Ints]:
    counts, beyond = profile.counts, np.array([categorical.UNSEEN])
    if not int(counts.sum()):
        return [], [], beyond
    expected = counts / profile.n * usual_records
    kept = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    kept = kept[expected[kept] >= LEAST_EXPECTED]
    rest = np.setdiff1d(np.arange(len(counts)), kept)
    groups = [np.array([categorical.SPECIAL + one]) for one in kept]
    labels = [profile.layout.categories[one] for one in kept]
    if len(rest) and expected[rest].sum() < LEAST_EXPECTED and groups:
        groups[-1] = np.concatenate((groups[-1], categorical.SPECIAL + rest))
    elif len(rest):
        groups.append(categorical.SPECIAL + rest)
        labels.append(OTHERS)
    return groups, labels, beyond
