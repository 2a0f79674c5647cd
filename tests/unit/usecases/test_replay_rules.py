"""Rules over whole histories of findings: segments, ladders, other rules, the past; and restarts at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.checks import Check, Threshold
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.evidently import EvidentlySpec
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef, MonitoredModel, Segment
from monitor.domain.rules import (
    AllOf,
    AnyOf,
    CheckIsBad,
    DropAgainst,
    Dropped,
    Escalation,
    Fires,
    Limit,
    Measured,
    NoData,
    Not,
    Rule,
    RuleState,
    Severity,
    ShareDrifted,
    Subject,
    Trending,
)
from monitor.domain.stream import PaneSpan, PaneSummary
from monitor.domain.windows import Window, WindowSpec
from monitor.rules.leaves import in_order, with_own_no_data
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.attributing import Sides
from monitor.usecases.folding import RuleFolding
from monitor.usecases.judging import Judgement
from monitor.usecases.replay_rules import FindingsAtHand, PastAlert, Replayed, ReplayRules, past_alerts
from tests.unit.usecases.test_evaluate import baseline, rows

START, HOUR = datetime(2026, 11, 2, tzinfo=UTC), timedelta(hours=1)
MODEL = MonitoredModel(
    "churn",
    WindowSpec(HOUR, HOUR),
    timedelta(0),
    timedelta(days=1),
    segments=(Segment("germany", "country", "DE"), Segment("france", "country", "FR")),
)
METRICS = frozenset({"f1"})
EVIDENCE = Evidence("b", "", {}, "", "")


class NoPanes:
    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        return []


def finding(hour: int, value: float | None, test: str = "psi", segment: str = "", version: str = "1") -> Finding:
    """Drifted from 0.25 on; None is too little data."""
    is_metric = test in METRICS
    kind = EvaluationKind.PERFORMANCE if is_metric else EvaluationKind.DRIFT
    check = Check(test, "ground_truth" if is_metric else "amount", segment, Threshold(0.25, below=is_metric), 0)
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    if value is None:
        verdict, result = Verdict.INSUFFICIENT_DATA, None
    else:
        bad = value <= 0.25 if is_metric else value >= 0.25
        verdict = Verdict.DRIFTED if bad else Verdict.OK
        result = TestResult(value, None, 1000, 500, value - 0.02, value + 0.02)
    return Finding(
        ModelRef("churn", version), check, window, 0, verdict, f"{test} is {verdict}", result, EVIDENCE, kind
    )


def played(rules: Sequence[Rule], findings: Sequence[Finding]) -> tuple[Replayed, list[PastAlert]]:
    replayed = ReplayRules(rules, METRICS, NoPanes()).run(MODEL, FindingsAtHand(findings), START, START + 99 * HOUR)
    return replayed, past_alerts(replayed, rules, MODEL)


def hours(alerts: Sequence[PastAlert]) -> list[tuple[str, str, int, int | None]]:
    def since_start(at: datetime | None) -> int | None:
        return None if at is None else (at - START) // HOUR

    return [(a.subject.rule, a.subject.segment, since_start(a.starts_at) or 0, since_start(a.ends_at)) for a in alerts]


def test_each_segment_has_an_alert_of_its_own_with_its_label() -> None:
    rule = Rule("drift", CheckIsBad(test="psi"), each_segment=True)
    german = [finding(hour, 0.5 if hour < 3 else 0.0, segment="germany") for hour in range(5)]
    french = [finding(hour, 0.5 if hour > 1 else 0.0, segment="france") for hour in range(5)]

    replayed, alerts = played([rule], [*german, *french, *(finding(hour, 0.9) for hour in range(5))])

    assert hours(alerts) == [("drift", "germany", 1, 4), ("drift", "france", 3, None)]
    labels = [event.labels for step in replayed.steps for event in step.events if event.starts_at == START + HOUR]
    assert {one["segment"] for one in labels} == {"germany"}
    assert {transition.subject.segment for transition in replayed.transitions} == {"germany", "france"}


def test_a_ladder_is_one_alert_whose_severity_moves_with_a_reason() -> None:
    worse = Escalation(Severity.CRITICAL, Measured("psi", Limit(1.0, clear=0.8)))
    rule = Rule("drift", CheckIsBad(test="psi"), escalations=(worse,))

    replayed, alerts = played([rule], [finding(n, v) for n, v in enumerate([0.5, 1.2, 0.9, 0.7, 0.0])])

    events = [event for step in replayed.steps for event in step.events]
    assert [event.severity.value for event in events] == ["warning", "critical", "critical", "warning", "warning"]
    assert {event.starts_at for event in events} == {START + HOUR}
    assert events[1].annotations["escalated"] == "critical: psi(amount) = 1.2 (high limit 1)"
    assert [alert.severity for alert in alerts] == [Severity.CRITICAL]


def test_a_rule_that_asks_for_another_is_folded_after_it_wherever_it_is_written() -> None:
    either = Rule("either", AnyOf((Fires("drift"), Fires("unseen"))))
    calm = Rule("calm", Not(Fires("drift")))
    rules = [either, calm, Rule("unseen", CheckIsBad(test="unseen")), Rule("drift", CheckIsBad(test="psi"))]
    values = [0.0, 0.5, 0.0]
    findings = [finding(n, v) for n, v in enumerate(values)] + [finding(n, 0.0, "unseen") for n in range(3)]

    _, alerts = played(rules, findings)

    assert hours(alerts) == [("calm", "", 1, 2), ("drift", "", 2, 3), ("either", "", 2, 3), ("calm", "", 3, None)]
    assert [rule.name for rule in in_order(rules)] == ["drift", "unseen", "either", "calm"]


def test_missing_data_is_an_alert_of_its_own_beside_the_one_that_holds_on() -> None:
    rule = Rule("drift", CheckIsBad(test="psi"), no_data=NoData.OWN, no_data_after=HOUR, owner="growth")

    values = [0.5, None, None, None, 0.0]
    replayed, alerts = played(with_own_no_data([rule]), [finding(n, v) for n, v in enumerate(values)])

    assert hours(alerts) == [("drift", "", 1, 5), ("drift.no-data", "", 3, 5)]
    about = [e for step in replayed.steps for e in step.events if e.labels.get("no_data")]
    assert {event.labels["alertname"] for event in about} == {"drift"}
    assert about[0].annotations["owner"] == "growth"


def test_a_drop_is_seen_against_the_windows_before_and_flaps_are_marked() -> None:
    rule = Rule("worse", Dropped("f1", DropAgainst.HISTORY, Limit(0.05)))
    values = [0.9] * 8 + [0.6, 0.9, 0.9, 0.5]

    _, alerts = played([rule], [finding(n, v, "f1") for n, v in enumerate(values)])

    assert hours(alerts)[0] == ("worse", "", 9, 10)
    assert [alert.is_flap for alert in alerts] == [False, *[True] * (len(alerts) - 1)]
    assert "in the 8 windows before" in alerts[0].why


def test_a_new_version_is_held_against_the_one_before() -> None:
    rule = Rule("rollback", Dropped("f1", DropAgainst.VERSION, Limit(0.02)))
    old = [finding(n, 0.9, "f1", version="1") for n in range(4)]
    new = [finding(n, 0.8, "f1", version="2") for n in range(4, 6)]

    _, alerts = played([rule], [*old, *new])

    assert hours(alerts) == [("rollback", "", 5, None)]
    assert "of version 1 in its last 4 windows" in alerts[0].why


RULES = with_own_no_data([
    Rule("votes", CheckIsBad(test="psi"), at_least=2, of_last=3, keep=HOUR, retrain=True),
    Rule("ladder", ShareDrifted(0.2, clear_below=0.1), hold=HOUR,
         escalations=(Escalation(Severity.CRITICAL, Measured("psi", Limit(0.6, clear=0.4))),)),
    Rule("silent", CheckIsBad(test="psi"), no_data=NoData.ALERT, no_data_after=HOUR, after_deploy=2 * HOUR),
    Rule("own", AllOf((CheckIsBad(test="psi"), Not(Fires("votes")))), no_data=NoData.OWN, no_data_after=HOUR),
    Rule("slices", Measured("psi", Limit(0.3)), each_segment=True, hold=HOUR),
    Rule("trend", Trending("psi", Limit(0.1), over=4)),
])  # fmt: skip
values = st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.8, None])


@settings(max_examples=25, deadline=None)
@given(seen=st.lists(st.tuples(values, values, st.sampled_from("12")), min_size=1, max_size=12))
def test_a_process_that_restarts_after_every_window_says_what_one_that_runs_on_says(
    seen: list[tuple[float | None, float | None, str]],
) -> None:
    findings = [
        found
        for hour, (whole, german, version) in enumerate(seen)
        for found in (finding(hour, whole, version=version), finding(hour, german, segment="germany", version=version))
    ]
    expected, _ = played(RULES, findings)
    engine = create_engine("sqlite://")
    migrate(engine)
    store = SqlStores.of(engine).evaluations

    for judgement in ReplayRules(RULES, METRICS, NoPanes()).judgements(MODEL, findings):
        folding = RuleFolding(RULES, METRICS, NoPanes(), FindingsAtHand(findings), lambda _m, _w: None)  # a new process
        folded = folding.fold(MODEL, judgement, store.rule_states("churn"))
        store.commit(EvaluationCommit(judgement.evaluation, (), folded.states, folded.transitions, folded.events))

    assert _stand(expected) == store.rule_states("churn")
    assert sorted(t.key for t in store.transitions("churn")) == sorted(t.key for t in expected.transitions)
    assert all(transition.why for transition in store.transitions("churn"))
    engine.dispose()


def _stand(replayed: Replayed) -> Mapping[Subject, RuleState]:
    states: dict[Subject, RuleState] = {}
    for step in replayed.steps:
        states |= step.states
    return states


def test_an_empty_history_says_nothing() -> None:
    assert played([replace(RULES[0])], []) == (Replayed(), [])


def test_an_alert_on_a_metric_of_evidently_does_not_say_what_carries_the_drift_of_all_rows() -> None:
    built = baseline()
    profile = ModelProfile.empty(built.layouts)
    profile.update(rows(1, shift=2.0), 500)
    sides = Sides(built, {"": profile})
    model = replace(MODEL, evidently=(EvidentlySpec("ValueDrift", "ValueDrift", "amount"),))
    by_test = {}
    for test in ("psi", "ValueDrift"):
        found = finding(0, 0.9, test)
        judged = Judgement(Evaluation(found.model, found.window, EvaluationKind.DRIFT, 0, 500), [found], sides=sides)
        rule = Rule("far", Measured(test, Limit(0.1)))
        folding = RuleFolding([rule], METRICS, NoPanes(), FindingsAtHand([found]), lambda _model, _window: None)
        [by_test[test]] = folding.fold(model, judged, {}).events

    assert by_test["psi"].annotations["carried_by"].startswith("amount 100 %")
    assert "carried_by" not in by_test["ValueDrift"].annotations
