"""The groups in which a column's records are compared: every record is in exactly one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.comparable import MIN_EXPECTED, pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.side_by_side import coarse_groups
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
            return _categorical(*pair(CategoricalProfile, baseline, current), _labels(baseline.layout))
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


@dataclass(frozen=True, slots=True, eq=False)
class GroupedColumns:
    """The groups of many columns of two profiles: their names by column, and in `counts` (2, groups of all columns) the
    records of the baseline and of the window, each column's in its span.
    """

    columns: Sequence[str]
    names: Sequence[tuple[str, ...]]
    counts: Ints
    spans: Sequence[slice]


def grouped(baseline: ModelProfile, current: ModelProfile, columns: Sequence[str]) -> GroupedColumns:
    """The groups of these columns as `Grouping` has them, numbers first; counting them takes few operations."""
    numbers = tuple(name for name in columns if isinstance(baseline.layouts[name], NumericLayout))
    texts = [name for name in columns if name not in numbers]
    names = [_names(baseline, name) for name in numbers]
    counts = [coarse_groups(baseline, current, numbers)]
    for name in texts:
        before, now = pair(CategoricalProfile, baseline.columns[name], current.columns[name])
        grouping = _categorical(before, now, _names(baseline, name))
        names.append(grouping.names)
        counts.append(np.array([grouping.count(before), grouping.count(now)]))
    spans = [slice(*ends) for ends in pairwise(accumulate(map(len, names), initial=0))]
    return GroupedColumns([*numbers, *texts], names, np.concatenate(counts, axis=1), spans)


def _names(baseline: ModelProfile, name: str) -> tuple[str, ...]:
    """Of the groups of numbers, or of all categories; worked out once for a baseline."""
    layout, key = baseline.layouts[name], ("group names", name)
    kept = baseline.layouts.derived.get(key)
    if kept is None:
        found = _numeric(layout) if isinstance(layout, NumericLayout) else _labels(layout)
        kept = baseline.layouts.derived[key] = found
    return kept  # type: ignore[return-value]


def _numeric(layout: NumericLayout) -> tuple[str, ...]:
    return (*ranges(layout.edges[layout.coarse].tolist()), MISSING)


def _labels(layout: CategoricalLayout) -> tuple[str, ...]:
    return tuple(map(cut, layout.categories))


def _categorical(baseline: CategoricalProfile, current: CategoricalProfile, labels: Sequence[str]) -> Grouping:
    """What is too rare for the sizes of both joins the new values: which of the rare ones come is chance."""
    total = baseline.counts + current.counts.astype(np.int64, copy=False)
    sizes = baseline.n_values, current.n_values
    fewest = min(filter(None, sizes), default=1)  # a side without a value leaves nothing to chance
    kept = (total >= MIN_EXPECTED * sum(sizes) / fewest).nonzero()[0]
    rare = int(total.sum()) - int(total[kept].sum())
    names = [labels[place] for place in kept.tolist()]
    return Grouping((*names, _rest(baseline, current, rare), MISSING), kept)


def _rest(baseline: CategoricalProfile, current: CategoricalProfile, rare: int) -> str:
    """What to call the others: by the one new value that most of them are, where there is one."""
    value, most = max(current.sample.items(), key=lambda item: item[1], default=("", 0))
    if 2 * most > rare + baseline.unseen + current.unseen:
        return f"{cut(value)} (new)"
    return RARE_OR_NEW if rare or baseline.unseen else UNSEEN
