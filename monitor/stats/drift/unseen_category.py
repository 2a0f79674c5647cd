"""Share of values that the baseline has never seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import SAYS, nothing_to_compare
from monitor.stats.profiles.categorical import UNSEEN, CategoricalProfile
from monitor.stats.profiles.comparable import pair
from monitor.stats.profiles.expected_unseen import expected_unseen
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import (
    ComparedColumns,
    WindowBlocks,
    are_categorical,
    heads,
    same_layouts,
    values,
)
from monitor.stats.profiles.words import cut
from monitor.stats.proportions import excess_p

EXAMPLES = 5
NAMED, NAMED_FROM = 3, 0.001
"""So many new values are named in the sentence of the verdict, where the p-value is so small at most."""


@dataclass(frozen=True, slots=True)
class UnseenCategory:
    """Share of values that are none of the baseline's categories: 0 to 100.

    Unit: percent of the values. How many to expect without drift is known from the baseline: the share of its values
    that would be unseen if they were left out themselves. These are the values that occur once in it (Turing; Good
    1953); of a baseline with more than 1,000 categories, of which the most frequent are kept, those that are not kept
    and those that one record less would drop. Without the latter, the kept ones would seem more frequent than they are,
    because they were chosen for being frequent. The p-value is that of a larger share than this, one-sided, with the
    variance of that estimate, so that columns of ever new values (ids, free text) stay quiet. The default threshold
    asks for 1 % *and* p <= 0.001. The detail has the most frequent of the sampled new values. Use it for every
    categorical column.
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
        return _compared(first.n_values, expected_unseen(first), second.n_values, second.unseen, second.sample.counts)

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column; what a baseline lets expect is worked out once."""
        if not are_categorical(compared):
            return [self.run(*pair) for one in compared for pair in one.pairs()]
        blocks, known = WindowBlocks.of(compared), [_of_baseline(one) for one in compared]
        at = blocks.places([heads(one.baseline.layouts, one.names) for one in compared])
        sizes, unseen = blocks.values(at).tolist(), blocks.block[at + UNSEEN].tolist()
        samples = (one.current.unseen_counts(name) for one in compared for name in one.names)
        counts, expected = (chain.from_iterable(of_all) for of_all in zip(*known, strict=True))
        return list(map(_compared, counts, expected, sizes, unseen, samples))


def _of_baseline(compared: ComparedColumns) -> tuple[list[int], list[tuple[int, float]]]:
    """Numbers of values, and how many unseen ones they let expect; kept with the baseline."""
    baseline, names = compared.baseline, compared.names
    kept = baseline.derived.get(("expected unseen", names))
    if kept is None:
        sizes = values(same_layouts(baseline, baseline)[0], heads(baseline.layouts, names)).tolist()
        kept = sizes, [expected_unseen(_categorical(baseline, name)) for name in names]
        baseline.derived["expected unseen", names] = kept
    return kept  # type: ignore[return-value]  # it is ours


def _categorical(model: ModelProfile, name: str) -> CategoricalProfile:
    return pair(CategoricalProfile, model.columns[name], model.columns[name])[0]


def _compared(
    n_baseline: int, known: tuple[int, float], n_current: int, unseen: int, sample: Mapping[str, int]
) -> TestResult:
    """Numbers of values in the baseline and in the window, of which so many are unseen, and what was to be expected."""
    if not n_baseline or not n_current:
        return nothing_to_compare(n_baseline, n_current)
    expected, certainty = known
    weight = round(n_baseline * certainty)
    p_value = excess_p(round(expected * certainty), weight, unseen, n_current) if unseen else 1.0
    detail: dict[str, object] = {"expected_share": expected / n_baseline}
    if unseen:
        ranked = sorted(sample.items(), key=lambda item: (-item[1], item[0]))
        detail["values"] = [value for value, _ in ranked[:EXAMPLES]]
        if p_value <= NAMED_FROM:
            detail[SAYS] = f"new: {', '.join(cut(value) for value, _ in ranked[:NAMED])}"
    return TestResult(100 * unseen / n_current, p_value, n_baseline, n_current, None, None, detail)
