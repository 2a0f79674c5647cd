"""Checks of raw rows beside others: what is wrong with one of them harms no other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest

from monitor.domain.checks import RECORDS, Check, CheckSpec, Threshold
from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.proposals import AnyTest, bind_checks, propose_checks
from monitor.stats.row_test import JointRows
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
    with pytest.raises(ConfigError, match="whole windows and no column"):
        bind_checks([CheckSpec("domain_classifier", ("a",))], BASELINE, TESTS, 50)
