"""Conditions: three-valued, ranked, with words."""

import pytest

from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Condition, Not, ShareDrifted
from monitor.rules.conditions import evaluate
from tests.unit.rules.making import finding

OK, WARNING, DRIFTED = Verdict.OK, Verdict.WARNING, Verdict.DRIFTED
UNKNOWN, FAILED = Verdict.INSUFFICIENT_DATA, Verdict.FAILED

BAD = CheckIsBad(test="bad")
GOOD = CheckIsBad(test="good")
MISSING = CheckIsBad(test="missing")
FINDINGS = [finding(DRIFTED, test="bad"), finding(OK, test="good"), finding(UNKNOWN, test="missing", statistic=None)]


def columns(verdicts: dict[str, Verdict]) -> list[Finding]:
    return [finding(verdict, column) for column, verdict in verdicts.items()]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (BAD, True),
        (GOOD, False),
        (MISSING, None),
        (CheckIsBad(test="not configured"), None),
        (AllOf((BAD, BAD)), True),
        (AllOf((BAD, GOOD)), False),
        (AllOf((BAD, MISSING)), None),
        (AllOf((GOOD, MISSING)), False),
        (AnyOf((BAD, MISSING)), True),
        (AnyOf((GOOD, MISSING)), None),
        (AnyOf((GOOD, GOOD)), False),
        (Not(BAD), False),
        (Not(GOOD), True),
        (Not(MISSING), None),
        (AllOf((AnyOf((MISSING, BAD)), Not(GOOD))), True),
    ],
)
def test_not_enough_data_passes_through_conditions_as_a_third_truth_value(
    condition: Condition, expected: bool | None
) -> None:
    assert evaluate(condition, FINDINGS, {}).holds is expected


def test_the_share_counts_judged_columns_only_and_must_exceed_its_limit() -> None:
    findings = columns({"a": DRIFTED, "b": OK, "c": OK, "d": UNKNOWN, "e": FAILED})

    third = evaluate(ShareDrifted(above=0.33), findings, {})
    more = evaluate(ShareDrifted(above=0.34), findings, {})

    assert (third.holds, more.holds) == (True, False)
    assert third.because == "1 of 3 columns drifted, 33% (limit 33%)"


def test_a_column_with_several_bad_checks_is_one_drifted_column() -> None:
    findings = [finding(DRIFTED, "a", "psi"), finding(DRIFTED, "a", "ks"), finding(OK, "b"), finding(OK, "c")]

    outcome = evaluate(ShareDrifted(above=0.4), findings, {})

    assert outcome.holds is False


def test_importance_weighs_columns_when_the_rule_asks_for_it_and_the_baseline_has_it() -> None:
    findings = columns({"amount": DRIFTED, "colour": OK, "noise": OK})
    importances = {"amount": 8.0, "colour": 2.0}

    weighted = evaluate(ShareDrifted(above=0.5, weighted=True), findings, importances)
    plain = evaluate(ShareDrifted(above=0.5), findings, importances)
    without = evaluate(ShareDrifted(above=0.5, weighted=True), findings, {})

    assert (weighted.holds, plain.holds, without.holds) == (True, False, False)
    assert "80% by importance" in weighted.because


def test_the_share_looks_at_one_test_when_the_rule_names_it() -> None:
    findings = [finding(DRIFTED, "a", "ks"), finding(OK, "a", "psi"), finding(OK, "b", "psi")]

    assert evaluate(ShareDrifted(above=0.1, test="psi"), findings, {}).holds is False
    assert evaluate(ShareDrifted(above=0.1, test="ks"), findings, {}).holds is True


def test_segments_volume_and_performance_are_no_columns_of_the_share() -> None:
    findings = [
        finding(DRIFTED, "a", segment="DE"),
        finding(Verdict.DEGRADED, "records", "silence"),
        finding(Verdict.DEGRADED, "ground_truth", "f1", kind=EvaluationKind.PERFORMANCE),
    ]

    assert evaluate(ShareDrifted(above=0.0), findings, {}).holds is None


def test_a_check_condition_is_narrowed_by_test_column_and_segment() -> None:
    findings = [finding(DRIFTED, "a", segment="DE"), finding(OK, "a"), finding(OK, "b")]

    assert evaluate(CheckIsBad(column="a", segment=""), findings, {}).holds is False
    assert evaluate(CheckIsBad(column="a", segment="DE"), findings, {}).holds is True
    assert evaluate(CheckIsBad(column="b"), findings, {}).holds is False


def test_a_warning_counts_only_where_the_rule_says_so() -> None:
    findings = [finding(WARNING)]

    assert evaluate(CheckIsBad(), findings, {}).holds is False
    assert evaluate(CheckIsBad(warning=True), findings, {}).holds is True


def test_a_rule_on_performance_names_its_metric_or_the_column_ground_truth() -> None:
    findings = [finding(Verdict.DEGRADED, "ground_truth", "f1", kind=EvaluationKind.PERFORMANCE)]

    assert evaluate(CheckIsBad(), findings, {}).holds is None
    assert evaluate(CheckIsBad(test="f1"), findings, {}).holds is True
    assert evaluate(CheckIsBad(column="ground_truth"), findings, {}).holds is True


def test_causes_are_ranked_by_how_far_they_are_over_their_limit_and_by_importance() -> None:
    findings = [
        finding(DRIFTED, "slightly", statistic=0.26),
        finding(DRIFTED, "far", statistic=2.5),
        finding(DRIFTED, "low", "f1", statistic=0.25, limit=0.5, below=True),
        finding(OK, "fine", statistic=0.1),
        finding(DRIFTED, "gone", statistic=None),
    ]

    plain = evaluate(CheckIsBad(), findings, {})
    weighed = evaluate(CheckIsBad(), findings, {"slightly": 100.0})

    assert [cause.check.column for cause in plain.causes] == ["far", "low", "slightly", "gone"]
    assert weighed.causes[0].check.column == "slightly"


def test_causes_of_several_parts_are_listed_once() -> None:
    findings = columns({"a": DRIFTED, "b": OK})

    outcome = evaluate(AllOf((CheckIsBad(column="a"), ShareDrifted(above=0.1))), findings, {})

    assert [cause.check.column for cause in outcome.causes] == ["a"]
    assert outcome.because == "psi(a) drifted and 1 of 2 columns drifted, 50% (limit 10%)"


def test_an_unknown_outcome_says_what_was_missing() -> None:
    assert evaluate(MISSING, FINDINGS, {}).because == "none of 1 findings had enough data"
    assert evaluate(CheckIsBad(test="x"), FINDINGS, {}).because == "no check of x was judged"


def test_a_check_that_could_not_be_computed_is_bad_where_that_is_asked_for() -> None:
    findings = [finding(verdict=Verdict.FAILED), finding(column="other", verdict=Verdict.OK)]

    plain, for_blindness = (evaluate(CheckIsBad(failed=failed), findings, {}) for failed in (False, True))

    assert (plain.holds, for_blindness.holds) == (False, True)
    assert "failed" in for_blindness.because


def test_unfairness_about_a_column_does_not_make_it_a_drifted_one() -> None:
    findings = [finding(Verdict.OK, "age"), finding(Verdict.DEGRADED, "sex", "impact_ratio")]

    assert evaluate(ShareDrifted(above=0.0), findings, {}).holds is False
    assert evaluate(CheckIsBad(test="impact_ratio"), findings, {}).holds is True
