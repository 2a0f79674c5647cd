"""How much of what its producers served a window has seen: shown wherever they say so, and judged where it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.stream import PaneStatement
from monitor.rules.conditions import COVERAGE, RECORDS
from monitor.rules.explain import percent

_SURELY = 3.0
"""A shortfall smaller than so many standard deviations of the sampling may be its chance."""

_EQUAL = 1.001
"""Weights this much apart are no two weights: they are kept in thousandths."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the producers of a window say: `expected` served records by their running numbers, of which `n` came.

    By their weights these stand for `weight` served ones; `weights` are the least and the greatest of any record.
    """

    n: int
    weight: float
    expected: int
    weights: tuple[float, float] = (1.0, 1.0)

    @property
    def share(self) -> float | None:
        """Share of the served records that came, 0 to 1; None where records are not numbered."""
        return min(1.0, self.n / self.expected) if self.expected else None

    @property
    def represented(self) -> float:
        """Share of the served records that those which came stand for, 0 to 1: what sampling left out is no loss."""
        return min(1.0, self.weight / self.expected) if self.expected else 1.0

    @property
    def is_uneven(self) -> bool:
        """Whether records stand for unequal numbers of served ones; drift tests count records (docs/decisions/0045)."""
        lightest, heaviest = self.weights
        return heaviest > lightest * _EQUAL

    def is_low(self, limit: float) -> bool:
        """Whether less than this share is represented, and by too much to be the chance of a random sample.

        Each record that is logged with probability p has the weight w = 1 / p; the sum of n weights then has the
        variance n w (w - 1) (Horvitz & Thompson 1952), which is nought where everything is logged.
        """
        if not self.expected:
            return False
        mean = self.weight / self.n
        by_chance = _SURELY * sqrt(self.n * mean * max(0.0, mean - 1.0))
        return self.represented < limit and self.expected - self.weight > by_chance


def coverage_of(said: Sequence[PaneStatement], counted: int) -> Coverage | None:
    """What the producers of a window, of which so many records were counted, say of all its panes; None: nothing."""
    if not said:
        return None
    weights = [weight for one in said for weight in one.weights]
    if counted > sum(one.n for one in said):
        weights.append(1.0)  # of records that state no weight
    return Coverage(
        n=sum(one.numbered for one in said),
        weight=sum(one.numbered_weight for one in said),
        expected=sum(one.expected for one in said),
        weights=(min(weights), max(weights)),
    )


def with_coverage(
    findings: Sequence[Finding], evaluation: Evaluation, said: Sequence[PaneStatement], limit: float | None
) -> list[Finding]:
    """The findings of a window with the share of the served records that came, and that of the check `coverage`.

    As they are where producers state nothing.
    """
    coverage = coverage_of(said, evaluation.mark)
    if coverage is None:
        return list(findings)
    check = Check(COVERAGE, RECORDS, ALL_TRAFFIC, Threshold(limit or 0.0, below=True), 0)
    result = TestResult(coverage.represented, None, coverage.expected, coverage.n) if coverage.expected else None
    verdict, reason = _judged(coverage, evaluation.mark, limit)
    e, evidence = evaluation, findings[0].evidence
    own = Finding(e.model, check, e.window, e.revision, verdict, reason, result, evidence, e.kind)
    return [replace(finding, served_share=coverage.share) for finding in (*findings, own)]


def _judged(coverage: Coverage, counted: int, limit: float | None) -> tuple[Verdict, str]:
    lightest, heaviest = coverage.weights
    uneven = f"; a record stands for {lightest:.4g} to {heaviest:.4g} served ones, and drift tests count it as one"
    told = uneven if coverage.is_uneven else ""
    if coverage.share is None:
        reason = f"how many of the served records came is not known: no producer numbers its own ({counted:,} came)"
        return Verdict.INSUFFICIENT_DATA, reason + told
    reason = f"{coverage.n:,} of {coverage.expected:,} served records came ({percent(coverage.share)})"
    if coverage.weight > coverage.n:
        reason += f", which by their weights stand for {percent(coverage.represented)}"
    if limit is not None and coverage.is_low(limit):
        return Verdict.LOW_COVERAGE, f"{reason}; low coverage is below {limit:.0%}{told}"
    return Verdict.OK, reason + told
