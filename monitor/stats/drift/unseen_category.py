"""Share of values that the baseline has never seen."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import nothing_to_compare
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.layouts import Profile
from monitor.stats.proportions import excess_p

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class UnseenCategory:
    """Share of values that are none of the baseline's categories: 0 to 100.

    Unit: percent of the values. How many to expect without drift is known from the baseline: the share of its values
    that would be unseen if they were left out themselves, which are those that occur once in it (Turing; Good 1953) or,
    where it has more than 1,000 categories, those at the edge of being dropped. The p-value is that of a larger share
    than this, one-sided, with the variance of that estimate (Good 1953), so that columns of ever new values (ids, free
    text) stay quiet. The default threshold asks for 1 % *and* p <= 0.001. The detail has the most frequent of the
    sampled new values. Use it for every categorical column.
    """

    name: ClassVar[str] = "unseen_category"
    title: ClassVar[str] = "Unseen categories"
    unit: ClassVar[str] = "percent"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.UNSEEN})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0, warning=0.2, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the share of unseen values with the share that the baseline lets expect."""
        first, second = pair(CategoricalProfile, baseline, current)
        n_baseline, n_current = first.n_values, second.n_values
        if not n_baseline or not n_current:
            return nothing_to_compare(n_baseline, n_current)
        unseen = second.unseen
        expected, certainty = _expected(first)
        weight = round(n_baseline * certainty)
        p_value = excess_p(round(expected * certainty), weight, unseen, n_current) if unseen else 1.0
        detail: dict[str, object] = {"expected_share": expected / n_baseline}
        if unseen:
            ranked = sorted(second.sample.items(), key=lambda item: (-item[1], item[0]))
            detail["values"] = [value for value, _ in ranked[:EXAMPLES]]
        return TestResult(100 * unseen / n_current, p_value, n_baseline, n_current, detail=detail)


def _expected(baseline: CategoricalProfile) -> tuple[int, float]:
    """How many values of the baseline would be unseen if left out, and the information in that number against a count.

    Its variance is about N1 + 2 N2 where N1 values occur once and N2 twice; that of a plain count would be N1.
    """
    counts = baseline.counts
    present = counts[counts > 0]
    last = int(present.min()) if baseline.unseen and len(present) else 1
    expected = baseline.unseen + int(counts[counts == last].sum())
    nearly = int(counts[counts == last + 1].sum())
    return expected, expected / (expected + nearly) if expected else 1.0
