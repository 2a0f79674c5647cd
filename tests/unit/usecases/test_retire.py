"""Rules that are taken out of the configuration end what they said, once, and say why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef
from monitor.domain.rules import CheckIsBad, Phase, Rule, RuleState, Severity, Subject
from monitor.domain.windows import Window
from monitor.usecases.retire import NO_MODEL, NO_RULE, NOT_OF_MODEL, RetireRules

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUBJECT = Subject("drift", "churn")
LABELS = {"alertname": "drift", "model": "churn", "severity": "critical", "team": "risk"}
FIRING = RuleState(Phase.FIRING, START, START + HOUR, None, START + 3 * HOUR, LABELS)
RULE = Rule("drift", CheckIsBad())


def standing(state: RuleState) -> SqlStores:
    """A database in which the rule was left like this."""
    engine = create_engine("sqlite://")
    migrate(engine)
    stores = SqlStores.of(engine)
    evaluation = Evaluation(ModelRef("churn", "1"), Window(START, START + HOUR), EvaluationKind.DRIFT, 0, 1)
    assert stores.evaluations.commit(EvaluationCommit(evaluation, [], {SUBJECT: state}))
    return stores


@pytest.mark.parametrize(
    ("models", "rules", "why"),
    [
        (["churn"], [], NO_RULE),
        (["churn"], [replace(RULE, name="another")], NO_RULE),
        (["fraud"], [RULE], NO_MODEL),
        (["churn", "fraud"], [replace(RULE, models=("fraud",))], NOT_OF_MODEL),
    ],
)
def test_an_alert_whose_rule_is_gone_is_over_and_says_why(models: list[str], rules: list[Rule], why: str) -> None:
    stores = standing(FIRING)

    (transition,) = RetireRules(models, rules, stores.evaluations).run_once()

    ((_, event),) = stores.outbox.pending(9)
    assert (event.labels, event.severity) == (LABELS, Severity.CRITICAL)
    assert (event.starts_at, event.ends_at) == (START + HOUR, START + 3 * HOUR)
    assert event.annotations["summary"] == f"drift: over for churn after 2h: {why}"
    assert stores.evaluations.transitions("churn") == [transition]
    assert (transition.before, transition.after, transition.why) == (Phase.FIRING, Phase.INACTIVE, why)
    assert stores.evaluations.rule_states("churn") == {SUBJECT: RuleState(folded_to=START + 3 * HOUR)}


def test_it_is_told_once_however_often_and_by_how_many_processes_it_is_asked() -> None:
    stores = standing(FIRING)

    made = [RetireRules(["churn"], [], stores.evaluations).run_once() for _ in range(3)]

    assert [len(transitions) for transitions in made] == [1, 0, 0]
    assert len(stores.outbox.pending(9)) == 1


def test_a_rule_that_is_configured_stands_as_it_is() -> None:
    stores = standing(FIRING)

    assert RetireRules(["churn"], [RULE], stores.evaluations).run_once() == []

    assert stores.evaluations.standing() == {SUBJECT: FIRING}
    assert stores.outbox.pending(9) == []


def test_a_rule_that_waited_is_forgotten_and_nobody_is_told_of_it() -> None:
    """Put back a month later, it must wait again."""
    stores = standing(RuleState(Phase.PENDING, START, folded_to=START + HOUR))

    (transition,) = RetireRules(["churn"], [], stores.evaluations).run_once()

    assert (transition.before, transition.after) == (Phase.PENDING, Phase.INACTIVE)
    assert stores.outbox.pending(9) == []
