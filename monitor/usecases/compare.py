"""Compare two tables: the first as the baseline, the second as one window, by the checks that a new model has."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np

from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ColumnKind, ColumnSpec, ModelRef
from monitor.domain.ports import RowReader
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.renamed import concealed
from monitor.stats.proposals import AnyTest, propose_checks
from monitor.stats.window_test import WindowData
from monitor.usecases.model_checks import with_tests
from monitor.usecases.outcomes import run_checks
from monitor.usecases.training_columns import TRUTH, TrainingOptions, is_missing, number, text, training_columns

_KNOWN = "known_column"
"""Stands where a test's name does for columns that only the second table has."""

_BY_IDS = "duplicates"
"""Needs the ids of records, which a table need not have."""


class Outcome(IntEnum):
    """What a comparison came to, as an exit code: 1 and 2 are those of a crash and of a mistake."""

    NO_DRIFT = 0
    DRIFT = 3
    INCOMPLETE = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """One check of one column; `result` is None when nothing could be computed."""

    column: str
    test: str
    verdict: Verdict
    reason: str
    result: TestResult | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All checks of two tables, numbers of rows, and what is worth knowing about the columns."""

    checks: tuple[Compared, ...]
    rows_reference: int
    rows_current: int
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """Drift before anything else; otherwise incomplete if one check has no answer."""
        verdicts = {check.verdict for check in self.checks}
        if any(verdict.is_bad for verdict in verdicts):
            return Outcome.DRIFT
        unanswered = verdicts & {Verdict.INSUFFICIENT_DATA, Verdict.FAILED}
        return Outcome.INCOMPLETE if unanswered or not verdicts else Outcome.NO_DRIFT


def compare(
    reference: RowReader,
    current: RowReader,
    tests: Mapping[str, AnyTest],
    options: TrainingOptions,
    min_records: int = 100,
) -> Comparison:
    """Build a baseline from `reference` and judge `current` as its window; BaselineError when one cannot be read.

    A column that cannot be compared has a verdict that says so and harms no other. `current` is read batch by batch.
    """
    read = training_columns(reference.batches(), options)
    baseline = Baseline.build(ModelRef("reference", "1"), read.columns, with_pairs=True)
    window, extra = _window(current, baseline, options, {*options.exclude, *read.names, TRUTH})
    checks = [check for check in propose_checks(baseline, tests, min_records) if check.test != _BY_IDS]
    outcomes = run_checks(with_tests(checks, tests, baseline), ALL_TRAFFIC, baseline, WindowData(window))
    found = [Compared(check.column, check.test, verdict, why, result) for check, verdict, why, result in outcomes]
    found += [_unknown(name, is_left_out=name in read.names) for name in sorted(extra - {TRUTH})]
    return Comparison(tuple(found), baseline.rows, window.n, read.notes)


def _unknown(column: str, *, is_left_out: bool) -> Compared:
    why = "see the note on it" if is_left_out else "the reference has no such column"
    reason = f"{column} is not compared: {why}; exclude it if that is meant"
    return Compared(column, _KNOWN, Verdict.INSUFFICIENT_DATA, reason)


def _window(
    rows: RowReader, baseline: Baseline, options: TrainingOptions, left_out: Set[str]
) -> tuple[ModelProfile, set[str]]:
    """The profile of all rows, and the names of columns that the baseline does not know and nobody excluded.

    Those that are `left_out` of the comparison are no extra columns of the window.
    """
    window, names = ModelProfile.empty(baseline.layouts), set[str]()
    for batch in rows.batches():
        named = {options.rename.get(name, name): values for name, values in batch.items()}
        columns = {spec.name: _column(spec, named[spec.name]) for spec in baseline.schema if spec.name in named}
        window.update(columns, len(next(iter(batch.values()), ())))
        names |= batch.keys() - set(options.exclude)
        unknown = named.keys() - baseline.layouts.keys() - left_out
        window.add_extra({name: _counted(named[name]) for name in unknown})
    return window, {options.rename.get(name, name) for name in names} - baseline.layouts.keys()


def _counted(values: Sequence[object]) -> Iterable[tuple[str, int]]:
    """Scalars as in a sample of records, with their numbers."""
    scalars = (value for value in values if isinstance(value, str | int | float | Decimal | np.generic))
    texts = (concealed(value) if isinstance(value, str) else text(value) for value in scalars)
    return Counter(value for value in texts if value is not None).items()


def _column(spec: ColumnSpec, values: Sequence[object]) -> Column:
    """The values as the kind of the baseline's column; those of another type are invalid, as in records."""
    is_numeric = spec.kind is ColumnKind.NUMERIC
    kinds = (int, float, Decimal, np.number) if is_numeric else (str, bool, int, float, Decimal, np.generic)
    missing = [is_missing(value) for value in values]
    good = [isinstance(value, kinds) and not (is_numeric and isinstance(value, bool)) for value in values]
    invalid = np.array([not (m or g) for m, g in zip(missing, good, strict=True)], np.bool_)
    kept = [value if g and not m else None for value, m, g in zip(values, missing, good, strict=True)]
    if is_numeric:
        return NumericColumn(np.array([number(value) for value in kept], np.float64), invalid)
    return CategoricalColumn([None if value is None else text(value) for value in kept], invalid)
