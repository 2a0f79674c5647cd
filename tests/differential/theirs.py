"""Scripts played to a real Alertmanager, all at once and in real time: a route, channels and labels for each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import yaml

from monitor.testing.servers import Alertmanager
from monitor.testing.servers.ports import LOOPBACK
from tests.differential.messages import Heard, Heards
from tests.differential.scripts import (
    SEVERITY,
    STEPS_A_SECOND,
    UNTIL,
    Push,
    RouteScript,
    Script,
    Silencing,
    Unsilencing,
)

AT_ONCE = 200
"""Scripts in one Alertmanager. It clears finished groups every 30 s; a run is over before."""
_PHASES = 20  # scripts begin spread over one second, so that not all messages come in one burst

_BY_NOTHING = ("absent",)  # an empty list would be taken from the route above


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A request of the webhook: when it came, for which script and channel, and what it said."""

    at: datetime
    script: int
    channel: str
    body: Mapping[str, object]


def play(scripts: Sequence[Script]) -> list[Heards]:
    """What the channels of every script hear, in the order of the scripts; takes 20 s for each `AT_ONCE`."""
    found: list[Heards] = []
    for start in range(0, len(scripts), AT_ONCE):
        found += _Run(scripts[start : start + AT_ONCE]).heard()
    return found


class _Run:
    """One Alertmanager, its webhooks and the scripts that it is given."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._arrivals: list[_Arrival] = []
        self._begin = datetime.now(UTC)
        self._silences: dict[int, list[str]] = {}

    def heard(self) -> list[Heards]:
        with _webhooks(self._arrivals) as webhooks:
            receiver = Thread(target=webhooks.serve_forever, daemon=True)
            receiver.start()
            try:
                with Alertmanager(_configuration(self._scripts, webhooks.server_port)) as server:
                    self._play(server.url)
            finally:
                webhooks.shutdown()
        found = [Heards() for _ in self._scripts]
        for arrival in self._arrivals:
            seconds = (arrival.at - self._start_of(arrival.script)).total_seconds()
            slot = round(seconds * STEPS_A_SECOND) / STEPS_A_SECOND
            if slot < UNTIL:
                found[arrival.script][_heard(arrival, slot)] += 1
        return found

    def _start_of(self, number: int) -> datetime:
        return self._begin + timedelta(seconds=number % _PHASES / _PHASES)

    def _play(self, url: str) -> None:
        self._begin = datetime.now(UTC) + timedelta(seconds=0.3)
        with httpx.Client(base_url=f"{url}/api/v2", trust_env=False) as client:
            for second in range(int(UNTIL) + 1):
                for phase in range(min(_PHASES, len(self._scripts))):
                    _sleep_until(self._start_of(phase) + timedelta(seconds=second))
                    self._do(client, phase, second)
        _sleep_until(self._start_of(_PHASES - 1) + timedelta(seconds=UNTIL))

    def _do(self, client: httpx.Client, phase: int, second: int) -> None:
        pushes: list[Mapping[str, object]] = []
        for number in range(phase, len(self._scripts), _PHASES):
            for step in self._scripts[number].steps.get(second, ()):
                if isinstance(step, Push):
                    pushes.append(self._alert(number, step))
                else:
                    self._silence(client, number, step)
        if pushes:
            client.post("/alerts", json=pushes).raise_for_status()

    def _alert(self, number: int, push: Push) -> Mapping[str, object]:
        start = self._start_of(number)
        labels = {**push.labels, "severity": SEVERITY[push.name], "script": str(number)}
        alert: dict[str, object] = {"labels": labels, "startsAt": _text(start + timedelta(seconds=push.starts))}
        if push.ends is not None:
            alert["endsAt"] = _text(start + timedelta(seconds=push.ends))
        return alert

    def _silence(self, client: httpx.Client, number: int, step: Silencing | Unsilencing) -> None:
        if not isinstance(step, Silencing):
            for name in self._silences.pop(number, []):
                client.delete(f"/silence/{name}").raise_for_status()
            return
        ends_at = self._start_of(number) + timedelta(seconds=step.until)
        silence = {
            "matchers": [_matcher(step.matcher), _matcher(f'script="{number}"')],
            "startsAt": _text(datetime.now(UTC)),
            "endsAt": _text(ends_at),
            "createdBy": "ann",
            "comment": "deploying",
        }
        answer = client.post("/silences", json=silence)
        answer.raise_for_status()
        self._silences.setdefault(number, []).append(answer.json()["silenceID"])


def _webhooks(arrivals: list[_Arrival]) -> ThreadingHTTPServer:
    class Receiver(BaseHTTPRequestHandler):
        """Keeps what is posted to /SCRIPT/CHANNEL."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = datetime.now(UTC)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            _, script, channel = self.path.split("/")
            arrivals.append(_Arrival(at, int(script), channel, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    return Server((LOOPBACK, 0), Receiver)


def _configuration(scripts: Sequence[Script], port: int) -> str:
    receivers: list[Mapping[str, object]] = [{"name": "nobody"}]
    routes, inhibit = [], []
    for number, script in enumerate(scripts):
        mine = f'script="{number}"'
        receivers += [_receiver(number, node, port) for node in script.root.walk()]
        routes.append({**_route(number, script.root), "matchers": [mine]})
        inhibit += [
            {
                "source_matchers": [*rule.when, mine],
                "target_matchers": [*rule.mute, mine],
                "equal": [*rule.equal, "script"],
            }
            for rule in script.inhibit
        ]
    root = {"receiver": "nobody", "routes": routes}
    return yaml.safe_dump({"route": root, "receivers": receivers, "inhibit_rules": inhibit})


def _receiver(number: int, node: RouteScript, port: int) -> Mapping[str, object]:
    url = f"http://{LOOPBACK}:{port}/{number}/{node.channel}"
    return {
        "name": f"{number}-{node.channel}",
        "webhook_configs": [{"url": url, "send_resolved": node.send_resolved}],
    }


def _route(number: int, node: RouteScript) -> Mapping[str, object]:
    return {
        "receiver": f"{number}-{node.channel}",
        "matchers": [*node.match],
        "group_by": [*(node.group_by or _BY_NOTHING)],
        "group_wait": f"{round(node.collect * 1000)}ms",
        "group_interval": f"{node.update}s",
        "repeat_interval": f"{node.remind}s" if node.remind else "1h",
        "continue": node.continues,
        "routes": [_route(number, child) for child in node.routes],
    }


def _matcher(text: str) -> Mapping[str, object]:
    name, operator, value = _split(text)
    return {"name": name, "value": value, "isRegex": "~" in operator, "isEqual": "!" not in operator}


def _split(text: str) -> tuple[str, str, str]:
    head, value, _ = text.split('"')
    name = head.rstrip("=~!")
    return name, head[len(name) :], value


def _heard(arrival: _Arrival, slot: float) -> Heard:
    alerts = arrival.body["alerts"]
    if not isinstance(alerts, list):
        msg = f"a webhook without a list of alerts: {arrival.body}"
        raise TypeError(msg)
    firing, resolved = (_names(alerts, status) for status in ("firing", "resolved"))
    return Heard(slot, arrival.channel, not firing, firing, resolved)


def _names(alerts: Iterable[Mapping[str, Any]], status: str) -> tuple[str, ...]:
    labels = [alert["labels"] for alert in alerts if alert["status"] == status]
    return tuple(sorted(f"{one['name']}({one['model']})" for one in labels))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _sleep_until(at: datetime) -> None:
    time.sleep(max((at - datetime.now(UTC)).total_seconds(), 0))
