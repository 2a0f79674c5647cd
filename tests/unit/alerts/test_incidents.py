"""Incidents by scripts: when they open, who joins, what acknowledging stops, and what a history adds up to."""

from datetime import timedelta
from functools import reduce

import pytest

from alerts.errors import IncidentRefused, UnknownIncident
from alerts.incidents import Change, IncidentState, Mark, Step, advance, sentence
from alerts.model import NotifyReason, SkipReason
from alerts.routing import Matcher
from alerts.testing.messages import START
from alerts.testing.scripts import World

ROUTE = {"channels": ["box"], "group_by": ["model"], "collect_for": "1s", "update_every": "2s", "remind_every": "3s"}
ANN = "ann"
EARLIER = START - timedelta(hours=1)


def the_id(world: World) -> str:
    [case] = world.service.incidents.listed(is_all=True)
    return case.incident.id


def changes(world: World) -> list[str]:
    return [event.change.value for event in world.service.incidents.shown(the_id(world)).events]


def test_a_group_that_fires_when_it_has_collected_opens_one_incident_and_later_alerts_join_it() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 1.0)
    before = world.service.incidents.listed()

    world.run({2: ["+b"]}, 5)

    [case] = world.service.incidents.listed()
    assert before == []
    assert sorted(alert.labels["name"] for alert in case.alerts) == ["a", "b"]
    assert changes(world) == ["opened", "joined"]


def test_what_is_over_before_anybody_is_told_opens_no_incident() -> None:
    world = World(ROUTE)

    world.run({0.2: ["+a"], 0.6: ["-a"]}, 5)

    assert world.service.incidents.listed(is_all=True) == []


def test_an_incident_resolves_by_itself_when_its_group_is_over_and_what_fires_then_opens_another() -> None:
    world = World(ROUTE)

    world.run({0.2: ["+a"], 3: ["-a"], 6: ["+a"]}, 9)

    newer, older = world.service.incidents.listed(is_all=True)
    assert (older.incident.state, older.incident.resolved_by) == (IncidentState.RESOLVED, "driftline")
    assert newer.incident.state is IncidentState.OPEN


def test_acknowledging_stops_reminders_but_not_new_alerts_raised_severities_and_ends() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2)

    world.service.incidents.take(the_id(world), Step(Change.ACKNOWLEDGED, ANN))
    quiet = list(world.run({}, 9))
    world.run({10: ["+b"], 13: ["+a!critical"], 15: ["-a", "-b"]}, 19)

    assert quiet == ["F{a}@1.2"]
    assert world.box.reasons[1:] == [
        NotifyReason.NEW_ALERTS,
        NotifyReason.SEVERITY_RAISED,
        NotifyReason.ALL_RESOLVED,
    ]
    assert SkipReason.ACKNOWLEDGED in {one.last.reason for one in world.service.why_not()}


def test_without_an_acknowledgement_the_same_group_is_reminded_of() -> None:
    world = World(ROUTE)

    assert world.run({0.2: ["+a"]}, 5) == ["F{a}@1.2", "F{a}@4.2"]


def test_what_begins_after_a_person_has_resolved_it_opens_the_incident_again_and_reminders_go_on() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2)

    world.service.incidents.take(the_id(world), Step(Change.RESOLVED, ANN, "known"))
    calm = list(world.run({}, 6))
    world.run({6.5: ["+b"]}, 11)

    assert calm == ["F{a}@1.2"]
    assert changes(world) == ["opened", "resolved", "reopened"]
    assert world.box.reasons[-1] is NotifyReason.REMINDER


def test_where_an_incident_stands_is_the_fold_of_its_history() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2)
    book, name = world.service.incidents, the_id(world)
    [first] = book.listed()

    for step in (
        Step(Change.ACKNOWLEDGED, ANN, "looking"),
        Step(Change.ASSIGNED, ANN, value="bob"),
        Step(Change.NOTED, "bob", "the feed was late"),
        Step(Change.MARKED, "bob", value=Mark.CONFIRMED),
        Step(Change.RESOLVED, "bob", "feed mended"),
        Step(Change.MARKED, ANN, "it was the test feed", Mark.FALSE_POSITIVE),
    ):
        book.take(name[:6], step)
    history = book.shown(name)

    assert reduce(advance, history.events, first.incident) == history.case.incident
    assert history.case.incident.mark is Mark.FALSE_POSITIVE
    assert [sentence(event) for event in history.events][1:4] == [
        "Acknowledged by ann: looking",
        "Assigned to bob by ann",
        "Note by bob: the feed was late",
    ]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Step(Change.ACKNOWLEDGED, "bob"), "acknowledged already, by ann at"),
        (Step(Change.ACKNOWLEDGED, " "), "say who does it"),
        (Step(Change.NOTED, ANN, " "), "a note needs words"),
        (Step(Change.ASSIGNED, ANN), "to whom"),
        (Step(Change.MARKED, ANN, value="maybe"), "'maybe' is no mark"),
        (Step(Change.NOTED, ANN, "x" * 2001), "below 2000 characters"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_the_reason_and_changes_nothing(step: Step, why: str) -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2)
    world.service.incidents.take(the_id(world), Step(Change.ACKNOWLEDGED, ANN))
    before = world.service.incidents.shown(the_id(world))

    with pytest.raises(IncidentRefused, match=why):
        world.service.incidents.take(the_id(world), step)

    assert world.service.incidents.shown(the_id(world)) == before


def test_a_step_that_arrives_twice_is_taken_once() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2)
    step = Step(Change.NOTED, ANN, "once", key="press 1")

    world.service.incidents.take(the_id(world), step)
    world.run({}, 3)
    world.service.incidents.take(the_id(world), step)

    assert changes(world) == ["opened", "noted"]


def test_silencing_an_incident_silences_what_its_alerts_have_in_common() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a", "+b"]}, 2)

    incident = world.service.incidents.silence(
        the_id(world), Step(Change.SILENCED, ANN, key="k"), 2 * (START - EARLIER)
    )
    world.service.incidents.silence(incident.id, Step(Change.SILENCED, ANN, key="k"), 2 * (START - EARLIER))

    [silence] = world.service.silences.listed()
    assert silence.matchers == (Matcher.parse("model=m"),)
    assert silence.author == ANN
    assert changes(world) == ["opened", "silenced"]


@pytest.mark.parametrize(
    ("beginning", "said"), [("", "say which incident"), ("zzz", "no incident has an id that begins with")]
)
def test_an_id_that_leads_nowhere_is_said(beginning: str, said: str) -> None:
    world = World(ROUTE)

    with pytest.raises(UnknownIncident, match=said):
        world.service.incidents.shown(beginning)


def test_marks_are_counted_by_a_label_and_an_incident_counts_once_for_each_value() -> None:
    world = World({**ROUTE, "group_by": ["model", "name"]})
    world.run({0.2: ["+a", "+b", "+a(n)"]}, 2)
    cases = world.service.incidents.listed()
    marks = iter((Mark.CONFIRMED, Mark.FALSE_POSITIVE))

    for case in cases:
        if case.alerts[0].labels["name"] == "a":
            world.service.incidents.take(case.incident.id, Step(Change.MARKED, ANN, value=next(marks)))
    found = world.service.incidents.marks("name", EARLIER)

    assert (found["a"].confirmed, found["a"].false_positives, found["a"].unmarked) == (1, 1, 0)
    assert found["b"].unmarked == 1


def test_incidents_are_kept_as_long_as_asked_and_open_ones_always() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"], 3: ["-a"], 6: ["+a(n)"]}, 9)

    world.service.prune(world.clock.now(), EARLIER)
    kept = len(world.service.incidents.listed(is_all=True))
    world.service.prune(world.clock.now(), world.clock.now())

    assert kept == 2
    assert [case.incident.state for case in world.service.incidents.listed(is_all=True)] == [IncidentState.OPEN]


def test_an_incident_without_the_label_counts_in_no_precision() -> None:
    world = World(ROUTE)
    world.run({0.2: ["+a"]}, 2.0)

    assert list(world.service.incidents.marks("name", EARLIER)) == ["a"]
    assert world.service.incidents.marks("rule", EARLIER) == {}
