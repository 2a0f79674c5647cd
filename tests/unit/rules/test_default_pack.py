"""The rules of a model for which nobody wrote any: few alerts, causes ranked, nothing that fires for ever."""

from dataclasses import replace

import pytest

from monitor.domain.findings import EvaluationKind, Verdict
from monitor.domain.rules import CheckIsBad, Rule
from monitor.rules.conditions import evaluate
from monitor.rules.default_pack import (
    DATA,
    DATA_BY_CHECKS,
    PACK,
    PERFORMANCE,
    READING,
    SUDDEN,
    WITHOUT_BUDGET,
    with_default_rules,
)
from monitor.rules.leaves import kind_of
from monitor.stats.performance import PERFORMANCE_METRICS
from tests.unit.rules.making import finding
from tests.unit.rules.test_comparing import metric

HEALTH, TRUTH, _, _ = PACK
OWN = Rule("own", CheckIsBad(), models=("fraud",))


def test_each_rule_has_a_line_of_time_of_its_own() -> None:
    names = frozenset(PERFORMANCE_METRICS)
    kinds = {rule.name: kind_of(rule, {}, names) for rule in PACK}

    assert kinds == {
        DATA: EvaluationKind.DRIFT, PERFORMANCE: EvaluationKind.PERFORMANCE, READING: EvaluationKind.STREAM,
        SUDDEN: EvaluationKind.SEQUENTIAL,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choices", "watched"),
    [
        ({"churn": None, "fraud": None}, ("churn",)),
        ({"churn": False, "fraud": True}, ("fraud",)),
        ({"churn": False, "fraud": None}, None),
    ],
)
def test_it_watches_models_without_rules_and_those_that_chose_it(
    choices: dict[str, bool | None], watched: tuple[str, ...] | None
) -> None:
    rules = with_default_rules([OWN], choices)

    assert {rule.models for rule in rules[1:]} == ({watched} if watched else set())


def test_a_written_rule_takes_the_place_of_the_one_of_the_same_name() -> None:
    mine = replace(OWN, name=DATA, models=("churn",))

    rules = with_default_rules([mine], {"churn": True})

    assert [rule.name for rule in rules] == [DATA, PERFORMANCE, READING, SUDDEN]
    assert rules[0] is mine


def test_models_without_a_budget_are_watched_by_single_checks_under_the_same_name_of_alerts() -> None:
    rules = with_default_rules([], {"churn": None, "fraud": None}, {"fraud"})

    watched = {rule.name: (rule.alertname or rule.name, rule.models) for rule in rules}
    assert watched[DATA] == (DATA, ("churn",))
    assert watched[DATA_BY_CHECKS] == (DATA, ("fraud",))
    assert watched[PERFORMANCE] == (PERFORMANCE, ("churn", "fraud"))


def test_a_written_rule_takes_the_place_of_both_that_watch_the_data() -> None:
    mine = replace(OWN, name=DATA, models=())

    rules = with_default_rules([mine], {"churn": True, "fraud": True}, {"fraud"})

    assert [rule.name for rule in rules] == [DATA, PERFORMANCE, READING, SUDDEN]


def test_many_faults_of_a_window_are_one_alert() -> None:
    findings = [
        *(finding(Verdict.DRIFTED, f"c{n}", "missing_rate") for n in range(20)),
        finding(Verdict.OK, "records", "silence"),
    ]

    outcome = evaluate(WITHOUT_BUDGET.when, findings, {})

    assert outcome.holds is True
    assert outcome.because == "missing_rate(c0) drifted and 19 more"
    assert len(outcome.causes) == 20


@pytest.mark.parametrize("test", ["psi", "missing_rate", "unseen_category", "out_of_range"])
def test_single_columns_tell_nobody_where_the_budget_of_the_whole_model_decides(test: str) -> None:
    findings = [finding(Verdict.DRIFTED, "amount", test), finding(Verdict.OK, "all_columns", "model_drift")]

    assert evaluate(HEALTH.when, findings, {}).holds is False


def test_without_a_limit_performance_is_held_against_training() -> None:
    training = metric(0.9, name="estimated_accuracy", training=0.9)

    assert evaluate(TRUTH.when, [metric(0.80, name="accuracy"), training], {}).holds is True
    assert evaluate(TRUTH.when, [metric(0.86, name="accuracy"), training], {}).holds is False


def test_silence_and_estimated_performance_raise_the_severity() -> None:
    (step,) = HEALTH.escalations

    assert evaluate(step.when, [finding(Verdict.NO_DATA, "records", "silence")], {}).holds is True
    assert evaluate(step.when, [metric(0.8, name="estimated_roc_auc", training=0.9)], {}).holds is True
    assert evaluate(step.when, [finding(Verdict.DRIFTED, "records", "volume")], {}).holds is not True


@pytest.mark.parametrize(("p_value", "fires"), [(5e-4, False), (1e-9, True), (None, True)])
def test_a_single_check_fires_where_chance_cannot_explain_it_in_a_year_of_windows(
    p_value: float | None, fires: bool
) -> None:
    """At 0.001 those of 20 quiet columns would be bad in ten hourly windows of a month."""
    bad = finding(Verdict.DRIFTED, "amount", "out_of_range")
    assert bad.result is not None
    bad = replace(bad, result=replace(bad.result, p_value=p_value))

    outcome = evaluate(WITHOUT_BUDGET.when, [bad], {})

    assert outcome.holds is fires
    assert fires or "out_of_range(amount) is within limits but out_of_range(amount), with p > 1e-06" in outcome.because
