"""The rules of a model for which nobody wrote any: few alerts, causes ranked, nothing that fires for ever."""

from dataclasses import replace

import pytest

from monitor.domain.findings import EvaluationKind, Verdict
from monitor.domain.rules import CheckIsBad, Rule
from monitor.rules.conditions import evaluate
from monitor.rules.default_pack import DATA, PACK, PERFORMANCE, READING, SUDDEN, with_default_rules
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


def test_many_faults_of_a_window_are_one_alert_with_the_whole_model_first() -> None:
    findings = [
        finding(Verdict.DRIFTED, "all_columns", "model_drift"),
        *(finding(Verdict.DRIFTED, f"c{n}", "missing_rate") for n in range(20)),
        finding(Verdict.OK, "records", "silence"),
    ]

    outcome = evaluate(HEALTH.when, findings, {})

    assert outcome.holds is True
    assert outcome.because == "model_drift(all_columns) drifted; missing_rate(c0) drifted and 19 more"
    assert [cause.check.column for cause in outcome.causes][:2] == ["all_columns", "c0"]
    assert len(outcome.causes) == 21


def test_drift_of_single_columns_tells_nobody_for_the_budget_of_the_whole_model_decides() -> None:
    findings = [finding(Verdict.DRIFTED, "amount"), finding(Verdict.OK, "all_columns", "model_drift")]

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
    """At 0.001 those of 20 quiet columns would be bad in ten hourly windows of a month: the budget is one."""
    bad = finding(Verdict.DRIFTED, "amount", "out_of_range")
    assert bad.result is not None
    bad = replace(bad, result=replace(bad.result, p_value=p_value))

    outcome = evaluate(HEALTH.when, [bad, finding(Verdict.OK, "all_columns", "model_drift")], {})

    assert outcome.holds is fires
    assert fires or "out_of_range(amount) is within limits but out_of_range(amount), with p > 1e-06" in outcome.because
