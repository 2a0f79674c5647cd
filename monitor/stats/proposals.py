"""Checks for a baseline: those that it proposes by itself, and those that configuration asks for."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.domain.checks import ALL_COLUMNS, RECORDS, Check, CheckSpec
from monitor.domain.derived import is_made_of
from monitor.domain.errors import ConfigError
from monitor.domain.models import ALL_TRAFFIC, LATENCY, ColumnKind, ColumnSpec
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import DriftTest, with_parameters
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.row_test import RowTest
from monitor.stats.window_test import WindowTest, is_proposed

EVERY_COLUMN = "*"

PROPOSED = {
    ColumnKind.NUMERIC: ("psi", "missing_rate", "out_of_range"),
    ColumnKind.CATEGORICAL: ("jensen_shannon", "missing_rate", "unseen_category"),
}
"""What a baseline proposes for its columns."""

PROPOSED_OVER_COLUMNS = ("newly_missing", "type_violations", "constant", "cardinality", "unit_change")
"""One finding a window each, whatever the number of columns."""

PROPOSED_OF_VECTORS = ("domain_classifier", "frechet_distance")
"""Of raw rows: whether a classifier tells the vectors of both sides apart, and how far means and covariances moved."""

AnyTest = DriftTest | WindowTest | RowTest


def propose_checks(
    baseline: Baseline, tests: Mapping[str, AnyTest], min_records: int, segments: Iterable[str] = ()
) -> tuple[Check, ...]:
    """One distribution test a column, missing values, and values the baseline does not know; latency by PSI alone.

    Columns without any value in the baseline get the missing-rate check alone. Of data quality there is one check over
    all columns for each test, and every test of whole windows that suits the baseline; for all traffic only, as a
    fault of a producer is in all of it. Tests of raw rows are not proposed: they take rows, and a second. Thresholds
    are the tests' defaults.
    """
    by_column = (
        Check(name, column.name, segment, tests[name].default_threshold, min_records)
        for segment in (ALL_TRAFFIC, *segments)
        for column in baseline.schema
        for name in _names(column, baseline)
        if name in tests
    )
    return (*by_column, *_of_the_whole(baseline, tests, min_records))


def _of_the_whole(baseline: Baseline, tests: Mapping[str, AnyTest], min_records: int) -> Iterator[Check]:
    for name in PROPOSED_OVER_COLUMNS:
        test = tests.get(name)
        if test is not None and not isinstance(test, WindowTest | RowTest) and columns_for(test, baseline):
            yield Check(name, ALL_COLUMNS, ALL_TRAFFIC, test.default_threshold, min_records)
    for name, test in tests.items():
        if isinstance(test, WindowTest) and is_proposed(test) and test.suits(baseline.whole):
            yield Check(name, RECORDS, ALL_TRAFFIC, test.default_threshold, min_records)


def propose_row_checks(
    tests: Mapping[str, AnyTest], min_records: int, vectors: Iterable[str] = ()
) -> tuple[Check, ...]:
    """Every test of raw rows, for those who ask for them all; and of each vector by itself those that suit one."""
    of_rows = {name: test for name, test in tests.items() if isinstance(test, RowTest)}
    asked = [(name, RECORDS) for name in of_rows]
    asked += [(name, vector) for vector in vectors for name in PROPOSED_OF_VECTORS if name in of_rows]
    return tuple(
        Check(name, column, ALL_TRAFFIC, of_rows[name].default_threshold, min_records) for name, column in asked
    )


def columns_for(test: DriftTest, baseline: Baseline) -> tuple[str, ...]:
    """Every column with values that can answer what the test needs."""
    profiles = baseline.whole.columns
    return tuple(name for name, one in profiles.items() if test.needs <= one.aspects and _has_values(one))


def bind_checks(
    specs: Sequence[CheckSpec], baseline: Baseline, tests: Mapping[str, AnyTest], min_records: int
) -> tuple[Check, ...]:
    """The checks that configuration asks for; ConfigError for an unknown test or column, or one that cannot serve.

    `*` means every column that can answer what the test needs, each with a check of its own; `all_columns` is one check
    of all of these, and `records` (or `*`) the column of a test of whole windows or raw rows; the latter also take a
    vector or text, of which columns were made. Of two specs for one
    check the later holds.
    """
    bound = {check.name: check for spec in specs for check in _bind(spec, baseline, tests, min_records)}
    return tuple(bound.values())


def merged_checks(proposed: Sequence[Check], configured: Sequence[Check]) -> tuple[Check, ...]:
    """Proposed checks, overridden and extended by the configured ones."""
    return tuple(({check.name: check for check in proposed} | {check.name: check for check in configured}).values())


def _names(column: ColumnSpec, baseline: Baseline) -> tuple[str, ...]:
    if not _has_values(baseline.whole.columns[column.name]):
        return () if is_only_counted(baseline.whole.columns[column.name]) else ("missing_rate",)
    return ("psi",) if column.name == LATENCY else PROPOSED[column.kind]


def _has_values(profile: Profile) -> bool:
    return profile.n > profile.missing + profile.invalid


def is_only_counted(profile: Profile) -> bool:
    """Whether the column has bins that no training data chose: its values are counted, and compared with nothing."""
    return not _has_values(profile) and isinstance(profile, NumericProfile) and profile.layout.bins > 1


def _bind(spec: CheckSpec, baseline: Baseline, tests: Mapping[str, AnyTest], min_records: int) -> Iterator[Check]:
    if spec.test not in tests:
        raise ConfigError(f"there is no drift test {spec.test!r}", hint=_meant(spec.test, tests))
    test = tests[spec.test]
    with_parameters(test, spec.test, spec.parameters)
    for column in _columns(spec, baseline, test):
        yield Check(
            spec.test,
            column,
            spec.segment,
            spec.threshold or test.default_threshold,
            min_records if spec.min_records is None else spec.min_records,
            spec.parameters,
            spec.against,
        )


def _columns(spec: CheckSpec, baseline: Baseline, test: AnyTest) -> list[str]:
    if isinstance(test, RowTest):
        return _of_rows(spec, baseline)
    if isinstance(test, WindowTest):
        return [_records(spec, baseline, test)]
    profiles = baseline.whole.columns
    if EVERY_COLUMN in spec.columns:
        return list(columns_for(test, baseline))
    for name in spec.columns:
        if name == ALL_COLUMNS and name not in profiles:
            continue
        if name not in profiles:
            raise ConfigError(
                f"the baseline of {baseline.ref} has no column {name!r} for {spec.test}", hint=_meant(name, profiles)
            )
        lacking = test.needs - profiles[name].aspects
        if lacking:
            raise ConfigError(f"{spec.test} cannot check {name!r}: the column has no {', '.join(sorted(lacking))}")
    return list(spec.columns)


def _of_rows(spec: CheckSpec, baseline: Baseline) -> list[str]:
    """Whole rows, or those of what was made of a vector or text."""
    known = baseline.whole.columns
    for column in spec.columns:
        if column not in {EVERY_COLUMN, RECORDS} and not any(is_made_of(name, column) for name in known):
            raise ConfigError(
                f"{spec.test} compares rows as wholes, or those of a vector or text, and {column!r} is none",
                hint="leave out columns, or name a column of `vectors` or `texts`",
            )
    return list(dict.fromkeys(RECORDS if column == EVERY_COLUMN else column for column in spec.columns))


def _records(spec: CheckSpec, baseline: Baseline, test: WindowTest) -> str:
    if not set(spec.columns) <= {EVERY_COLUMN, RECORDS}:
        raise ConfigError(
            f"{spec.test} checks whole windows and no column", hint=f"leave out columns, or write [{RECORDS}]"
        )
    if not test.suits(baseline.whole):
        raise ConfigError(
            f"the baseline of {baseline.ref} does not hold what {spec.test} compares with",
            hint="build a baseline of a new version with this program",
        )
    return RECORDS


def _meant(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
