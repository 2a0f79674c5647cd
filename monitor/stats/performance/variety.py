"""How much of the catalogue recommendations show, and how unlike they are: worth nothing alone, telling beside hits."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.domain.models import Task
from monitor.stats.performance.influence import share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.recommended import RANKING, Recommended, UpToK, require_positions
from monitor.stats.proportions import Z95


@dataclass(frozen=True, slots=True)
class CatalogueCoverage:
    """Share of the `catalogue` (its number of items) among the first `k` of any list of the window, 0 to 1.

    It grows with the number of lists, so compare windows of like traffic. Of lists with truth, as all metrics. Interval
    by the jackknife over lists, which is not too short (Efron & Stein 1981; Ge et al. 2010 for the measure), and by one
    item at least.
    """

    name: ClassVar[str] = "catalogue_coverage"
    title: ClassVar[str] = "Catalogue coverage"
    unit: ClassVar[str] = "share of the catalogue"
    tasks: ClassVar[frozenset[Task]] = RANKING
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    is_proposed: ClassVar[bool] = False
    catalogue: int = 0
    k: int = 10

    def __post_init__(self) -> None:
        """ValueError unless a list can be cut after k items, and the catalogue is not negative."""
        require_positions(self.k)
        if self.catalogue < 0:
            raise ValueError(f"catalogue must be a number of items, not {self.catalogue:g}")

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None without a list, or while nobody says how large the catalogue is."""
        if not judged.n or not self.catalogue:
            return None
        lists, n = Recommended.of(judged, self.k).items, judged.n
        seen = Counter(chain.from_iterable(lists))
        alone = np.array([sum(seen[item] == 1 for item in items) for items in lists], dtype=np.float64)
        shown, error = len(seen), float(np.sqrt((n - 1) / n * ((alone - alone.mean()) ** 2).sum()))
        half = max(1.0, Z95 * error) if n > 1 else float(shown)
        low, high = (min(1.0, max(0.0, at / self.catalogue)) for at in (shown - half, shown + half))
        return TestResult(min(1.0, shown / self.catalogue), None, n, n, low, high, {"items": shown})


@dataclass(frozen=True, slots=True)
class Diversity(UpToK):
    """Chance that two items drawn from all places up to `k` of all lists differ, 0 to 1: 1 - sum of squared shares.

    The Gini-Simpson index (Simpson 1949) of what is shown: near 0 where everybody is shown the same few things. Of
    lists with truth, as all metrics; interval by the influence of each list, symmetric in the log-odds.
    """

    name: ClassVar[str] = "diversity"
    title: ClassVar[str] = "Diversity of what is shown"
    unit: ClassVar[str] = "probability"

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when no list shows an item."""
        lists = Recommended.of(judged, self.k).items
        seen = Counter(chain.from_iterable(lists))
        places = seen.total()
        if not places:
            return None
        shares = {item: count / places for item, count in seen.items()}
        concentration = sum(share * share for share in shares.values())
        met = np.array([sum(shares[item] for item in items) for items in lists])
        lengths = np.array([len(items) for items in lists], dtype=np.float64)
        influence = -2 * (met - concentration * lengths) / lengths.mean()
        error = standard_error(influence, np.ones(len(lists)))
        return share_result(1 - concentration, error, len(lists))
