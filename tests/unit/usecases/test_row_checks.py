"""Checks of raw rows beside others: what is wrong with one of them harms no other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from monitor.domain.checks import RECORDS, Check, CheckSpec, Threshold
from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import NumericColumn
from monitor.stats.proposals import AnyTest, bind_checks, propose_checks
from monitor.stats.row_test import JointRows, RawRows
from monitor.stats.row_tests import ROW_TESTS
from monitor.stats.window_test import WindowData
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.testing.row_tests import rows
from monitor.usecases.model_checks import with_tests
from monitor.usecases.outcomes import run_checks

READ = JointRows(rows(0, 600), rows(1, 300))
BASELINE = Baseline.build(ModelRef("m", "1"), READ.reference.columns)


@dataclass(frozen=True)
class Broken:
    """A test that a package offers, with a fault."""

    name: ClassVar[str] = "broken"
    title: ClassVar[str] = "Broken"
    unit: ClassVar[str] = "none"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    default_threshold: ClassVar[Threshold] = Threshold(0.5)

    def run_rows(self, rows: JointRows) -> TestResult:
        raise ZeroDivisionError(len(rows.current))


TESTS: dict[str, AnyTest] = {**ROW_TESTS, **WINDOW_TESTS, "broken": Broken()}
CHECKS = tuple(
    Check(name, RECORDS, "", TESTS[name].default_threshold, 100) for name in ("broken", "domain_classifier", "schema")
)


def verdicts(read: Callable[[], JointRows | str]) -> dict[str, tuple[Verdict, str]]:
    outcomes = run_checks(with_tests(CHECKS, TESTS, BASELINE), "", BASELINE, WindowData(BASELINE.whole), read)
    return {check.test: (verdict, why) for check, verdict, why, _ in outcomes}


def test_a_test_that_breaks_fails_alone() -> None:
    found = verdicts(lambda: READ)

    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "broken": Verdict.FAILED, "domain_classifier": Verdict.OK, "schema": Verdict.OK,
    }  # fmt: skip


def test_rows_that_cannot_be_had_are_no_answer_and_no_crash() -> None:
    found = verdicts(lambda: "no rows here")

    assert found["domain_classifier"] == (Verdict.INSUFFICIENT_DATA, "domain_classifier(records): no rows here")
    assert found["schema"][0] is Verdict.OK


def test_rows_that_are_broken_fail_the_checks_of_rows_alone() -> None:
    def read() -> JointRows:
        raise ValueError("no Parquet")

    found = verdicts(read)

    assert found["domain_classifier"][0] is Verdict.FAILED
    assert "no Parquet" in found["domain_classifier"][1]
    assert found["schema"][0] is Verdict.OK


def test_an_archive_that_cannot_serve_now_is_asked_again_later() -> None:
    def read() -> JointRows:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        verdicts(read)


def test_checks_of_rows_are_bound_to_records_and_never_proposed() -> None:
    bound = bind_checks([CheckSpec("domain_classifier")], BASELINE, TESTS, 50)

    assert [(check.name, check.min_records) for check in bound] == [("domain_classifier(records)", 50)]
    assert not {check.test for check in propose_checks(BASELINE, TESTS, 50)} & ROW_TESTS.keys()
    with pytest.raises(ConfigError, match="those of a vector or text, and 'a' is none"):
        bind_checks([CheckSpec("domain_classifier", ("a",))], BASELINE, TESTS, 50)


def test_a_check_of_rows_can_be_about_one_vector_beside_that_of_all_columns() -> None:
    baseline, read = with_vector(READ.reference), JointRows(with_vector(READ.reference), with_vector(READ.current, 2.0))
    whole = Baseline.build(ModelRef("m", "1"), baseline.columns)
    checks = bind_checks([CheckSpec("domain_classifier", ("*", "v"))], whole, TESTS, 50)

    outcomes = run_checks(with_tests(checks, TESTS, whole), "", whole, WindowData(whole.whole), lambda: read)

    assert [check.name for check, *_ in outcomes] == ["domain_classifier(records)", "domain_classifier(v)"]
    assert [verdict for _, verdict, *_ in outcomes] == [Verdict.DRIFTED, Verdict.DRIFTED]
    assert "told apart by v.c1" in outcomes[1][2]


def test_rows_without_the_vector_are_no_answer() -> None:
    whole = Baseline.build(ModelRef("m", "1"), with_vector(READ.reference).columns)
    checks = bind_checks([CheckSpec("frechet_distance", ("v",))], whole, TESTS, 50)

    ((_, verdict, why, _),) = run_checks(
        with_tests(checks, TESTS, whole), "", whole, WindowData(whole.whole), lambda: READ
    )

    assert verdict is Verdict.INSUFFICIENT_DATA
    assert why == "frechet_distance(v): the rows of the baseline hold no column v.*"


def with_vector(side: RawRows, shift: float = 0.0) -> RawRows:
    made = {f"v.c{k}": NumericColumn(np.random.default_rng(k).normal(shift, 1.0, len(side))) for k in range(2)}
    return RawRows({**side.columns, **made})
