"""The same behaviour on SQLite and on PostgreSQL: incidents, their history, and the messages that show it."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from alerts.config import build_channels, parse
from alerts.errors import IncidentRefused
from alerts.incidents import Change, IncidentState, Mark, Step
from alerts.model import AlertEvent, Labels, Severity
from alerts.plugins import discover
from alerts.service import AlertService
from alerts.storage.migrate import upgrade
from alerts.testing.messages import START, FixedClock
from alerts.testing.servers import HttpReceiver, SlackServer

ROUTE = {"channels": ["ml", "pager"], "group_by": ["model"], "collect_for": "0s", "update_every": "1s"}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    engine = sa.create_engine(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
    with engine.begin() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def pager() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


@pytest.fixture
def alerts(engine: sa.Engine, slack: SlackServer, pager: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> AlertService:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-1")
    monkeypatch.setenv("PD_KEY", "0123456789abcdef0123456789abcdef")
    bot = {"kind": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ml", "base_url": slack.base_url}
    page = {"kind": "pagerduty", "routing_key": {"env": "PD_KEY"}, "url": f"{pager.url}/", "allow": ["127.0.0.1"]}
    config = parse({"channels": {"ml": bot, "pager": page}, "route": ROUTE}, discover())
    clock = FixedClock()
    service = AlertService(engine, config, build_channels(config, discover(), clock), clock)
    push(service)
    return service


def push(service: AlertService, *, check: str = "psi", ends: bool = False) -> None:
    labels = Labels.of({"model": "churn", "check": check})
    end = START + timedelta(seconds=2) if ends else None
    service.accept([AlertEvent(labels, {"title": check}, Severity.WARNING, START, end)])
    turn(service)


def turn(service: AlertService) -> None:
    service.tick()
    service.dispatch()


def actions(pager: HttpReceiver) -> list[str]:
    return [json.loads(request.body)["event_action"] for request in pager.requests]


def test_what_is_done_about_an_incident_comes_back_as_it_was_done(alerts: AlertService) -> None:
    [case] = alerts.incidents.listed()
    name = case.incident.id

    alerts.incidents.take(name[:7], Step(Change.ACKNOWLEDGED, "ann", "looking"))
    alerts.incidents.take(name, Step(Change.ASSIGNED, "ann", value="bob"))
    alerts.incidents.take(name, Step(Change.MARKED, "bob", value=Mark.FALSE_POSITIVE))
    resolved = alerts.incidents.take(name, Step(Change.RESOLVED, "bob", "a test"))
    history = alerts.incidents.shown(name)

    assert history.case.incident == resolved
    assert (resolved.acknowledged_by, resolved.assignee, resolved.mark) == ("ann", "bob", Mark.FALSE_POSITIVE)
    assert (resolved.state, resolved.resolved_at) == (IncidentState.RESOLVED, START)
    assert [(event.by, event.reason) for event in history.events][1:] == [
        ("ann", "looking"),
        ("ann", ""),
        ("bob", ""),
        ("bob", "a test"),
    ]
    assert alerts.incidents.listed() == []
    assert alerts.incidents.listed(is_all=True) == [history.case]
    with pytest.raises(IncidentRefused, match="resolved already, by bob"):
        alerts.incidents.take(name, Step(Change.RESOLVED, "ann"))


def test_slack_edits_its_message_and_pagerduty_acknowledges_when_a_person_does(
    alerts: AlertService, slack: SlackServer, pager: HttpReceiver
) -> None:
    [case] = alerts.incidents.listed()

    alerts.incidents.take(case.incident.id, Step(Change.ACKNOWLEDGED, "ann", "looking"))
    alerts.incidents.take(case.incident.id, Step(Change.NOTED, "ann", "the feed is late"))
    for _ in range(2):
        turn(alerts)

    [shown] = slack.messages.values()
    assert "Note by ann: the feed is late" in shown["blocks"]
    assert "acknowledged by ann" in shown["blocks"]
    assert [request.path for request in slack.requests] == [
        "/api/chat.postMessage",
        "/api/chat.update",
        "/api/chat.update",
    ]
    assert actions(pager) == ["trigger", "acknowledge"]


def test_an_incident_resolved_by_a_person_is_resolved_at_pagerduty_and_triggered_anew_by_what_comes_then(
    alerts: AlertService, pager: HttpReceiver
) -> None:
    [case] = alerts.incidents.listed()

    alerts.incidents.take(case.incident.id, Step(Change.RESOLVED, "ann"))
    turn(alerts)
    clock = alerts.incidents.clock
    assert isinstance(clock, FixedClock)
    clock.move(timedelta(seconds=2))
    push(alerts, check="ks")

    assert actions(pager) == ["trigger", "resolve", "trigger"]
    assert len({json.loads(request.body)["dedup_key"] for request in pager.requests}) == 1
    assert alerts.incidents.listed()[0].incident.state is IncidentState.OPEN


def test_a_mark_that_comes_after_the_end_is_shown_on_the_message_of_the_end(
    alerts: AlertService, slack: SlackServer
) -> None:
    [case] = alerts.incidents.listed()
    clock = alerts.incidents.clock
    assert isinstance(clock, FixedClock)
    clock.move(timedelta(seconds=3))
    push(alerts, ends=True)

    alerts.incidents.take(case.incident.id, Step(Change.MARKED, "ann", value=Mark.CONFIRMED))
    turn(alerts)

    first = next(iter(slack.messages.values()))
    assert ":large_green_circle:" in first["blocks"]
    assert "a real problem (ann)" in first["blocks"]
