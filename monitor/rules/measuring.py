"""Conditions on one number of one window: a statistic against a limit of one's own, the coverage of labels."""

from collections.abc import Mapping, Sequence

from monitor.domain.findings import EvaluationKind, Finding, TestResult
from monitor.domain.rules import Direction, FewLabels, Limit, Measured, Trending
from monitor.rules.outcome import Outcome, ranked
from monitor.rules.units import value_words

SHIFT = "shift"
"""In a result's detail: how far the mean moved, up positive. What `direction` asks for."""


def measured(
    condition: Measured, findings: Sequence[Finding], importances: Mapping[str, float], *, firing: bool
) -> Outcome:
    """Whether a matching statistic crosses the limit; unknown where no finding has one."""
    matching = [f for f in findings if matches(condition, f)]
    votes = [(f, f.result) for f in matching if f.result is not None and _tells(f, condition)]
    if not votes:
        said = f"none of {len(matching)} findings of {condition.test} had enough data" if matching else "not judged"
        return Outcome(None, said if matching else f"{condition.test} was not judged", looked_at=tuple(matching))
    over = [f for f, result in votes if _is_over(condition, result, firing=firing)]
    causes = ranked(over, importances)
    shown = causes[0] if causes else _nearest(condition.limit, votes)
    rest = f" and {len(over) - 1} more" if len(over) > 1 else ""
    because = _words(condition, shown, firing=firing) + rest
    return Outcome(bool(over), because, causes, tuple(matching))


def few_labels(condition: FewLabels, findings: Sequence[Finding], *, firing: bool) -> Outcome:
    """Whether truth is known for too few predictions; unknown where the window has none of it."""
    known = [f for f in findings if f.kind is EvaluationKind.PERFORMANCE and f.coverage is not None]
    if not known:
        return Outcome(None, "no share of labels is known")
    worst = min(known, key=lambda f: f.coverage or 0.0)
    share = worst.coverage or 0.0
    holds = condition.limit.is_crossed(share, firing=firing)
    because = f"{share:.1%} of the predictions have ground truth (limit {limit_in_force(condition.limit, firing):.1%})"
    return Outcome(holds, because, (worst,) if holds else (), (worst,))


def matches(condition: Measured | Trending, finding: Finding) -> bool:
    """Whether the finding is of the condition's test, column and segment."""
    check = finding.check
    return (
        check.test == condition.test
        and condition.column in {None, check.column}
        and condition.segment in {None, check.segment}
    )


def limit_in_force(limit: Limit, firing: bool) -> float:  # noqa: FBT001 - a state, not an option
    """The limit that counts now."""
    return limit.clear if firing and limit.clear is not None else limit.at


def _tells(finding: Finding, condition: Measured) -> bool:
    if not finding.verdict.is_known or finding.result is None:
        return False
    return condition.direction is None or SHIFT in finding.result.detail


def _is_over(condition: Measured, result: TestResult, *, firing: bool) -> bool:
    if not condition.limit.is_crossed(result.statistic, firing=firing):
        return False
    return condition.direction is None or _moved(result) is condition.direction


def _moved(result: TestResult) -> Direction | None:
    shift = result.detail.get(SHIFT)
    if not isinstance(shift, int | float) or shift == 0:
        return None
    return Direction.UP if shift > 0 else Direction.DOWN


def _nearest(limit: Limit, votes: Sequence[tuple[Finding, TestResult]]) -> Finding:
    """The finding that is nearest to crossing, where none does."""
    sign = 1 if limit.below else -1
    return min(votes, key=lambda vote: (sign * vote[1].statistic, vote[0].check.name))[0]


def _words(condition: Measured, finding: Finding, *, firing: bool) -> str:
    limit = condition.limit
    side = "low" if limit.below else "high"
    text = f"{value_words(finding)} ({side} limit {limit_in_force(limit, firing):.4g}"
    moved = _moved(finding.result) if condition.direction is not None and finding.result else None
    return text + (f", moved {moved})" if moved else ")")
