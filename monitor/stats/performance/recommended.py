"""Ranked lists with what turned out to be relevant, as columns for metrics."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.performance.metric import Judged
from monitor.stats.structured import grades_of, items_of

RANKING = frozenset({Task.RANKING})


@dataclass(frozen=True, slots=True, eq=False)
class Recommended:
    """Queries: the first `k` different items of each, their grades (queries, k), and what the best order would be.

    `gains` are the grades of the items shown, `ideal` the highest grades of all relevant items in order, both 0 where a
    list is shorter; `relevant` is how many items are relevant at all (a grade above 0).
    """

    items: tuple[tuple[str, ...], ...]
    gains: Floats
    ideal: Floats
    relevant: Floats

    @classmethod
    def of(cls, judged: Judged, k: int) -> "Recommended":
        """Rows that `usable` let through; an item that a list has twice counts where it stands first."""
        shown = tuple(tuple(dict.fromkeys(items_of(text) or ()))[:k] for text in judged.predictions)
        grades = [grades_of(text) or {} for text in judged.labels]
        gains, ideal = np.zeros((judged.n, k)), np.zeros((judged.n, k))
        for row, (items, truth) in enumerate(zip(shown, grades, strict=True)):
            gains[row, : len(items)] = [truth.get(item, 0.0) for item in items]
            best = sorted(truth.values(), reverse=True)[:k]
            ideal[row, : len(best)] = best
        relevant = np.array([sum(grade > 0 for grade in truth.values()) for truth in grades], dtype=np.float64)
        return cls(shown, gains, ideal, relevant)

    @classmethod
    def with_relevant(cls, judged: Judged, k: int) -> "Recommended | None":
        """The queries with a relevant item, None without any: of the others no order is better than another."""
        all_of = cls.of(judged, k)
        kept = np.flatnonzero(all_of.relevant > 0)
        if not len(kept):
            return None
        items = tuple(all_of.items[row] for row in kept.tolist())
        return cls(items, all_of.gains[kept], all_of.ideal[kept], all_of.relevant[kept])

    @property
    def hits(self) -> Floats:
        """1 where an item shown is relevant, shape (queries, k)."""
        return (self.gains > 0).astype(np.float64)


def require_positions(k: int) -> None:
    """ValueError unless a list can be cut after `k` items."""
    if k != int(k) or not 1 <= k <= 1000:
        raise ValueError(f"k must be a whole number from 1 to 1000, not {k:g}")


@dataclass(frozen=True, slots=True)
class UpToK:
    """What metrics of the first `k` items of each list have in common; more is better of all of them."""

    tasks: ClassVar[frozenset[Task]] = RANKING
    higher_is_better: ClassVar[bool] = True
    default_threshold: ClassVar[Threshold | None] = None
    k: int = 10

    def __post_init__(self) -> None:
        """ValueError unless a list can be cut after k items."""
        require_positions(self.k)
