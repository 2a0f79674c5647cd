"""Conditions over the findings of one window, in three-valued logic: true, false, not enough data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Condition, Not, ShareDrifted

GROUND_TRUTH = "ground_truth"
"""The column name of checks on performance."""

ESTIMATE = "estimate"
"""The column name of checks on performance that is estimated before the truth comes."""

RECORDS = "records"
"""The column name of checks on how many records came."""

ALL_COLUMNS = "all_columns"
"""The column name of the check on the whole model."""

MODEL_DRIFT = "model_drift"
"""The check on the whole model, within its alarm budget."""

SILENCE, VOLUME, COVERAGE = "silence", "volume", "coverage"
"""Checks on how many records came: any at all, as many as usual, as many as were served."""

TRUTH_COVERAGE = "truth_coverage"
"""The check on how many predictions of a window have truth; judged with the metrics."""

STALENESS, LAG = "staleness", "lag"
"""Checks on how far behind they are read."""

_NO_COLUMN = {GROUND_TRUTH, ESTIMATE, RECORDS, ALL_COLUMNS}
_UNKNOWN = {Verdict.INSUFFICIENT_DATA, Verdict.FAILED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition says about one window.

    `holds` is None when the findings do not tell. `causes` are the findings that speak for the condition, the worst
    first; empty where none does.
    """

    holds: bool | None
    because: str
    causes: tuple[Finding, ...] = ()


def evaluate(condition: Condition, findings: Sequence[Finding], importances: Mapping[str, float]) -> Outcome:
    """Say whether the condition holds for the findings of one window of one model version.

    A finding without enough data, or of a test that failed, is no vote. A condition without any vote is unknown, and
    the unknown passes through `all`, `any` and `not` as Kleene's logic has it. `importances` weigh columns (any
    non-negative unit); a column without one weighs nothing, and without any all columns weigh the same.
    """
    match condition:
        case ShareDrifted():
            return _share_drifted(condition, findings, importances)
        case CheckIsBad():
            return _check_is_bad(condition, findings, importances)
        case AllOf(parts):
            return _all_of([evaluate(part, findings, importances) for part in parts])
        case AnyOf(parts):
            return _any_of([evaluate(part, findings, importances) for part in parts])
        case Not(part):
            inner = evaluate(part, findings, importances)
            return Outcome(None if inner.holds is None else not inner.holds, f"not ({inner.because})")


def watches_performance(condition: Condition, metric_names: frozenset[str]) -> bool:
    """Whether a part of the condition asks for a finding on performance, which comes only with ground truth."""
    match condition:
        case CheckIsBad(test=test, column=column):
            return column == GROUND_TRUTH or test in metric_names
        case AllOf(parts) | AnyOf(parts):
            return any(watches_performance(part, metric_names) for part in parts)
        case Not(part):
            return watches_performance(part, metric_names)
        case _:
            return False


def watches_stream(condition: Condition) -> bool:
    """Whether a part of the condition asks whether the stream is being read, which is judged by the clock."""
    match condition:
        case CheckIsBad(test=test):
            return test in {STALENESS, LAG}
        case AllOf(parts) | AnyOf(parts):
            return any(map(watches_stream, parts))
        case Not(part):
            return watches_stream(part)
        case _:
            return False


def _share_drifted(condition: ShareDrifted, findings: Sequence[Finding], importances: Mapping[str, float]) -> Outcome:
    matching = [f for f in findings if _counts_for_share(f, condition.test)]
    judged = {f.check.column for f in matching if f.verdict not in _UNKNOWN}
    if not judged:
        return Outcome(holds=None, because=_nothing_judged(matching, "column"))
    bad = [f for f in matching if f.verdict.is_bad]
    bad_columns = {f.check.column for f in bad}
    weight = _weight(importances if condition.weighted else {}, judged)
    total = sum(map(weight, judged))
    share = sum(map(weight, bad_columns)) / total
    by = f" by {condition.test}" if condition.test else ""
    weighed = " by importance" if condition.weighted and importances else ""
    because = f"{len(bad_columns)} of {len(judged)} columns drifted{by}, {share:.0%}{weighed}"
    because += f" (limit {condition.above:.0%})"
    return Outcome(share > condition.above, because, _ranked(bad, importances))


def _counts_for_share(finding: Finding, test: str | None) -> bool:
    check = finding.check
    return (
        finding.kind is EvaluationKind.DRIFT
        and check.segment == ALL_TRAFFIC
        and check.column not in _NO_COLUMN
        and (test is None or check.test == test)
    )


def _weight(importances: Mapping[str, float], columns: Iterable[str]) -> Callable[[str], float]:
    if sum(importances.get(column, 0.0) for column in columns) > 0:
        return lambda column: importances.get(column, 0.0)
    return lambda _column: 1.0


def _check_is_bad(condition: CheckIsBad, findings: Sequence[Finding], importances: Mapping[str, float]) -> Outcome:
    matching = [f for f in findings if _matches(condition, f)]
    votes = [f for f in matching if f.verdict not in _UNKNOWN]
    if not votes:
        return Outcome(holds=None, because=_nothing_judged(matching, "check"))
    bad = _ranked(
        [f for f in votes if f.verdict.is_bad or (condition.warning and f.verdict is Verdict.WARNING)], importances
    )
    if not bad:
        return Outcome(holds=False, because=f"{_checks(len(votes))} within limits")
    rest = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    return Outcome(holds=True, because=f"{bad[0].check.name} {bad[0].verdict}{rest}", causes=bad)


def _matches(condition: CheckIsBad, finding: Finding) -> bool:
    check = finding.check
    if condition.test is None and condition.column is None and finding.kind is not EvaluationKind.DRIFT:
        return False  # truth comes windows later: a rule on performance names its metric or the column ground_truth
    return (
        condition.test in {None, check.test}
        and condition.column in {None, check.column}
        and condition.segment in {None, check.segment}
    )


def _all_of(parts: Sequence[Outcome]) -> Outcome:
    against = [part for part in parts if part.holds is False]
    if against:
        return Outcome(holds=False, because=_join(against, " and "))
    unknown = [part for part in parts if part.holds is None]
    if unknown:
        return Outcome(holds=None, because=_join(unknown, " and "))
    return Outcome(holds=True, because=_join(parts, " and "), causes=_merged(parts))


def _any_of(parts: Sequence[Outcome]) -> Outcome:
    for_it = [part for part in parts if part.holds]
    if for_it:
        return Outcome(holds=True, because=_join(for_it, "; "), causes=_merged(for_it))
    unknown = [part for part in parts if part.holds is None]
    if unknown:
        return Outcome(holds=None, because=_join(unknown, " and "))
    return Outcome(holds=False, because=_join(parts, " and "))


def _join(parts: Sequence[Outcome], word: str) -> str:
    return word.join(part.because for part in parts)


def _merged(parts: Sequence[Outcome]) -> tuple[Finding, ...]:
    seen = {finding.id: finding for part in parts for finding in part.causes}
    return tuple(seen.values())


def _ranked(findings: Iterable[Finding], importances: Mapping[str, float]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (-_badness(f, importances), f.check.name)))


def _badness(finding: Finding, importances: Mapping[str, float]) -> float:
    """How many times over its limit the statistic is, weighed by the column's importance; only for ranking."""
    weight = 1.0 + importances.get(finding.check.column, 0.0)
    if finding.result is None:
        return weight
    statistic, limit = abs(finding.result.statistic), abs(finding.check.threshold.drifted)
    if finding.check.threshold.below:
        statistic, limit = limit, statistic
    return weight * (statistic / limit if limit > 0 else 1.0 + statistic)


def _nothing_judged(matching: Sequence[Finding], noun: str) -> str:
    return f"none of {len(matching)} findings had enough data" if matching else f"no {noun} was judged"


def _checks(count: int) -> str:
    return "the check is" if count == 1 else f"all {count} checks are"
