"""Few counts per column of a model: what components are linear in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles import categorical, numeric
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericProfile

Array = TypeVar("Array", Floats, Ints, Mask)

Hits = npt.NDArray[np.uint8]
"""Counts that are kept as bytes."""

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

    `records` (w, models) by model, of which there is one but in `joined`; `groups` (w, g) values by group; `values`
    (w, f) values in any group; `missing` (w, f) records without a usable value; `beyond` (w, f) numeric values outside
    the usual range, or categories never seen before, and with them those that are too rare for a group.
    """

    records: Floats
    groups: Floats
    values: Floats
    missing: Floats
    beyond: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Counts]") -> "Counts":
        """Of windows of several models, model after model."""
        return cls(
            np.concatenate([part.records for part in parts], axis=1),
            np.concatenate([part.groups for part in parts], axis=1),
            np.concatenate([part.values for part in parts], axis=1),
            np.concatenate([part.missing for part in parts], axis=1),
            np.concatenate([part.beyond for part in parts], axis=1),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Which counters of a model's profiles are counted together. Fixed by the baseline and the usual window's size.

    `column_of` (g,) is the column of each group; groups of one column follow each other. `labels` (g,) name the groups
    of categorical columns, `beyond_labels` (f,) what lies beyond them. `is_numeric` (f,). `model_of` (f,) is the place
    of each column's model: 0, but in `joined`.
    """

    columns: tuple[str, ...]
    is_numeric: Mask
    column_of: Ints
    labels: tuple[str, ...]
    beyond_labels: tuple[str, ...]
    model_of: Ints
    column_starts: Ints
    _counters: Ints
    _starts: Ints

    @classmethod
    def of(cls, baseline: ModelProfile, usual_records: float) -> "Grouping":
        """Group the counters of every column that has a value in the baseline."""
        parts = [_part(baseline, name, usual_records) for name in baseline.columns]
        held = [part for part in parts if part is not None]
        per_column = [len(part.groups) for part in held]
        counted = [group for part in held for group in part.groups]
        counted += [part.beyond for part in held] + [part.lacking for part in held] + [part.records for part in held]
        return cls(
            tuple(part.name for part in held),
            np.array([part.is_numeric for part in held], np.bool_),
            np.repeat(np.arange(len(held)), per_column),
            tuple(label for part in held for label in part.labels),
            tuple(part.beyond_label for part in held),
            np.zeros(len(held), np.int64),
            _starts(per_column),
            np.concatenate(counted or [np.empty(0, np.int64)]),
            _starts([len(one) for one in counted]),
        )

    @classmethod
    def joined(cls, parts: Sequence["Grouping"]) -> "Grouping":
        """That of all columns of several models, which are counted one by one; without labels."""
        columns, groups = [len(part.columns) for part in parts], [len(part.column_of) for part in parts]
        return cls(
            tuple(name for part in parts for name in part.columns),
            np.concatenate([part.is_numeric for part in parts]),
            shifted([part.column_of for part in parts], offsets(columns)),
            (),
            (),
            np.repeat(np.arange(len(parts)), columns),
            shifted([part.column_starts for part in parts], offsets(groups)),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
        )

    def count(self, blocks: Ints) -> Counts:
        """The counts of windows whose profiles have these counters, shape (w, counters)."""
        taken = np.take(blocks, self._counters, axis=1, mode="clip")  # all are places in it; to check that takes longer
        counted = np.add.reduceat(taken, self._starts, axis=1).astype(np.float64)
        groups, columns = len(self.column_of), len(self.columns)
        of_groups, beyond = counted[:, :groups], counted[:, groups : groups + columns]
        missing, records = counted[:, groups + columns : -columns], counted[:, -columns:]
        return Counts(records.max(axis=1, keepdims=True), of_groups, self.sums(of_groups), missing, beyond)

    def sums(self, of_groups: Floats) -> Floats:
        """Sums over the groups of each column, shape (..., f)."""
        return np.add.reduceat(of_groups, self.column_starts, axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Positions in the block of one column's counters: by group, of what lies beyond, of what lacks a value, of all."""

    name: str
    is_numeric: bool
    groups: list[Ints]
    labels: list[str]
    beyond: Ints
    beyond_label: str
    lacking: Ints
    records: Ints


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where parts of these sizes begin that lie one after the other."""
    return list(accumulate(sizes[:-1], initial=0))


def shifted(parts: Sequence[Ints], by: Sequence[int]) -> Ints:
    """Places within parts as places in all of them together."""
    return np.concatenate([part + offset for part, offset in zip(parts, by, strict=True)])


def placed(parts: Sequence[Array], places: Sequence[Ints]) -> Array:
    """One array that has each part at its places."""
    values = np.concatenate(parts)
    found = np.empty_like(values)
    found[np.concatenate(places)] = values
    return found


def _starts(sizes: list[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


def _part(baseline: ModelProfile, name: str, usual_records: float) -> _Part | None:
    profile, start = baseline.columns[name], baseline.layouts.slices[name].start
    is_numeric = isinstance(profile, NumericProfile)
    if isinstance(profile, NumericProfile):
        (groups, beyond), beyond_label = _numeric(profile, start), "values outside the usual range"
        labels = [""] * len(groups)
        all_records, lacking = numeric.RECORDS, (numeric.MISSING, numeric.INVALID)
    else:
        of_layout, labels, rare = _categorical(profile, usual_records)
        groups = [start + group for group in of_layout]
        beyond = start + np.append(categorical.UNSEEN, categorical.SPECIAL + rare)
        beyond_label = _beyond_label([profile.layout.categories[one] for one in rare])
        all_records, lacking = categorical.RECORDS, (categorical.MISSING, categorical.INVALID)
    if not groups:
        return None
    special = [start + np.array(at) for at in (lacking, (all_records,))]
    return _Part(name, is_numeric, groups, labels, beyond, beyond_label, *special)


def _numeric(profile: NumericProfile, start: int) -> tuple[list[Ints], Ints]:
    """Groups of counters, and those beyond, in a block where the column's begin at `start`."""
    counts = profile.binned()
    total = int(counts.sum())
    if not total:
        return [], np.empty(0, np.int64)
    middle = (np.cumsum(counts) - counts / 2) / total
    label = np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
    held = counts > 0  # an empty bin joins the group below it, or the first: no group may be empty in the baseline
    label = np.maximum(np.maximum.accumulate(np.where(held, label, 0)), label[held][0])
    bins = start + numeric.SPECIAL + np.arange(len(counts))
    infinite = start + np.array([numeric.NEGATIVE_INFINITE, numeric.POSITIVE_INFINITE])
    groups = np.split(bins, np.flatnonzero(np.diff(label)) + 1)  # labels never fall
    groups[0], groups[-1] = np.append(groups[0], infinite[0]), np.append(groups[-1], infinite[1])
    usual = np.zeros(len(counts), np.bool_)
    usual[profile.layout.usual] = True
    return groups, np.concatenate((infinite, bins[~usual]))


def _beyond_label(rare: Sequence[str]) -> str:
    if not rare:
        return "unseen values"
    return f"{rare[0]} or unseen values" if len(rare) == 1 else "rare or unseen values"


def _categorical(profile: CategoricalProfile, usual_records: float) -> tuple[list[Ints], list[str], Ints]:
    """Groups of categories, their names, and the categories that even together are too rare for a group of their own.

    Those are counted with the most like them, and beside that with what was never seen, where a few more show. All
    others are counted with what was never seen: of a long tail every sample has its own part, so that a new window has
    less of the baseline's rare ones, by as much as it has of others that are as rare.
    """
    counts, none = profile.counts, np.empty(0, np.int64)
    if not int(counts.sum()):
        return [], [], none
    expected = counts / profile.n * usual_records
    kept = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    kept = kept[expected[kept] >= LEAST_EXPECTED]
    rest = np.setdiff1d(np.arange(len(counts)), kept)
    groups = [np.array([categorical.SPECIAL + one]) for one in kept]
    labels = [profile.layout.categories[one] for one in kept]
    if len(rest) and expected[rest].sum() < LEAST_EXPECTED and groups:
        groups[-1] = np.concatenate((groups[-1], categorical.SPECIAL + rest))
        return groups, labels, rest
    if len(rest):
        groups.append(np.append(categorical.UNSEEN, categorical.SPECIAL + rest))
        labels.append(OTHERS)
    return groups, labels, none
