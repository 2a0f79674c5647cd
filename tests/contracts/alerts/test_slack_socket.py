"""Socket Mode against a server that behaves like Slack's: a ticket over HTTP, envelopes over a WebSocket."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from alerts.buttons import Button
from alerts.slack_actions import SlackPress
from alerts.slack_socket import SocketApp, SocketListener
from alerts.testing.servers import Answer, HttpReceiver, Request, slack_says

DEADLINE_S = 20.0
TOKEN = "xapp-1-secret"


@dataclass
class SocketSlack:
    """Slack's side: how it answers requests for a ticket, who is connected, what was acknowledged and when."""

    refuses: list[dict[str, object]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def on_socket(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        socket.send(json.dumps({"type": "hello", "num_connections": 1}))
        try:
            for text in socket:
                self.acknowledged.append(json.loads(text)["envelope_id"])
        except ConnectionClosed:
            pass

    def envelope(self, name: str, button: str = "acknowledge", channel: str = "ml") -> None:
        """Send a press over the newest connection."""
        action = {"action_id": f"driftline:{button}", "block_id": f"driftline:{channel}", "value": "abc"}
        payload = {"type": "block_actions", "user": {"id": "U1", "username": "ann"}, "actions": [action]}
        self.send({"type": "interactive", "envelope_id": name, "payload": payload, "accepts_response_payload": False})

    def send(self, document: dict[str, object]) -> None:
        self.sockets[-1].send(json.dumps(document))


@contextmanager
def slack() -> Iterator[tuple[SocketSlack, str]]:
    """Both servers; the address for `base_url`."""
    side = SocketSlack()
    with serve(side.on_socket, "127.0.0.1", 0) as sockets:
        port = sockets.socket.getsockname()[1]
        threading.Thread(target=sockets.serve_forever, daemon=True).start()

        class Tickets(HttpReceiver):
            def usual(self, request: Request) -> Answer:
                side.asked.append(f"{request.path} {request.headers['authorization']}")
                if side.refuses:
                    return slack_says(side.refuses.pop(0))
                return slack_says({"ok": True, "url": f"ws://127.0.0.1:{port}/link/?ticket=secret-ticket"})

        with Tickets() as tickets:
            yield side, f"{tickets.url}/api/"
        sockets.shutdown()


@contextmanager
def listening(base_url: str, handle: Callable[[SlackPress, frozenset[str]], None]) -> Iterator[threading.Thread]:
    stop = threading.Event()
    app = SocketApp(SecretStr(TOKEN), base_url, {"ml": frozenset({"U1"})})
    thread = threading.Thread(target=SocketListener(app, handle).listen, args=(stop, lambda: None), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(DEADLINE_S)


def until(is_true: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.02)


def test_a_press_is_acknowledged_before_it_is_done_and_one_that_comes_again_is_done_once() -> None:
    pressed: list[SlackPress] = []
    may_go = threading.Event()

    def slowly(press: SlackPress, may_press: frozenset[str]) -> None:
        assert may_press == {"U1"}
        may_go.wait(DEADLINE_S)
        pressed.append(press)

    with slack() as (side, url), listening(url, slowly) as thread:
        until(lambda: side.sockets)
        side.envelope("e1")
        side.envelope("e1")
        side.envelope("e2", channel="elsewhere")
        side.send({"type": "events_api", "envelope_id": "e3", "payload": {}})
        side.envelope("e4", button="silence_1h")
        until(lambda: sorted(side.acknowledged) == ["e1", "e1", "e2", "e3", "e4"])
        before = list(pressed)
        may_go.set()
        until(lambda: len(pressed) == 2)

    assert side.asked == [f"/api/apps.connections.open Bearer {TOKEN}"]
    assert before == []
    assert {one.press.button for one in pressed} == {Button.ACKNOWLEDGE, Button.SILENCE_HOUR}
    assert pressed[0].press.by == "ann (Slack U1)"
    assert not thread.is_alive()


def test_whoever_is_sent_away_comes_back_with_a_new_ticket(capsys: pytest.CaptureFixture[str]) -> None:
    pressed: list[SlackPress] = []

    with slack() as (side, url), listening(url, lambda press, _: pressed.append(press)):
        until(lambda: side.sockets)
        side.send({"type": "disconnect", "reason": "refresh_requested"})
        until(lambda: len(side.sockets) == 2)
        side.envelope("e1")
        until(lambda: len(pressed) == 1)
        side.sockets[-1].close()  # without a word before
        until(lambda: len(side.sockets) == 3)
        side.envelope("e2")
        until(lambda: len(pressed) == 2)

    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err
    assert "secret-ticket" not in said.out + said.err


def test_a_refusal_is_said_without_secrets_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    with slack() as (side, url):
        side.refuses = [{"ok": False, "error": "invalid_auth"}]
        with listening(url, lambda *_: None):
            until(lambda: side.sockets)

    said = capsys.readouterr().out
    assert "slack_socket_unavailable" in said
    assert "invalid_auth" in said
    assert TOKEN not in said


def test_a_press_that_cannot_be_done_does_not_end_the_connection() -> None:
    tried: list[str] = []

    def fails(press: SlackPress, _: frozenset[str]) -> None:
        tried.append(press.press.incident)
        raise RuntimeError(TOKEN)

    with slack() as (side, url), listening(url, fails):
        until(lambda: side.sockets)
        for name in ("e1", "e2"):
            side.envelope(name)
        until(lambda: len(tried) == 2)

    assert len(side.sockets) == 1
