"""The outcomes of a segment's drift checks: the columns of a test together, each judged by its own check."""

from collections.abc import Callable, Mapping, Sequence

from monitor.domain.checks import RECORDS, Check
from monitor.domain.errors import BaselineError, StoreUnavailable
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import LACKS, DriftTest, run_columns
from monitor.stats.judgement import judge, judge_columns
from monitor.stats.over_columns import over_columns
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.row_test import JointRows, RowTest
from monitor.stats.window_test import WindowData, WindowTest
from monitor.usecases.model_checks import BoundChecks, TestedColumns
from monitor.usecases.tested_ahead import Results

Outcome = tuple[Check, Verdict, str, TestResult | None]
"""A check with what it says: verdict, reason, result."""

ReadRows = Callable[[], JointRows | str]
"""The raw rows of both sides, read when they are asked for; or why they cannot be had."""

_NAMED = 3


def _no_rows() -> JointRows | str:
    return "raw rows are not at hand here"


def run_checks(  # noqa: PLR0917 - two sides, how to get at their rows, and what is known already
    bound: BoundChecks,
    segment: str,
    baseline: Baseline,
    current: WindowData | None,
    read_rows: ReadRows = _no_rows,
    results: Results | None = None,
) -> list[Outcome]:
    """The outcomes in the order of the checks; whatever breaks in a test is the failed verdict of its checks alone.

    `results` are those of tests that are known already.
    """
    if current is None:
        return without_data(bound, "no records of the segment")
    try:
        reference = baseline.profile(segment)
    except BaselineError as error:
        return [_failed(check, error) for check in bound.checks]
    known = {place: said for (about, place), said in (results or {}).items() if about == segment}
    return run_on(bound, reference, current, read_rows, known)


def without_data(bound: BoundChecks, why: str) -> list[Outcome]:
    """What checks say that have nothing to compare."""
    return [(check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None) for check in bound.checks]


def run_on(
    bound: BoundChecks,
    reference: ModelProfile,
    current: WindowData,
    read_rows: ReadRows = _no_rows,
    known: Mapping[int, Sequence[TestResult]] | None = None,
) -> list[Outcome]:
    """The outcomes of checks that compare a window with a profile that lies on the same bins.

    `known` are results, by the place of their test, that have been computed already.
    """
    checks, known = bound.checks, known or {}
    outcomes: dict[int, Outcome] = {}
    for place, columns in enumerate(bound.by_test):
        said = _of_test(columns, reference, current.profile, known.get(place))
        outcomes.update(zip(columns.positions, said, strict=True))
    for columns in bound.over_columns:
        (k,) = columns.positions
        outcomes[k] = _over_columns(columns, reference, current.profile)
    for test, k in bound.of_window:
        outcomes[k] = _of_window(test, checks[k], reference, current)
    if bound.of_rows:
        outcomes.update(_of_rows(bound, read_rows))
    return [outcomes[k] for k in range(len(checks))]


def _of_test(
    columns: TestedColumns, baseline: ModelProfile, current: ModelProfile, known: Sequence[TestResult] | None
) -> list[Outcome]:
    checks = columns.checks
    try:
        results = run_columns(columns.test, baseline, current, columns.names) if known is None else known
        said = judge_columns(columns.check_names, checks, results)
        return [
            (check, verdict, reason, result)
            for check, (verdict, reason), result in zip(checks, said, results, strict=True)
        ]
    except Exception:  # noqa: BLE001 - tests are plug-ins; which column it was is found out one by one
        return [_alone(columns.test, check, baseline, current) for check in checks]


def _alone(test: DriftTest, check: Check, baseline: ModelProfile, current: ModelProfile) -> Outcome:
    try:
        result = test.run(baseline.columns[check.column], current.columns[check.column])
        return check, *judge(check, result), result
    except Exception as error:  # noqa: BLE001 - one that breaks must not take the others along
        return _failed(check, error)


def _over_columns(columns: TestedColumns, baseline: ModelProfile, current: ModelProfile) -> Outcome:
    """What the columns that can be computed say, if that is bad; else those that cannot be are what is to be told."""
    (check,) = columns.checks
    try:
        results = dict(zip(columns.names, run_columns(columns.test, baseline, current, columns.names), strict=True))
        broken: dict[str, str] = {}
    except Exception:  # noqa: BLE001 - as above
        results, broken = _one_by_one(columns, baseline, current)
    try:
        result = over_columns(results, check.threshold, check.min_records) if results else None
        verdict, reason = (Verdict.FAILED, check.name) if result is None else judge(check, result)
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(check, error)
    if not broken:
        return check, verdict, reason, result
    named = ", ".join(f"{name} ({why})" for name, why in list(broken.items())[:_NAMED])
    reason = f"{reason}; {len(broken)} of {len(columns.names)} columns could not be computed: {named}"
    return check, verdict if verdict.is_bad else Verdict.FAILED, reason, result


def _one_by_one(
    columns: TestedColumns, baseline: ModelProfile, current: ModelProfile
) -> tuple[dict[str, TestResult], dict[str, str]]:
    results: dict[str, TestResult] = {}
    broken: dict[str, str] = {}
    for name in columns.names:
        try:
            results[name] = columns.test.run(baseline.columns[name], current.columns[name])
        except Exception as error:  # noqa: BLE001 - as above
            broken[name] = f"{type(error).__name__}: {error}"
    return results, broken


def _of_window(test: WindowTest, check: Check, baseline: ModelProfile, current: WindowData) -> Outcome:
    try:
        result = test.run_window(baseline, current)
        return check, *judge(check, result), result
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(check, error)


def _of_rows(bound: BoundChecks, read_rows: ReadRows) -> dict[int, Outcome]:
    """The rows are read once for all of them."""
    checks = bound.checks
    try:
        rows = read_rows()
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the rows must not harm checks of profiles
        return {k: _failed(checks[k], error) for _, k in bound.of_rows}
    if isinstance(rows, str):
        return {k: (checks[k], Verdict.INSUFFICIENT_DATA, f"{checks[k].name}: {rows}", None) for _, k in bound.of_rows}
    return {k: _of_row_test(test, checks[k], rows) for test, k in bound.of_rows}


def _of_row_test(test: RowTest, check: Check, rows: JointRows) -> Outcome:
    try:
        result = _run_rows(test, check.column, rows)
        return check, *judge(check, result), result
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(check, error)


def _run_rows(test: RowTest, column: str, rows: JointRows) -> TestResult:
    """Of whole rows, or of what was made of one vector or text."""
    if column == RECORDS:
        return test.run_rows(rows)
    made = rows.of(column)
    for side, kept in (("baseline", made.reference), ("window", made.current)):
        if not kept.columns:
            why = f"the rows of the {side} hold no column {column}.*"
            return TestResult(test.minimum, None, len(rows.reference), len(rows.current), detail={LACKS: why})
    return test.run_rows(made)


def _failed(check: Check, error: Exception) -> Outcome:
    return check, Verdict.FAILED, f"{check.name} failed: {type(error).__name__}: {error}", None
