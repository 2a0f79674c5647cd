"""Numbers that are percent, or points of them, have their unit in messages."""

from dataclasses import replace

import pytest

from monitor.bootstrap.plugins import drift_tests
from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import Finding, TestResult, Verdict
from monitor.domain.rules import Limit, Measured, Severity
from monitor.rules.explain import cause_line, firing_event
from monitor.rules.measuring import measured
from monitor.rules.outcome import Outcome
from monitor.rules.units import PERCENT, POINTS, UNITS
from tests.unit.rules.making import finding
from tests.unit.rules.test_explain import MODEL, RULE, STATE, occasion


def of(test: str, value: float) -> Finding:
    """A finding of the test on column x, with a sentence as the service writes them."""
    check = Check(test, "x", "", Threshold(5.0), 0)
    reason = f"{check.name} = {value:.4g}, limit 5; 200 records against 2,000 in the baseline"
    return replace(finding(Verdict.DRIFTED), check=check, reason=reason, result=TestResult(value, None, 1, 1))


def test_every_test_that_measures_in_percent_or_points_has_its_unit() -> None:
    named = {"percent": PERCENT, "percentage points": POINTS}

    assert {name: named[one.unit] for name, one in drift_tests().items() if one.unit in named} == dict(UNITS)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("missing_rate", "missing_rate(x) = 12.5 percentage points"),
        ("out_of_range", "out_of_range(x) = 12.5 %"),
        ("psi", "psi(x) = 12.5"),
    ],
)
def test_the_unit_stands_beside_the_number_in_causes_and_in_what_a_rule_says(test: str, said: str) -> None:
    one = of(test, 12.5)

    outcome = measured(Measured(test, Limit(5.0)), [one], {}, firing=False)

    assert cause_line(one) == f"x: {said}, limit 5; 200 records against 2,000 in the baseline"
    assert outcome.because.startswith(f"{said} (high limit 5")


def test_of_several_causes_the_description_names_the_foremost_and_of_one_the_cause() -> None:
    causes = (of("psi", 1.0), of("missing_rate", 12.5))

    one, two = (
        firing_event(RULE, MODEL, STATE, replace(occasion(0), outcome=Outcome(True, "why", causes[:n]))) for n in (1, 2)
    )

    assert one.severity is Severity.CRITICAL
    assert one.annotations["description"].endswith(f"why. Cause: {one.annotations['top']}.")
    assert f"why. Foremost {cause_line(causes[0])}." in two.annotations["description"]
