"""A verdict follows from numbers, and its sentence has them."""

from dataclasses import replace

import pytest

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.drift_test import LACKS
from monitor.stats.judgement import judge, judge_columns

CHECK = Check("psi", "amount", "", Threshold(drifted=0.25, warning=0.1, alpha=0.001), min_records=100)
FLOOR = Check("accuracy", "ground_truth", "", Threshold(0.8, below=True), min_records=10)


def result(statistic: float, p_value: float | None = 1e-9, n: int = 1_204) -> TestResult:
    return TestResult(statistic, p_value, 50_000, n)


@pytest.mark.parametrize(
    ("statistic", "p_value", "verdict"),
    [
        (0.41, 1e-9, Verdict.DRIFTED),
        (0.25, 0.001, Verdict.DRIFTED),
        (0.25, None, Verdict.DRIFTED),
        (0.41, 0.002, Verdict.OK),
        (0.2499, 1e-9, Verdict.WARNING),
        (0.1, 1e-9, Verdict.WARNING),
        (0.0999, 1e-9, Verdict.OK),
        (0.0, 1.0, Verdict.OK),
    ],
)
def test_effect_and_significance_must_both_speak(statistic: float, p_value: float | None, verdict: Verdict) -> None:
    assert judge(CHECK, result(statistic, p_value))[0] is verdict


def test_the_sentence_has_every_number() -> None:
    _, reason = judge(CHECK, result(0.41, 2e-16))

    assert reason == "psi(amount) = 0.41, limit 0.25; p = 2e-16; 1,204 records against 50,000 in the baseline"


def test_a_warning_names_the_limit_that_it_reached() -> None:
    _, reason = judge(CHECK, result(0.12))

    assert reason.startswith("psi(amount) = 0.12, limit 0.1;")


def test_a_large_effect_without_significance_says_so() -> None:
    _, reason = judge(CHECK, result(0.3, 0.04))

    assert "p = 0.04, not below 0.001" in reason


@pytest.mark.parametrize("what", ["difference", "ratio"])
def test_the_signed_change_and_its_sampling_interval_are_told_where_the_test_knows_them(what: str) -> None:
    _, reason = judge(CHECK, replace(result(0.41), detail={what: -1.5, "interval": [-2.0, -1.0]}))

    assert f"; {what} -1.5 (95 % interval -2 to -1); p = " in reason


def test_a_certified_interval_is_told() -> None:
    _, reason = judge(CHECK, replace(result(0.41), low=0.41, high=0.44))

    assert "limit 0.25 (exactly: 0.41 to 0.44)" in reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (result(9.0, n=99), "psi(amount): 99 records in the window, at least 100 are needed"),
        (result(9.0, n=1), "psi(amount): 1 record in the window, at least 100 are needed"),
        (TestResult(9.0, None, 0, 500), "psi(amount): no values in the baseline to compare with"),
        (TestResult(9.0, 0.3, 9, 500), "psi(amount): 9 records in the baseline, at least 10 are needed"),
    ],
)
def test_too_little_data_is_an_answer_whatever_the_statistic(given: TestResult, reason: str) -> None:
    assert judge(CHECK, given) == (Verdict.INSUFFICIENT_DATA, reason)


def test_no_records_are_never_enough() -> None:
    check = replace(CHECK, min_records=0)

    assert judge(check, result(0.0, n=0)) == (Verdict.INSUFFICIENT_DATA, "psi(amount): no values in the window")


@pytest.mark.parametrize(
    ("statistic", "low", "high", "verdict"),
    [
        (0.70, 0.65, 0.75, Verdict.DEGRADED),
        (0.78, 0.72, 0.83, Verdict.WARNING),
        (0.82, 0.75, 0.88, Verdict.OK),
    ],
)
def test_a_metric_is_degraded_only_when_its_whole_interval_is_beyond_the_limit(
    statistic: float, low: float, high: float, verdict: Verdict
) -> None:
    given = TestResult(statistic, None, 300, 300, low, high)

    assert judge(FLOOR, given, bad=Verdict.DEGRADED)[0] is verdict


def test_an_error_is_degraded_when_its_whole_interval_is_above_the_limit() -> None:
    ceiling = Check("mae", "ground_truth", "", Threshold(2.0), min_records=10)

    sure = judge(ceiling, TestResult(2.5, None, 300, 300, 2.1, 2.9), bad=Verdict.DEGRADED)
    unsure = judge(ceiling, TestResult(2.5, None, 300, 300, 1.9, 3.1), bad=Verdict.DEGRADED)

    assert (sure[0], unsure[0]) == (Verdict.DEGRADED, Verdict.WARNING)


def test_the_sentence_about_a_metric_tells_its_interval_and_no_baseline() -> None:
    _, reason = judge(FLOOR, TestResult(0.78, None, 300, 300, 0.72, 0.83), bad=Verdict.DEGRADED)

    assert reason == (
        "accuracy(ground_truth) = 0.78 (95 % interval 0.72 to 0.83), floor 0.8, which the interval does not exclude; "
        "300 records with known truth"
    )


def test_columns_judged_together_are_told_what_each_is_told_alone() -> None:
    """The words of one result serve several columns; limits and numbers of records that are asked for differ."""
    same, few = result(0.12), result(0.41, n=40)
    strict = replace(CHECK, column="c", threshold=Threshold(drifted=0.1))
    checks = [CHECK, replace(CHECK, column="b"), strict, CHECK, replace(CHECK, min_records=2_000), CHECK, CHECK]
    results = [same, same, same, replace(same, detail={LACKS: "nothing"}), same, few, TestResult(0.0, 1.0, 5, 1_204)]

    found = judge_columns([check.name for check in checks], checks, results)

    assert found == [judge(*one) for one in zip(checks, results, strict=True)]
    assert len({verdict for verdict, _ in found}) == 3
