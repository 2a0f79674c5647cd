"""One verdict on all columns by one test: the worst of them, in its place among so many."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import SAYS

NAMED = 5
"""So many columns are named in the sentence; the detail has all of them."""


def over_columns(results: Mapping[str, TestResult], threshold: Threshold, least: int) -> TestResult:
    """The result of the worst column, its p-value times the number of columns that could be judged (Bonferroni 1936).

    A column is judged when it has values in the baseline and as many records in the window as the check asks for. The
    worst is that which is furthest among those that are significant. `columns` in the detail are all that reach the
    limit, or the warning where none does.
    """
    judged = {name: one for name, one in results.items() if one.n_baseline and one.n_current >= max(1, least)}
    if not judged:
        return max(results.values(), key=lambda one: (min(1, one.n_baseline), one.n_current))
    many = len(judged)
    adjusted = {
        name: one if one.p_value is None else replace(one, p_value=min(1.0, many * one.p_value))
        for name, one in judged.items()
    }
    ranked = sorted(adjusted, key=lambda name: (-_badness(adjusted[name], threshold), name))
    worst = ranked[0]
    rank = _rank(adjusted[worst], threshold)
    bad = [name for name in ranked if _rank(adjusted[name], threshold) == rank] if rank else []
    detail = {"column": worst, "columns": bad, "of": many, "worst": dict(adjusted[worst].detail)}
    if bad:
        rest = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        detail[SAYS] = "; ".join(_words(name, adjusted[name]) for name in bad[:NAMED]) + rest
    return replace(adjusted[worst], detail=detail)


def _badness(result: TestResult, threshold: Threshold) -> float:
    return _rank(result, threshold) * 1e300 + min(abs(result.statistic), 1e299)


def _rank(result: TestResult, threshold: Threshold) -> int:
    """2 where the limit is reached, 1 for the warning, otherwise 0."""
    if threshold.alpha is not None and result.p_value is not None and result.p_value > threshold.alpha:
        return 0
    if result.statistic >= threshold.drifted:
        return 2
    return int(threshold.warning is not None and result.statistic >= threshold.warning)


def _words(name: str, result: TestResult) -> str:
    says = result.detail.get(SAYS)
    return f"{name} {says}" if says else f"{name} ({result.statistic:.4g})"
