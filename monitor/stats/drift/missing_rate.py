"""Change of the share of records without a usable value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Ints
from monitor.stats.drift_test import SAYS, nothing_to_compare
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import INVALID, MISSING, RECORDS
from monitor.stats.profiles.side_by_side import ComparedColumns, WindowBlocks, heads
from monitor.stats.proportions import two_sided_ps

_WORTH_A_WORD = 0.01


@dataclass(frozen=True, slots=True)
class MissingRate:
    """Difference between the shares of records without a value, up or down: 0 when equal, at most 100.

    A value is missing when it is null, NaN, absent, or of another type than the baseline's (`invalid_share` in the
    detail tells how many were that). Unit: percentage points. The p-value is that of two proportions, two-sided: the
    pooled z-test, or the conditional binomial test where few are expected (Przyborowski & Wilenski 1940). The default
    threshold asks for 5 points *and* p <= 0.001. Use it for every column: other tests leave missing values out.
    """

    name: ClassVar[str] = "missing_rate"
    title: ClassVar[str] = "Missing values"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(drifted=5.0, warning=2.0, alpha=0.001)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        """Compare the shares of missing and invalid values among all records."""
        sides = (baseline.n, baseline.missing, baseline.invalid), (current.n, current.missing, current.invalid)
        return _results(*(np.array([counters]) for counters in sides))[0]

    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        """`run` of every column, their counters taken at once."""
        blocks = WindowBlocks.of(compared)
        begin = blocks.places([heads(one.baseline.layouts, one.names) for one in compared])
        now = blocks.block[begin[:, np.newaxis] + _COUNTERS]
        return _results(np.concatenate([_of_baseline(one) for one in compared]), now)


_COUNTERS = np.array((RECORDS, MISSING, INVALID))


def _of_baseline(compared: ComparedColumns) -> Ints:
    """The counters of each column; kept with the baseline."""
    key = ("missing", compared.names)
    kept = compared.baseline.derived.get(key)
    if kept is None:
        begin, block = heads(compared.baseline.layouts, compared.names), compared.baseline.block
        kept = compared.baseline.derived[key] = block[begin[:, np.newaxis] + _COUNTERS].astype(np.int64)
    return kept  # type: ignore[return-value]  # it is ours


def _results(baseline: Ints, current: Ints) -> list[TestResult]:
    """Of columns with these numbers of records, missing and invalid values, shape (columns, 3).

    Columns with the same numbers, as all that are never missing, have one result.
    """
    n_baseline, n_current = (np.maximum(side[:, 0], 1) for side in (baseline, current))
    p_values = two_sided_ps(baseline[:, 1:].sum(axis=1), n_baseline, current[:, 1:].sum(axis=1), n_current)
    made: dict[tuple[int, ...], TestResult] = {}
    found = []
    for numbers, p_value in zip(np.concatenate((baseline, current), axis=1).tolist(), p_values.tolist(), strict=True):
        key = tuple(numbers)
        result = made.get(key)
        if result is None:
            result = made[key] = _result(numbers[:3], numbers[3:], p_value)
        found.append(result)
    return found


def _result(baseline: Sequence[int], current: Sequence[int], p_value: float) -> TestResult:
    (n_baseline, *lacking), (n_current, missing, invalid) = baseline, current
    if not n_baseline or not n_current:
        return nothing_to_compare(n_baseline, n_current)
    share_before, share_now = sum(lacking) / n_baseline, (missing + invalid) / n_current
    detail: dict[str, object] = {
        "baseline_share": share_before,
        "share": share_now,
        "invalid_share": invalid / n_current,
    }
    if share_before - share_now >= _WORTH_A_WORD:  # the statistic has no sign, and is read as more missing values
        detail[SAYS] = f"fewer than before: {100 * share_now:.3g} % are missing, {100 * share_before:.3g} % were"
    return TestResult(100 * abs(share_now - share_before), p_value, n_baseline, n_current, None, None, detail)
