"""How many values of a baseline and a window are one category."""

from dataclasses import dataclass

from monitor.domain.errors import ConfigError
from monitor.stats.profiles.categorical import SPECIAL, CategoricalProfile
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class CategoryHits:
    """`before` of `n_baseline` values, and `now` of `n_current`."""

    category: str
    before: int
    n_baseline: int
    now: int
    n_current: int

    @property
    def table(self) -> tuple[int, int, int, int]:
        """What tests of two proportions take."""
        return self.before, self.n_baseline, self.now, self.n_current

    @property
    def points(self) -> float:
        """Size of the change in percentage points."""
        return 100 * abs(self.now / self.n_current - self.before / self.n_baseline)

    def detail(self) -> dict[str, object]:
        """The category, its shares, and the change in percentage points with its sign."""
        before, now = self.before / self.n_baseline, self.now / self.n_current
        shares = {"baseline_share": before, "share": now, "difference": 100 * (now - before)}
        return {"category": self.category, **shares}


def category_hits(baseline: Profile, current: Profile, category: str) -> CategoryHits:
    """Of this category, or of the baseline's most frequent one where it is empty.

    ConfigError where the baseline does not know it.
    """
    first, second = pair(CategoricalProfile, baseline, current)
    known = first.layout.categories
    if category and category not in known:
        raise ConfigError(f"the baseline has no category {category!r}", hint=f"it knows: {', '.join(known[:10])}")
    if not known:
        return CategoryHits("", 0, 0, 0, second.n_values)
    name = category or known[0]
    place = SPECIAL + known.index(name)
    before, now = int(first.counters[place]), int(second.counters[place])
    return CategoryHits(name, before, first.n_values, now, second.n_values)
