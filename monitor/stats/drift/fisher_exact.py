"""Change of the share of one category, by Fisher's exact test."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import Promise, nothing_to_compare
from monitor.stats.exact import fisher_p
from monitor.stats.profiles.category_share import category_hits
from monitor.stats.profiles.layouts import Profile


@dataclass(frozen=True, slots=True)
class FisherExact:
    """Size of the change of the share of one category: 0 when equal, at most 100.

    `category` is the baseline's most frequent one unless set; all others, unseen ones too, are counted together, so
    that a column with two values is compared whole. Unit: percentage points. The detail has both shares and the odds
    ratio of the table, None where a cell is empty.

    The p-value is exact whatever the counts (Fisher 1935): the chance, given the sums of the two-by-two table, of all
    tables that are no likelier than this one; equal to `scipy.stats.fisher_exact`. Both samples may have any size; at
    a hundred million records it takes some 0.02 s. The default threshold asks for 10 points *and* p <= 0.001. Use it
    for rare categories and small windows. Do not use it on large windows, where `proportion` says the same at once: it
    is the more careful one, and below its nominal level where counts are few.
    """

    name: ClassVar[str] = "fisher_exact"
    title: ClassVar[str] = "Fisher's exact test"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.CATEGORIES})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=10.0, warning=5.0, alpha=0.001)
    promises: ClassVar[frozenset[Promise]] = frozenset({Promise.SYMMETRIC})

    category: str = ""

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares among the values; missing values do not count. ConfigError for an unknown category."""
        hits = category_hits(baseline, current, self.category)
        if not hits.n_baseline or not hits.n_current:
            return nothing_to_compare(hits.n_baseline, hits.n_current)
        before, misses_before = hits.before, hits.n_baseline - hits.before
        now, misses_now = hits.now, hits.n_current - hits.now
        odds = now / misses_now * misses_before / before if misses_now and before and now and misses_before else None
        detail = hits.detail() | {"odds_ratio": odds}
        return TestResult(hits.points, fisher_p(*hits.table), hits.n_baseline, hits.n_current, detail=detail)
