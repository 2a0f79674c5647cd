"""Counts of a baseline and a window side by side, in groups large enough to be compared."""

from typing import TypeVar

import numpy as np

from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import Floats, Ints
from monitor.stats.profiles.categorical import UNSEEN, CategoricalProfile
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile

MIN_EXPECTED = 5.0
"""A group whose expected count in the smaller sample is below this joins the rest (Cochran 1954)."""

P = TypeVar("P", NumericProfile, CategoricalProfile)


def pair(kind: type[P], baseline: Profile, current: Profile) -> tuple[P, P]:
    """Both profiles as profiles of one kind on one layout; LayoutMismatch when they are not."""
    if not (isinstance(baseline, kind) and isinstance(current, kind)):
        raise LayoutMismatch(f"a {kind.__name__} is needed, not {type(baseline).__name__}, {type(current).__name__}")
    if baseline.layout is not current.layout and baseline.layout.digest != current.layout.digest:
        raise LayoutMismatch("the window was counted on other bins than the baseline's: count it again")
    return baseline, current


def grouped_counts(baseline: Profile, current: Profile) -> Ints:
    """Counts per group, shape (2, groups): first row the baseline's, second the window's; no group is empty in both.

    Numeric: deciles of the baseline, its heavy atoms apart. Categorical: each category that is frequent enough for the
    sizes of both samples, all others and unseen values together.
    """
    if isinstance(baseline, NumericProfile):
        first, second = pair(NumericProfile, baseline, current)
        counts = np.array((first.coarse(), second.coarse()))
        occupied: Ints = counts[:, counts.any(axis=0)]
        return occupied
    return categorical_groups(*pair(CategoricalProfile, baseline, current))


def categorical_groups(baseline: CategoricalProfile, current: CategoricalProfile) -> Ints:
    """`grouped_counts` of categorical profiles: the last group holds what is rare or unseen, if that is enough."""
    counts: Ints = np.array((baseline.counters[UNSEEN:], current.counters[UNSEEN:]))
    sizes, total = counts.sum(axis=1), counts.sum(axis=0)
    n = int(sizes.sum())
    rare = total * int(sizes.min()) < MIN_EXPECTED * n
    rare[0] = True  # unseen values
    groups: Ints = counts[:, ~rare]
    rest: Ints = counts[:, rare].sum(axis=1, keepdims=True)
    if not groups.shape[1]:
        return rest
    in_rest = int(rest.sum())
    if in_rest * int(sizes.min()) < MIN_EXPECTED * n:
        groups[:, int(np.argmin(total[~rare]))] += rest[:, 0]
        return groups
    return np.concatenate((groups, rest), axis=1)


def shares(counts: Ints) -> Floats:
    """Rows of counts as rows of shares that add up to 1."""
    result: Floats = counts / counts.sum(axis=1, keepdims=True)
    return result
