"""Compare two tables: the first as the baseline, the second as one window, by the checks that a new model has."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from monitor.domain.checks import ALL_COLUMNS, RECORDS, Check
from monitor.domain.errors import BaselineError
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.progress import Progress
from monitor.domain.rules import Chart
from monitor.rules.charts import drift_chart
from monitor.stats.attribution.attribution import Attribution, attribute
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proposals import AnyTest, propose_checks, propose_row_checks
from monitor.stats.row_test import DRAWN_FROM, JointRows, RawRows
from monitor.stats.window_test import WindowData
from monitor.usecases.model_checks import with_tests
from monitor.usecases.outcomes import Outcome as CheckOutcome
from monitor.usecases.outcomes import run_checks
from monitor.usecases.reference import Reference, read_reference
from monitor.usecases.table_pairs import Pairs
from monitor.usecases.table_reader import Seen, TableReader
from monitor.usecases.table_whole import whole_table
from monitor.usecases.table_window import TableWindow, read_window
from monitor.usecases.training_columns import TrainingOptions

KNOWN = "known_column"
"""Stands where a test's name does for columns that cannot be compared."""

_BY_IDS = "duplicates"
"""Needs the ids of records, which a table need not have."""

_GRAVEST_FIRST = (Verdict.DRIFTED, Verdict.WARNING, Verdict.FAILED, Verdict.OK, Verdict.INSUFFICIENT_DATA)


class Outcome(IntEnum):
    """What a comparison came to, as an exit code: 1 and 2 are those of a crash and of a mistake."""

    NO_DRIFT = 0
    DRIFT = 3
    INCOMPLETE = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """One check of one column; `result` is None when nothing could be computed.

    `limit` is what the statistic of a drifted one reaches, None where there is none.
    """

    column: str
    test: str
    verdict: Verdict
    reason: str
    result: TestResult | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All checks of two tables, numbers of rows, and what is worth knowing about the columns.

    `charts` shows, by name, where the values of the compared columns lay and where they lie. `reference` and `current`
    are what the tables are called. `attribution` tells which columns and values carry the drift, and how much of it.
    """

    checks: tuple[Compared, ...]
    rows_reference: int
    rows_current: int
    notes: tuple[str, ...]
    charts: Mapping[str, Chart] = field(default_factory=dict)
    reference: str = "the reference"
    current: str = "the table"
    attribution: Attribution | None = None

    @property
    def outcome(self) -> Outcome:
        """Drift before anything else; otherwise incomplete if one check has no answer."""
        verdicts = {check.verdict for check in self.checks}
        if any(verdict.is_bad for verdict in verdicts):
            return Outcome.DRIFT
        unanswered = verdicts & {Verdict.INSUFFICIENT_DATA, Verdict.FAILED}
        return Outcome.INCOMPLETE if unanswered or not verdicts else Outcome.NO_DRIFT

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """One verdict a column, the gravest first: one that could be told goes before one that could not.

        Checks of all columns together are not among them.
        """
        by_column: dict[str, set[Verdict]] = {}
        for check in self.checks:
            if check.column not in {ALL_COLUMNS, RECORDS}:
                by_column.setdefault(check.column, set()).add(check.verdict)
        gravest = {name: min(found, key=_GRAVEST_FIRST.index) for name, found in by_column.items()}
        return dict(sorted(gravest.items(), key=lambda item: (_GRAVEST_FIRST.index(item[1]), item[0])))


def compare(
    reference: TableReader,
    current: TableReader,
    tests: Mapping[str, AnyTest],
    options: TrainingOptions,
    *,
    min_records: int,
    progress: Progress,
    multivariate: bool = False,
    columns_only: bool = False,
) -> Comparison:
    """Build a baseline from `reference` and judge `current` as its window; BaselineError when one cannot be read.

    `multivariate` has the tests of raw rows run, too; `columns_only` leaves out the check of all columns together.
    """
    with progress.task("reference", _to_read(reference)) as task:
        read = read_reference(reference, options, task.advance, tests_rows=multivariate)
    with progress.task("current", _to_read(current)) as task:
        return compare_with(read, current, tests, min_records, task.advance, columns_only=columns_only)


def _to_read(table: TableReader) -> int | None:
    """Rows of all passes; None when unknown."""
    return None if table.rows is None else table.rows * len(table.column_groups())


def compare_with(
    reference: Reference,
    current: TableReader,
    tests: Mapping[str, AnyTest],
    min_records: int,
    seen: Seen,
    *,
    columns_only: bool = False,
) -> Comparison:
    """Judge a table as the window of a reference, in one pass. A bad column has a verdict of its own, and no crash.

    Where the reference asks for them, the tests of raw rows run, too.
    """
    current.read_as_text(reference.texts)
    window = read_window(reference, current, seen)
    if not window.rows:
        raise BaselineError(f"{current.name} holds no row: check the path, or the query and its filter")
    window.require_excluded()
    uncompared = window.uncompared()
    baseline, profile = _comparable(reference.baseline, window.profile(), uncompared)
    proposed = propose_checks(baseline, tests, min_records)
    checks = [check for check in proposed if check.test != _BY_IDS]
    rows = _kept(reference, window, uncompared)
    least = min(min_records, len(rows.current)) if profile.n >= min_records else min_records
    if reference.tests_rows:
        checks += propose_row_checks(tests, least, reference.vectors)
    found, unseen = _without_unseen(_judged(checks, tests, baseline, profile, rows))
    pairs = Pairs.of(rows.reference, rows.current, baseline.layouts)
    found += [] if pairs is None else _compared(pairs.outcomes(baseline, tests, least))
    whole = None if columns_only else whole_table(baseline, profile, min_records)
    found += [] if whole is None else _compared([whole])
    found += [_refused(name, why) for name, why in sorted(uncompared.items())]
    charts = _charts(baseline, profile, {check.column for check in checks})
    notes = tuple(dict.fromkeys((*reference.notes, *window.notes(), *unseen)))
    parts = attribute(baseline.whole, profile, min_records)
    return Comparison(tuple(found), baseline.rows, profile.n, notes, charts, baseline.source, current.name, parts)


def _comparable(baseline: Baseline, window: ModelProfile, uncompared: Collection[str]) -> tuple[Baseline, ModelProfile]:
    """Both without columns that only the reference can compare: no check may take them for lost, or missing."""
    unclear = baseline.layouts.keys() & uncompared
    if not unclear:
        return baseline, window
    return replace(baseline, whole=baseline.whole.without(unclear)), window.without(unclear)


def _judged(
    checks: list[Check],
    tests: Mapping[str, AnyTest],
    baseline: Baseline,
    window: ModelProfile,
    rows: JointRows,
) -> list[Compared]:
    bound = with_tests(checks, tests, baseline)
    return _compared(run_checks(bound, ALL_TRAFFIC, baseline, WindowData(window), lambda: rows))


def _compared(outcomes: Iterable[CheckOutcome]) -> list[Compared]:
    return [
        Compared(check.column, check.test, verdict, why, result, check.threshold.drifted)
        for check, verdict, why, result in outcomes
    ]


def _without_unseen(found: Iterable[Compared]) -> tuple[list[Compared], list[str]]:
    """Without checks that cannot answer for want of neighbouring rows, and a note on each of them.

    Nobody could leave them out: were they findings, no comparison of long tables would ever be complete.
    """
    kept: list[Compared] = []
    notes: list[str] = []
    for one in found:
        if one.verdict is Verdict.INSUFFICIENT_DATA and one.result and DRAWN_FROM in one.result.detail:
            notes.append(one.reason)
        else:
            kept.append(one)
    return kept, notes


def _kept(reference: Reference, window: TableWindow, uncompared: Collection[str]) -> JointRows:
    """Rows of both sides. A column that only the reference can compare would be taken for one that went missing."""
    columns = {name: column for name, column in reference.sample.items() if name not in uncompared}
    return JointRows(
        RawRows(columns, drawn_from=reference.baseline.rows), RawRows(window.sample(), drawn_from=window.rows)
    )


def _refused(column: str, why: str) -> Compared:
    reason = f"{column} is not compared: {why}; exclude it if that is meant"
    return Compared(column, KNOWN, Verdict.INSUFFICIENT_DATA, reason)


def _charts(baseline: Baseline, window: ModelProfile, columns: set[str]) -> dict[str, Chart]:
    before, now = baseline.profiles(), window.columns
    drawn = {name: drift_chart(name, before[name], now[name]) for name in sorted(columns & before.keys())}
    return {name: chart for name, chart in drawn.items() if chart is not None}
