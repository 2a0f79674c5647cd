"""Two samples in the same few groups: deciles and heavy values of numbers, categories with the rare ones together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats, Ints
from monitor.stats.drift_test import LACKS, nothing_to_compare
from monitor.stats.homogeneity import pearson
from monitor.stats.profiles.comparable import grouped_counts, not_told_apart, shares
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.side_by_side import ComparedColumns, side_by_side, why_not_told_apart


@dataclass(frozen=True, slots=True, eq=False)
class GroupedPair:
    """Counts, shape (2, groups): the baseline's, the window's; no group is empty in both, rows add up to `n_*`.

    `not_told_apart` says why they tell nothing, if they do not.
    """

    counts: Ints
    n_baseline: int
    n_current: int
    not_told_apart: str = ""

    @classmethod
    def of(cls, baseline: Profile, current: Profile) -> "GroupedPair":
        """Two profiles on one layout; LayoutMismatch when they are not."""
        counts = np.ascontiguousarray(grouped_counts(baseline, current))
        why = not_told_apart(baseline, current, counts.shape[1])
        return cls(counts, baseline.n_values, current.n_values, why)

    @property
    def is_empty(self) -> bool:
        """Whether a side has no values."""
        return not self.n_baseline or not self.n_current

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.counts.shape[1])

    def shares(self) -> Floats:
        """Shares of the groups, shape (2, groups)."""
        return shares(self.counts, self.n_baseline, self.n_current)

    def smoothed(self, extra: float) -> Floats:
        """The same with `extra` records added to every group of each side."""
        totals = np.array(((self.n_baseline,), (self.n_current,))) + extra * self.groups
        smoothed: Floats = (self.counts + extra) / totals
        return smoothed

    def homogeneity_p(self) -> float:
        """P-value of Pearson's test that both are samples of the same shares."""
        return pearson(self.counts, self.n_baseline, self.n_current)[2]

    def result(self, statistic: float, p_value: float, **detail: object) -> TestResult:
        """A result that tells the number of groups, too."""
        about = {"bins": self.groups} | ({LACKS: self.not_told_apart} if self.not_told_apart else {}) | detail
        return TestResult(statistic, p_value, self.n_baseline, self.n_current, detail=about)

    def nothing(self) -> TestResult:
        """The result of a pair that is empty."""
        return nothing_to_compare(self.n_baseline, self.n_current)


def grouped_columns(compared: Sequence[ComparedColumns]) -> Sequence[GroupedPair]:
    """`GroupedPair.of` of every column, most operations on all of them at once."""
    columns = side_by_side(compared)
    spans = [slice(*bounds) for bounds in pairwise(columns.bounds.tolist())]
    counts = [np.ascontiguousarray(columns.counts[:, span]) for span in spans]
    sizes, why = columns.sizes.tolist(), why_not_told_apart(compared, columns)
    return columns.in_given_order(map(GroupedPair, counts, *sizes, why))
