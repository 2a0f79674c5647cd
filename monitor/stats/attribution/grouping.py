"""The groups in which a column's records are compared: every record is in exactly one of them."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.comparable import MIN_EXPECTED, pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
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
        return cls(_numeric(before.layout))

    def count(self, profile: Profile) -> Ints:
        """Records in each group; they add up to the profile's."""
        lacking = profile.missing + profile.invalid
        if isinstance(profile, NumericProfile):
            return np.append(profile.coarse(), lacking).astype(np.int64)
        kept = profile.counts[self.kept]
        counts = np.empty(kept.size + 2, np.int64)
        counts[:-2], counts[-2:] = kept, (profile.n_values - int(kept.sum()), lacking)
        return counts


def group_names(baseline: ModelProfile, current: ModelProfile, column: str) -> tuple[str, ...]:
    """The names of the groups that `Grouping` has for a column."""
    layout, key = baseline.layouts[column], ("group names", column)
    if isinstance(layout, CategoricalLayout):
        return Grouping.of(baseline.columns[column], current.columns[column]).names
    kept = baseline.layouts.derived.get(key)
    if kept is None:
        kept = baseline.layouts.derived[key] = _numeric(layout)
    return kept  # type: ignore[return-value]  # it is ours


def _numeric(layout: NumericLayout) -> tuple[str, ...]:
    return (*ranges(layout.edges[layout.coarse].tolist()), MISSING)


def _categorical(baseline: CategoricalProfile, current: CategoricalProfile) -> Grouping:
    """What is too rare for the sizes of both joins the new values: which of the rare ones come is chance."""
    total = baseline.counts + current.counts.astype(np.int64, copy=False)
    sizes = baseline.n_values, current.n_values
    fewest = min(filter(None, sizes), default=1)  # a side without a value leaves nothing to chance
    kept = (total >= MIN_EXPECTED * sum(sizes) / fewest).nonzero()[0]
    rare = int(total.sum()) - int(total[kept].sum())
    names = [cut(baseline.layout.categories[place]) for place in kept.tolist()]
    return Grouping((*names, _rest(baseline, current, rare), MISSING), kept)


def _rest(baseline: CategoricalProfile, current: CategoricalProfile, rare: int) -> str:
    """What to call the others: by the one new value that most of them are, where there is one."""
    value, most = max(current.sample.items(), key=lambda item: item[1], default=("", 0))
    if 2 * most > rare + baseline.unseen + current.unseen:
        return f"{cut(value)} (new)"
    return RARE_OR_NEW if rare or baseline.unseen else UNSEEN
