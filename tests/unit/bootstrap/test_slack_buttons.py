"""Buttons in Slack, end to end: a signed press over HTTP, what it does, and the message edited in place."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from alerts.incidents import IncidentState, Mark
from alerts.model import AlertEvent, Labels, Severity
from alerts.service import AlertService
from alerts.testing.servers import SlackServer
from monitor.adapters.sql.engine import create_engine
from monitor.bootstrap.app import App, open_app, upgrade
from monitor.bootstrap.serving import build_api
from monitor.bootstrap.telling import alert_service_of
from monitor.domain.retraining import JobPhase
from monitor.shells.api.server import Server
from tests.unit.cli.test_commands import MODEL, MONITOR, START, Call, call

__all__ = ["call"]

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
RETRAINING = """
retraining:
  triggers: {by-hand: {kind: console}}
  policies: {careful: {trigger: by-hand, mode: ask}}
"""


@dataclass
class Room:
    """A Slack channel with one message about an incident, and the program's server."""

    app: App
    alerts: AlertService
    slack: SlackServer
    url: str

    @property
    def incident(self) -> str:
        [case] = self.alerts.incidents.listed(is_all=True)
        return case.incident.id

    @property
    def blocks(self) -> str:
        return next(iter(self.slack.messages.values()))["blocks"]

    @property
    def answers(self) -> list[str]:
        """What was said to the person alone."""
        return [json.loads(one.body)["text"] for one in self.slack.requests if one.path == "/answer"]

    def press(
        self,
        button: str,
        *,
        user: str = "U1",
        at: float | None = None,
        secret: str = SIGNING_SECRET,
        channel: str = "ml",
    ) -> int:
        """What Slack sends when somebody presses a button; the status of the answer."""
        action = {"action_id": f"driftline:{button}", "block_id": f"driftline:{channel}", "value": self.incident}
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "ann", "name": "ann"},
            "response_url": f"{self.slack.url}/answer",
            "actions": [{**action, "action_ts": str(time.time())}],
            "message": {"text": "é" * 20_000},
        }
        body = urlencode({"payload": json.dumps(payload)})
        stamp = str(int(time.time() if at is None else at))
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": str(signature)}
        headers["content-type"] = "application/x-www-form-urlencoded"
        return httpx.post(f"{self.url}/v1/slack/actions", content=body, headers=headers).status_code

    def turn(self) -> None:
        later = self.app.clock.now() + timedelta(seconds=20)
        self.alerts.tick(later)
        self.alerts.dispatch(later)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables: to make them takes longer than all the rest of a test."""
    path = tmp_path_factory.mktemp("migrated") / "monitor.db"
    engine = create_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def room(call: Call, monkeypatch: pytest.MonkeyPatch, migrated: Path) -> Iterator[Room]:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_SIGNING", SIGNING_SECRET)
    with SlackServer() as slack:
        bot = {
            "kind": "slack",
            "token": {"env": "SLACK_TOKEN"},
            "channel": "C1",
            "base_url": slack.base_url,
            "signing_secret": {"env": "SLACK_SIGNING"},
            "may_press": ["U1"],
        }
        routes = {"channels": {"ml": bot}, "route": {"channels": ["ml"], "group_by": ["model"]}}
        Path("configs/routes.yaml").write_text(json.dumps(routes))
        Path("configs/monitor.yaml").write_text(MONITOR + RETRAINING)
        Path("configs/models/price.yaml").write_text(MODEL + "retraining: careful\n")
        shutil.copy(migrated, "monitor.db")
        with open_app(Path("configs"), {}) as app:
            server = Server(build_api(app), "127.0.0.1", 0)
            server.start()
            found = Room(app, alert_service_of(app), slack, f"http://127.0.0.1:{server.port}")
            labels = Labels.of({"alertname": "drifted", "model": "price"})
            found.alerts.accept([AlertEvent(labels, {"title": "x moved"}, Severity.WARNING, START)])
            found.turn()
            yield found
            server.stop()


def test_a_press_acknowledges_under_the_name_of_who_pressed_and_the_message_says_so(room: Room) -> None:
    offered = [one["action_id"].removeprefix("driftline:") for one in _buttons(room)]
    named = {block["block_id"] for block in json.loads(room.blocks) if block["type"] == "actions"}

    status = room.press("acknowledge")
    room.turn()

    assert offered == ["acknowledge", "silence_1h", "silence_1d", "retrain", "not_a_problem"]
    assert (status, named) == (200, {"driftline:ml"})
    [case] = room.alerts.incidents.listed()
    assert (case.incident.state, case.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ann (Slack U1)")
    assert "Acknowledged by ann (Slack U1)" in room.blocks
    assert "acknowledge" not in [one["action_id"].removeprefix("driftline:") for one in _buttons(room)]
    assert len(room.slack.messages) == 1


def test_a_second_press_is_refused_to_that_person_alone(room: Room) -> None:
    room.press("acknowledge")

    status = room.press("acknowledge")

    assert status == 200
    assert room.answers[0].startswith(f"incident {room.incident[:8]} is acknowledged already, by ann (Slack U1)")


@pytest.mark.parametrize(("button", "hours"), [("silence_1h", 1), ("silence_1d", 24)])
def test_a_press_silences_what_the_incident_is_about(room: Room, button: str, hours: int) -> None:
    room.press(button)
    room.turn()

    [silence] = room.alerts.silences.listed()
    assert silence.ends_at - silence.created_at == timedelta(hours=hours)
    assert [str(one) for one in silence.matchers] == ['alertname="drifted"', 'model="price"']
    assert silence.author == "ann (Slack U1)"
    assert "Silenced for" in room.blocks


def test_what_is_not_a_problem_is_marked_resolved_and_has_no_buttons_left(room: Room) -> None:
    room.press("not_a_problem")
    room.turn()

    [case] = room.alerts.incidents.listed(is_all=True)
    assert (case.incident.mark, case.incident.state) == (Mark.FALSE_POSITIVE, IncidentState.RESOLVED)
    assert "not a problem (ann (Slack U1))" in room.blocks
    assert _buttons(room) == []


def test_retrain_asks_for_a_job_which_needs_no_second_yes(room: Room, call: Call) -> None:
    room.press("retrain")
    call("baseline", "build", "--model", "price", "--version", "1", "train.csv")
    call("backfill", "data")

    room.press("retrain")
    room.turn()

    [job] = room.app.stores.jobs.jobs()
    assert room.answers == ["no window of price has been judged, so nobody knows which version to retrain"]
    assert (job.phase, job.request.version, job.request.rule) == (JobPhase.RUNNING, "1", "drifted")
    assert "ann (Slack U1)" in {one.by for one in room.app.stores.jobs.history(job.request.key)}
    assert f"running (job {job.request.key[:8]}" in room.blocks


def test_a_press_that_another_channel_is_named_in_does_nothing(room: Room) -> None:
    status = room.press("acknowledge", channel="elsewhere")

    assert status == 200
    assert room.alerts.incidents.listed()[0].incident.state is IncidentState.OPEN


def test_whoever_may_not_press_is_told_so_and_changes_nothing(room: Room) -> None:
    status = room.press("acknowledge", user="U2")

    assert status == 200
    assert room.alerts.incidents.listed()[0].incident.state is IncidentState.OPEN
    assert "not among those who may press" in room.answers[0]


@pytest.mark.parametrize(
    ("secret", "age_s"), [("another app's secret", 0.0), (SIGNING_SECRET, 301.0), (SIGNING_SECRET, -360.0)]
)
def test_a_press_that_slack_did_not_sign_just_now_changes_nothing(room: Room, secret: str, age_s: float) -> None:
    status = room.press("acknowledge", secret=secret, at=time.time() - age_s)

    assert status == 401
    assert room.alerts.incidents.listed()[0].incident.state is IncidentState.OPEN


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-request-timestamp": "soon", "x-slack-signature": "v0=00"},
        {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": b"v0=\xff"},
    ],
)
def test_what_is_no_signature_at_all_is_refused_like_any_other(room: Room, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{room.url}/v1/slack/actions", content=b"\xff", headers=headers)

    assert answer.status_code == 401


def test_over_http_a_mistake_in_a_step_is_told_from_what_stands_against_it(room: Room) -> None:
    def post(verb: str, **body: str) -> tuple[int, str]:
        answer = httpx.post(f"{room.url}/v1/incidents/{room.incident}/{verb}", json={"by": "ann", **body})
        return answer.status_code, str(answer.json().get("detail", ""))

    mistakes = [post("acknowledge", by=" "), post("mark", **{"as": "maybe"}), post("note"), post("assign", to=" ")]
    done, again = post("resolve"), post("resolve")

    assert [status for status, _ in mistakes] == [400] * 4
    assert mistakes[0][1].startswith("say who does it")
    assert mistakes[1][1] == "'maybe' is no mark: confirmed, or false_positive"
    assert (done[0], again[0]) == (200, 409)
    assert "is resolved already, by ann" in again[1]


def _buttons(room: Room) -> list[dict[str, str]]:
    blocks = json.loads(room.blocks)
    return [button for block in blocks if block["type"] == "actions" for button in block["elements"]]
