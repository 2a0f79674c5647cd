"""The outcomes of a segment's drift checks: the columns of a test together, each judged by its own check."""

from collections.abc import Sequence

from monitor.domain.checks import Check
from monitor.domain.errors import BaselineError
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import DriftTest, run_columns
from monitor.stats.judgement import judge
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.model_checks import BoundChecks, TestedColumns

Outcome = tuple[Check, Verdict, str, TestResult | None]
"""A check with what it says: verdict, reason, result."""


def run_checks(bound: BoundChecks, segment: str, baseline: Baseline, current: ModelProfile | None) -> list[Outcome]:
    """The outcomes in the order of the checks; whatever breaks in a test is the failed verdict of its checks alone."""
    if current is None:
        return without_data(bound, "no records of the segment")
    try:
        reference = baseline.profile(segment)
    except BaselineError as error:
        return [_failed(check, error) for check in bound.checks]
    return run_on(bound, reference, current)


def without_data(bound: BoundChecks, why: str) -> list[Outcome]:
    """What checks say that have nothing to compare."""
    return [(check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None) for check in bound.checks]


def run_on(bound: BoundChecks, reference: ModelProfile, current: ModelProfile) -> list[Outcome]:
    """The outcomes of checks that compare these two profiles, which lie on the same bins."""
    checks = bound.checks
    outcomes: dict[int, Outcome] = {}
    for columns in bound.by_test:
        those = [checks[k] for k in columns.positions]
        outcomes.update(zip(columns.positions, _of_test(columns, those, reference, current), strict=True))
    return [outcomes[k] for k in range(len(checks))]


def _of_test(
    columns: TestedColumns, checks: Sequence[Check], baseline: ModelProfile, current: ModelProfile
) -> list[Outcome]:
    try:
        results = run_columns(columns.test, baseline, current, columns.names)
        return [(check, *judge(check, result), result) for check, result in zip(checks, results, strict=True)]
    except Exception:  # noqa: BLE001 - tests are plug-ins; which column it was is found out one by one
        return [_alone(columns.test, check, baseline, current) for check in checks]


def _alone(test: DriftTest, check: Check, baseline: ModelProfile, current: ModelProfile) -> Outcome:
    try:
        result = test.run(baseline.columns[check.column], current.columns[check.column])
    except Exception as error:  # noqa: BLE001 - one that breaks must not take the others along
        return _failed(check, error)
    return check, *judge(check, result), result


def _failed(check: Check, error: Exception) -> Outcome:
    return check, Verdict.FAILED, f"{check.name} failed: {type(error).__name__}: {error}", None
