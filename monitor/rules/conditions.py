"""Conditions over the findings of one window, in three-valued logic: true, false, not enough data."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from monitor.domain.checks import ALL_COLUMNS as ALL_COLUMNS  # noqa: PLC0414 - people look for it here too
from monitor.domain.checks import RECORDS as RECORDS  # noqa: PLC0414 - as above
from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.rules import (
    AllOf,
    AnyOf,
    CheckIsBad,
    Condition,
    Dropped,
    FewLabels,
    Fires,
    Measured,
    Not,
    Severity,
    ShareDrifted,
    Trending,
    Unknown,
)
from monitor.rules import comparing, measuring
from monitor.rules.outcome import Around, Outcome, ranked
from monitor.stats.fairness import FAIRNESS_MEASURES

GROUND_TRUTH = "ground_truth"
"""The column name of checks on performance."""

ESTIMATE = "estimate"
"""The column name of checks on performance that is estimated before the truth comes."""

MODEL_DRIFT = "model_drift"
"""The check on the whole model, within its alarm budget."""

BASELINE_AGE = "baseline_age"
"""The check of how old the data is that windows are compared with."""

SILENCE, VOLUME, COVERAGE = "silence", "volume", "coverage"
"""Checks on how many records came: any at all, as many as usual, as many as were served."""

TRUTH_COVERAGE = "truth_coverage"
"""The check on how many predictions of a window have truth; judged with the metrics."""

STALENESS, LAG = "staleness", "lag"
"""Checks on how far behind they are read."""

_NO_COLUMN = {GROUND_TRUTH, ESTIMATE, RECORDS, ALL_COLUMNS}
NOTHING_AROUND = Around()


def evaluate(
    condition: Condition,
    findings: Sequence[Finding],
    importances: Mapping[str, float],
    around: Around = NOTHING_AROUND,
    *,
    firing: bool = False,
) -> Outcome:
    """Say whether the condition holds for the findings of one window of one model version.

    A finding without enough data, or of a test that failed, is no vote (unless the condition asks for failed ones). A
    condition without any vote is unknown, and
    the unknown passes through `all`, `any` and `not` as Kleene's logic has it; only what has no finding at all, for
    nobody checks it, is no part of an `any` that has others. `importances` weigh columns (any
    non-negative unit); a column without one weighs nothing, and without any all columns weigh the same. While the rule
    is `firing`, limits that have another value for the end use that. `around` is what else was seen.
    """

    def of(part: Condition) -> Outcome:
        return evaluate(part, findings, importances, around, firing=firing)

    match condition:
        case AllOf(parts):
            return _all_of([of(part) for part in parts])
        case AnyOf(parts):
            return _any_of([of(part) for part in parts])
        case Not(part):
            inner = of(part)
            holds = None if inner.holds is None else not inner.holds
            return Outcome(holds, f"not ({inner.because})", parts=(inner,))
        case Unknown(part):
            inner = of(part)
            return Outcome(inner.holds is None, f"no data: {inner.because}", parts=(inner,))
        case Fires(rule):
            return _fires(rule, around)
        case _:
            return _leaf(condition, findings, importances, around, firing=firing)


_Judging = ShareDrifted | CheckIsBad | Measured | FewLabels | Dropped | Trending


def _leaf(
    leaf: _Judging, findings: Sequence[Finding], importances: Mapping[str, float], around: Around, *, firing: bool
) -> Outcome:
    match leaf:
        case ShareDrifted():
            return _share_drifted(leaf, findings, importances, firing=firing)
        case CheckIsBad():
            return _check_is_bad(leaf, findings, importances)
        case Measured():
            return measuring.measured(leaf, findings, importances, firing=firing)
        case FewLabels():
            return measuring.few_labels(leaf, findings, firing=firing)
        case Dropped():
            return comparing.dropped(leaf, findings, around, firing=firing)
        case Trending():
            return comparing.trending(leaf, findings, around, firing=firing)


def severity_of(escalations: Sequence[tuple[Severity, Outcome]], base: Severity) -> tuple[Severity, Outcome | None]:
    """The highest severity whose condition holds, with what it rests on; the rule's own when none does."""
    holding = [(severity, outcome) for severity, outcome in escalations if outcome.holds]
    ranks = list(Severity)
    return max(holding, key=lambda one: ranks.index(one[0]), default=(base, None))


def _share_drifted(
    condition: ShareDrifted, findings: Sequence[Finding], importances: Mapping[str, float], *, firing: bool
) -> Outcome:
    matching = [f for f in findings if _counts_for_share(f, condition)]
    judged = {f.check.column for f in matching if f.verdict.is_known}
    if not judged:
        return Outcome(holds=None, because=_nothing_judged(matching, "column"), looked_at=tuple(matching))
    bad = [f for f in matching if f.verdict.is_bad]
    bad_columns = {f.check.column for f in bad}
    weight = _weight(importances if condition.weighted else {}, judged)
    total = sum(map(weight, judged))
    share = sum(map(weight, bad_columns)) / total
    by = f" by {condition.test}" if condition.test else ""
    weighed = " by importance" if condition.weighted and importances else ""
    because = f"{len(bad_columns)} of {len(judged)} columns drifted{by}, {share:.0%}{weighed}"
    limit = condition.clear_below if firing and condition.clear_below is not None else condition.above
    because += f" (limit {limit:.0%})"
    return Outcome(share > limit, because, ranked(bad, importances), looked_at=tuple(matching))


def _counts_for_share(finding: Finding, condition: ShareDrifted) -> bool:
    check = finding.check
    return (
        finding.kind is EvaluationKind.DRIFT
        and check.segment == condition.segment
        and check.column not in _NO_COLUMN
        and (condition.test or check.test not in FAIRNESS_MEASURES)
        and condition.test in {None, check.test}
    )


def _weight(importances: Mapping[str, float], columns: Iterable[str]) -> Callable[[str], float]:
    if sum(importances.get(column, 0.0) for column in columns) > 0:
        return lambda column: importances.get(column, 0.0)
    return lambda _column: 1.0


def _check_is_bad(condition: CheckIsBad, findings: Sequence[Finding], importances: Mapping[str, float]) -> Outcome:
    matching = [f for f in findings if _matches(condition, f)]
    votes = [f for f in matching if f.verdict.is_known or _is_bad(condition, f)]
    if not votes:
        because = _nothing_judged(matching, f"check{_of(condition)}")
        return Outcome(holds=None, because=because, looked_at=tuple(matching))
    bad = ranked([f for f in votes if _is_bad(condition, f)], importances)
    if not bad:
        because = f"{_checks(votes, condition)} within limits{_doubted(votes, condition)}"
        return Outcome(holds=False, because=because, looked_at=tuple(matching))
    rest = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    return Outcome(
        holds=True, because=f"{bad[0].check.name} {bad[0].verdict}{rest}", causes=bad, looked_at=tuple(matching)
    )


def _is_bad(condition: CheckIsBad, finding: Finding) -> bool:
    verdict = finding.verdict
    if verdict is Verdict.FAILED:
        return condition.failed
    return (verdict.is_bad or (condition.warning and verdict is Verdict.WARNING)) and _is_sure(condition, finding)


def _doubted(votes: Sequence[Finding], condition: CheckIsBad) -> str:
    """Which are bad, and might be so by chance."""
    bad = [finding.check.name for finding in votes if finding.verdict.is_bad and not _is_sure(condition, finding)]
    return (
        f" but {bad[0]}{f' and {len(bad) - 1} more' if bad[1:] else ''}, with p > {condition.p_at_most:g}"
        if bad
        else ""
    )


def _is_sure(condition: CheckIsBad, finding: Finding) -> bool:
    p_value = None if finding.result is None else finding.result.p_value
    return condition.p_at_most is None or p_value is None or p_value <= condition.p_at_most


def _matches(condition: CheckIsBad, finding: Finding) -> bool:
    check = finding.check
    if condition.test is None and condition.column is None and finding.kind is not EvaluationKind.DRIFT:
        return False  # truth comes windows later: a rule on performance names its metric or the column ground_truth
    return (
        condition.test in {None, check.test}
        and condition.column in {None, check.column}
        and condition.segment in {None, check.segment}
    )


def _fires(rule: str, around: Around) -> Outcome:
    if rule not in around.firing:
        return Outcome(holds=None, because=f"rule {rule} was not folded yet")
    fires = around.firing[rule]
    return Outcome(fires, f"rule {rule} fires" if fires else f"rule {rule} does not fire")


def _all_of(parts: Sequence[Outcome]) -> Outcome:
    against = [part for part in parts if part.holds is False]
    if against:
        return Outcome(holds=False, because=_join(against, " and "), parts=tuple(parts))
    unknown = [part for part in parts if part.holds is None]
    if unknown:
        return Outcome(holds=None, because=_join(unknown, " and "), parts=tuple(parts))
    return Outcome(holds=True, because=_join(parts, " and "), causes=_merged(parts), parts=tuple(parts))


def _any_of(parts: Sequence[Outcome]) -> Outcome:
    for_it = [part for part in parts if part.holds]
    if for_it:
        return Outcome(holds=True, because=_join(for_it, "; "), causes=_merged(for_it), parts=tuple(parts))
    asked = [part for part in parts if not part.is_absent] or parts
    unknown = [part for part in asked if part.holds is None]
    if unknown:
        return Outcome(holds=None, because=_join(unknown, " and "), parts=tuple(parts))
    return Outcome(holds=False, because=_join(asked, " and "), parts=tuple(parts))


def _join(parts: Sequence[Outcome], word: str) -> str:
    return word.join(part.because for part in parts)


def _merged(parts: Sequence[Outcome]) -> tuple[Finding, ...]:
    seen = {finding.id: finding for part in parts for finding in part.causes}
    return tuple(seen.values())


def _nothing_judged(matching: Sequence[Finding], noun: str) -> str:
    return f"none of {len(matching)} findings had enough data" if matching else f"no {noun} was judged"


def _checks(votes: Sequence[Finding], condition: CheckIsBad) -> str:
    return f"{votes[0].check.name} is" if len(votes) == 1 else f"all {len(votes)} checks{_of(condition)} are"


def _of(condition: CheckIsBad) -> str:
    """What narrows the condition, in words."""
    asked = " and ".join(name for name in (condition.test, condition.column) if name)
    where = f" [{condition.segment}]" if condition.segment else ""
    return f" of {asked}{where}" if asked else where
