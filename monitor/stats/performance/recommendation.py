"""Metrics of ranked lists: what search results and recommendations are judged by, one list a record."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.performance.classification import proportion
from monitor.stats.performance.influence import share_result
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.recommended import Recommended, UpToK


def _mean_share(values: Floats, judged: Judged) -> TestResult:
    """The mean of one number in [0, 1] a query; `detail` tells how many queries had nothing relevant."""
    n = len(values)
    error = float(values.std(ddof=1)) / n**0.5 if n > 1 else 0.5
    result = share_result(min(1.0, float(values.mean())), error, n)
    return replace(result, detail={"without_relevant": judged.n - n})


@dataclass(frozen=True, slots=True)
class _OfRelevant(UpToK, ABC):
    """A metric of where the relevant items are; queries without one are left out."""

    def run(self, judged: Judged, positive: str | None) -> TestResult | None:  # noqa: ARG002 - no class here
        """None when no query has a relevant item."""
        found = Recommended.with_relevant(judged, self.k)
        return None if found is None else self._of(found, judged)

    @abstractmethod
    def _of(self, found: Recommended, judged: Judged) -> TestResult | None:
        """The metric of the queries with a relevant item, of those that were judged."""


@dataclass(frozen=True, slots=True)
class Ndcg(_OfRelevant):
    """Normalised discounted cumulative gain of the first `k` items, 0 to 1 (Jarvelin & Kekalainen 2002).

    Mean over queries of sum(grade / log2(1 + place)) over what the best order would reach; with `exponential` the gain
    of a grade is 2^grade - 1. For grades, and where high places matter more than low ones. Queries without a relevant
    item are left out. Interval by the central limit theorem, symmetric in the log-odds.
    """

    name: ClassVar[str] = "ndcg"
    title: ClassVar[str] = "NDCG at k"
    unit: ClassVar[str] = "share of the best order's gain"
    exponential: bool = False

    def _of(self, found: Recommended, judged: Judged) -> TestResult | None:
        weights = 1 / np.log2(np.arange(2, self.k + 2))
        reached, best = (self._gain(grades) @ weights for grades in (found.gains, found.ideal))
        return _mean_share(reached / best, judged)

    def _gain(self, grades: Floats) -> Floats:
        return np.exp2(np.minimum(grades, 100.0)) - 1 if self.exponential else grades


@dataclass(frozen=True, slots=True)
class MeanAveragePrecision(_OfRelevant):
    """Mean average precision of the first `k` items, 0 to 1: for lists with several relevant items of equal worth.

    Mean over queries of the precisions at the places of relevant items, over the number of relevant items that the list
    could hold, min(relevant, k), so that 1 can be reached (trec_eval and ranx divide by all relevant items). Queries
    without a relevant item are left out. Interval by the central limit theorem, symmetric in the log-odds (Manning et
    al. 2008).
    """

    name: ClassVar[str] = "map_at_k"
    title: ClassVar[str] = "Mean average precision at k"
    unit: ClassVar[str] = "precision"

    def _of(self, found: Recommended, judged: Judged) -> TestResult | None:
        precision = found.hits.cumsum(axis=1) / np.arange(1, self.k + 1)
        return _mean_share((precision * found.hits).sum(axis=1) / np.minimum(found.relevant, self.k), judged)


@dataclass(frozen=True, slots=True)
class ReciprocalRank(_OfRelevant):
    """Mean reciprocal rank, 0 to 1: mean over queries of 1 / place of the first relevant item, 0 beyond `k`.

    For searches after one thing (Voorhees 1999). Queries without a relevant item are left out. Interval by the central
    limit theorem, symmetric in the log-odds.
    """

    name: ClassVar[str] = "mrr"
    title: ClassVar[str] = "Mean reciprocal rank"
    unit: ClassVar[str] = "1 / place"

    def _of(self, found: Recommended, judged: Judged) -> TestResult | None:
        return _mean_share((found.hits / np.arange(1, self.k + 1)).max(axis=1), judged)


@dataclass(frozen=True, slots=True)
class HitRate(_OfRelevant):
    """Share of the queries with a relevant item among the first `k`, 0 to 1; Wilson interval (1927).

    For lists of which one good item is enough. Queries without any relevant item are left out.
    """

    name: ClassVar[str] = "hit_rate"
    title: ClassVar[str] = "Hit rate at k"
    unit: ClassVar[str] = "share of queries"

    def _of(self, found: Recommended, judged: Judged) -> TestResult | None:
        result = proportion(int(found.hits.any(axis=1).sum()), len(found.hits))
        return None if result is None else replace(result, detail={"without_relevant": judged.n - len(found.hits)})
