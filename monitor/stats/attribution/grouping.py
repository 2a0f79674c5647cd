"""The groups in which a column's records are compared: every record is in exactly one of them."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import MIN_EXPECTED, pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.profiles.words import MISSING, UNSEEN, cut, ranges

RARE_OR_NEW = "rare or new values"


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Groups of one column, by name; the last holds the records without a usable value.

    Numbers: deciles of the baseline with its heavy values apart, infinities in the outermost. Categories: those
    at the places `kept` of the layout, which are frequent enough to be compared, then all others together.
    """

    names: tuple[str, ...]
    kept: Ints | None = None

    @classmethod
    def of(cls, baseline: Profile, current: Profile) -> "Grouping":
        """The groups that these two can be compared in; LayoutMismatch when they were counted on other bins."""
        if isinstance(baseline, CategoricalProfile):
            return _categorical(*pair(CategoricalProfile, baseline, current))
        before, _ = pair(NumericProfile, baseline, current)
        return cls((*ranges(before.layout.edges[before.layout.coarse].tolist()), MISSING))

    def count(self, profile: Profile) -> Ints:
        """Records in each group; they add up to the profile's."""
        lacking = profile.missing + profile.invalid
        if isinstance(profile, NumericProfile):
            return np.append(profile.coarse(), lacking).astype(np.int64)
        counts = profile.counts[self.kept]
        return np.append(counts, (profile.n_values - int(counts.sum()), lacking)).astype(np.int64)


def _categorical(baseline: CategoricalProfile, current: CategoricalProfile) -> Grouping:
    """What is too rare for the sizes of both joins the new values: which of the rare ones come is chance."""
    total = baseline.counts.astype(np.int64) + current.counts
    sizes = baseline.n_values, current.n_values
    fewest = min(filter(None, sizes), default=1)  # a side without a value leaves nothing to chance
    is_frequent = total >= MIN_EXPECTED * sum(sizes) / fewest
    kept = np.flatnonzero(is_frequent).astype(np.int64)
    names = (cut(baseline.layout.categories[place]) for place in kept.tolist())
    rare = int(total[~is_frequent].sum())
    return Grouping((*names, _rest(baseline, current, rare), MISSING), kept)


def _rest(baseline: CategoricalProfile, current: CategoricalProfile, rare: int) -> str:
    """What to call the others: by the one new value that most of them are, where there is one."""
    value, most = max(current.sample.items(), key=lambda item: item[1], default=("", 0))
    if 2 * most > rare + baseline.unseen + current.unseen:
        return f"{cut(value)} (new)"
    return RARE_OR_NEW if rare or baseline.unseen else UNSEEN
