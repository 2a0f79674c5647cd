"""Alerts that rules would have raised meet what people said of the time."""

from datetime import UTC, datetime, timedelta

from monitor.domain.rules import Severity, Subject
from monitor.usecases.match_incidents import PastIncident, match_incidents
from monitor.usecases.replay_rules import PastAlert

START = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = {"drift": "drift"}


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def alert(begins: float, ends: float | None, segment: str = "") -> PastAlert:
    subject = Subject(model="churn", rule="drift", segment=segment)
    return PastAlert(subject, Severity.WARNING, at(begins), None if ends is None else at(ends), "")


def incident(name: str, begins: float, ends: float | None, *, rule: str = "drift", ok: bool = True) -> PastIncident:
    return PastIncident(name, rule, "", at(begins), None if ends is None else at(ends), is_confirmed=ok)


def test_an_alert_meets_the_incident_of_its_time_that_says_most_about_it() -> None:
    theirs, false, true = incident("1", 0, 9, rule="data"), incident("2", 0, 9, ok=False), incident("3", 8, 9)
    alerts = [alert(0, 2), alert(8, None), alert(20, 21)]

    matched = match_incidents(alerts, [theirs, false, true], NAMES, START, at(30))

    assert [matched.by_alert.get(one) for one in alerts] == [false, true, None]
    assert matched.missed == []


def test_a_confirmed_incident_of_these_rules_that_no_alert_meets_was_missed() -> None:
    missed, other, false = incident("1", 3, 4), incident("2", 3, 4, rule="data"), incident("3", 3, 4, ok=False)

    matched = match_incidents([alert(5, 6)], [missed, other, false], NAMES, START, at(30))

    assert (dict(matched.by_alert), matched.missed) == ({}, [missed])


def test_another_segment_is_another_subject() -> None:
    assert not match_incidents([alert(0, 9, "DE")], [incident("1", 0, 9)], NAMES, START, at(30)).by_alert


def test_an_incident_of_another_time_is_neither_met_nor_missed() -> None:
    before, after = incident("1", -9, -8), incident("2", 31, None)

    matched = match_incidents([alert(0, 1)], [before, after], NAMES, START, at(30))

    assert (dict(matched.by_alert), matched.missed) == ({}, [])
