"""PagerDuty, Microsoft Teams and Alertmanager: what is posted, and under which identity."""

import json
from collections.abc import Iterator

import httpx
import pytest

from alerts.config import build_channels, parse
from alerts.model import NotifyReason, Receipt, Severity
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.testing.messages import FixedClock, alert, hostile, huge, message, resolution
from alerts.testing.servers import HttpReceiver
from monitor.adapters.system import SystemClock
from monitor.testing.servers import Alertmanager

NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_KEY", "0123456789abcdef0123456789abcdef")


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


def channel(clock: object = None, **settings: object) -> Channel:
    kinds = discover()
    config = parse({"channels": {"it": {"allow": ["127.0.0.1"], **settings}}, "route": {"channels": ["it"]}}, kinds)
    return build_channels(config, kinds, clock or FixedClock())["it"]  # type: ignore[arg-type]


def pagerduty(server: HttpReceiver) -> Channel:
    return channel(kind="pagerduty", routing_key={"env": "PD_KEY"}, url=f"{server.url}/v2/enqueue")


def test_an_incident_of_pagerduty_is_triggered_updated_and_resolved_under_one_key(receiver: HttpReceiver) -> None:
    pager = pagerduty(receiver)
    for one in (message(), message(alert(), alert("psi-tenure"), reason=NotifyReason.NEW_ALERTS), resolution()):
        pager.send(one, None)

    events = [json.loads(request.body) for request in receiver.requests]
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1
    assert len(events[0]["dedup_key"]) <= 255
    assert {event["routing_key"] for event in events} == {"0123456789abcdef0123456789abcdef"}
    assert events[0]["payload"]["severity"] == "warning"


def test_what_pagerduty_is_sent_stays_below_its_limits(receiver: HttpReceiver) -> None:
    pager = pagerduty(receiver)
    for one in (huge(), hostile()):
        pager.send(one, None)

    for request in receiver.requests:
        assert len(request.body) < 512_000
        assert len(json.loads(request.body)["payload"]["summary"]) <= 1024


def test_a_card_of_teams_shows_the_message_and_fits(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMS_URL", f"{receiver.url}/workflows/1")
    teams = channel(kind="teams", webhook_url={"env": "TEAMS_URL"})
    for one in (message(), huge(), resolution()):
        teams.send(one, None)

    cards = [json.loads(request.body)["attachments"][0]["content"] for request in receiver.requests]
    heads = [card["body"][0] for card in cards]
    assert heads[0]["items"][0]["text"] == message().title
    assert [head["style"] for head in heads][0::2] == ["warning", "good"]
    assert max(len(request.body) for request in receiver.requests) <= 24_000
    assert any("more" in str(block.get("text")) for block in cards[1]["body"])


def test_text_from_outside_is_no_markdown_in_a_card(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMS_URL", receiver.url)
    loud = alert(annotations={"title": "**[free](https://example.org/x)**"})
    channel(kind="teams", webhook_url={"env": "TEAMS_URL"}).send(message(loud), None)

    (request,) = receiver.requests
    assert "[free]" not in request.body.decode().replace("\\\\[", "").replace("\\\\]", "")


@pytest.mark.usefixtures("alertmanager")
def test_a_real_alertmanager_takes_what_fires_and_forgets_what_is_over() -> None:
    with Alertmanager(NOBODY) as server:
        central = channel(SystemClock(), kind="alertmanager", url=server.url, labels={"cluster": "east"})
        receipt = central.send(message(), None)
        (shown,) = firing(server.url)
        central.send(resolution(), receipt)

        assert firing(server.url) == []

    assert shown["labels"]["severity"] == "warning"
    assert shown["labels"]["cluster"] == "east"
    assert shown["annotations"]["title"] == message().entries[0].title


@pytest.mark.usefixtures("alertmanager")
def test_an_alert_that_gets_worse_is_one_alert_there_as_well() -> None:
    with Alertmanager(NOBODY) as server:
        central = channel(SystemClock(), kind="alertmanager", url=server.url)
        receipt = central.send(message(), None)
        worse = message(alert(severity=Severity.CRITICAL), reason=NotifyReason.SEVERITY_RAISED)
        central.send(worse, receipt)

        assert [one["labels"]["severity"] for one in firing(server.url)] == ["critical"]


def test_alerts_that_did_not_fit_are_noted(receiver: HttpReceiver) -> None:
    receipt = channel(kind="alertmanager", url=receiver.url).send(huge(), Receipt())

    assert bool(receipt.notes) == (huge().more > 0)


def firing(url: str) -> list[dict[str, dict[str, str]]]:
    answer = httpx.get(f"{url}/api/v2/alerts", trust_env=False)
    answer.raise_for_status()
    found: list[dict[str, dict[str, str]]] = answer.json()
    return found
