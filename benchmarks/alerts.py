"""Telling at size: 100,000 alerts in 10,000 groups beside a real Alertmanager, and a burst over a channel that fails.

Our `tick` with nothing new is what happens every second; Alertmanager has timers instead, so the two are compared by
what they have in common: memory, and the processor time from the first alert handed over until every group has been
told, without that of making what is handed over. The burst is 10,000 alerts to a channel that fails every second time:
`lost` counts those that were never told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import structlog

from alerts.config import parse
from alerts.errors import FailureReason, Retryable
from alerts.model import AlertEvent, Labels, Receipt, Severity
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.render.document import Message
from alerts.service import AlertService
from alerts.storage.migrate import upgrade
from alerts.testing.messages import START, FixedClock
from monitor.adapters.sql.engine import create_engine
from monitor.testing.servers import Alertmanager
from monitor.testing.servers.ports import LOOPBACK

ALERTS, GROUPS, BURST = 100_000, 10_000, 10_000
_POSTED_AT_ONCE = 1_000
_TOLD_WITHIN_S = 300


class Counting:
    """A channel that counts; it fails every `fails_every`-th try (0: never)."""

    name = "counted"

    def __init__(self, fails_every: int = 0) -> None:
        self.tries = 0
        self.told: set[str] = set()
        self._fails_every = fails_every

    def send(self, message: Message, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a channel's signature
        """Count, or fail."""
        self.tries += 1
        if self._fails_every and self.tries % self._fails_every == 0:
            raise Retryable(FailureReason.SERVER_ERROR)
        self.told.update(entry.fingerprint for entry in message.entries)
        return Receipt({"number": str(self.tries)})


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Ours in a process of its own, whose memory is its own; then theirs; then the burst."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.alerts"], check=True, stdout=subprocess.PIPE, text=True)
    ours = json.loads(done.stdout.splitlines()[-1])
    say(f"ours {ours}")
    theirs = _theirs()
    say(f"Alertmanager {theirs}")
    ratios = {
        "cpu_vs_alertmanager": round(ours["cpu_s"] / theirs["alertmanager_cpu_s"], 1),
        "memory_vs_alertmanager": round(ours["memory_mb"] / theirs["alertmanager_memory_mb"], 2),
    }
    return {**ratios, **ours, **theirs, **_burst(), "alerts": ALERTS, "groups": GROUPS}


def _ours() -> dict[str, float | int]:
    with tempfile.TemporaryDirectory() as folder:
        clock, channel = FixedClock(), Counting()
        service = _service(f"sqlite:///{folder}/alerts.db", clock, channel)
        cpu, began = time.process_time(), time.monotonic()
        for first in range(0, ALERTS, _POSTED_AT_ONCE):
            making = time.process_time()
            events = [_event(number) for number in range(first, first + _POSTED_AT_ONCE)]
            cpu += time.process_time() - making
            service.accept(events)
        accepted_s = time.monotonic() - began
        while service.tick().folded:
            pass
        folded_s = time.monotonic() - began - accepted_s
        clock.move(timedelta(seconds=1))
        service.tick()
        while service.dispatch(limit=1000).sent:
            pass
        told_s = time.monotonic() - began
        used_s = time.process_time() - cpu
        clock.move(timedelta(seconds=1))
        service.tick()
        began = time.monotonic()
        for _ in range(3):
            clock.move(timedelta(seconds=1))
            service.tick()
        tick_s = (time.monotonic() - began) / 3
    return {
        "tick_s": round(tick_s, 3),
        "accept_s": round(accepted_s, 1),
        "fold_s": round(folded_s, 1),
        "told_s": round(told_s, 1),
        "cpu_s": round(used_s, 1),
        "memory_mb": _memory_mb(os.getpid()),
        "groups_told": channel.tries,
    }


def _theirs() -> dict[str, float]:
    told: set[str] = set()
    webhook = _webhook(told)
    Thread(target=webhook.serve_forever, daemon=True).start()
    configuration = json.dumps(
        {
            "route": {"receiver": "hook", "group_by": ["model"], "group_wait": "1s", "group_interval": "5m"},
            "receivers": [{"name": "hook", "webhook_configs": [{"url": f"http://{LOOPBACK}:{webhook.server_port}/"}]}],
        }
    )
    began = time.monotonic()
    with Alertmanager(configuration) as server, httpx.Client(trust_env=False, timeout=60) as client:
        for first in range(0, ALERTS, _POSTED_AT_ONCE):
            body = [_posted(number) for number in range(first, first + _POSTED_AT_ONCE)]
            client.post(f"{server.url}/api/v2/alerts", json=body).raise_for_status()
        while len(told) < GROUPS and time.monotonic() - began < _TOLD_WITHIN_S:
            time.sleep(0.1)
        told_s = time.monotonic() - began
        cpu_s, memory_mb = _cpu_seconds(server.pid), _memory_mb(server.pid)
    webhook.shutdown()
    return {
        "alertmanager_told_s": round(told_s, 1),
        "alertmanager_cpu_s": round(cpu_s, 1),
        "alertmanager_memory_mb": memory_mb,
    }


def _burst() -> dict[str, int | float]:
    """Ten thousand groups of one alert each; the clock runs on, so that what failed is tried again."""
    with tempfile.TemporaryDirectory() as folder:
        clock, channel = FixedClock(), Counting(fails_every=2)
        service = _service(f"sqlite:///{folder}/alerts.db", clock, channel)
        events = [_event(number, group=number) for number in range(BURST)]
        service.accept(events)
        while service.tick().folded:
            pass
        clock.move(timedelta(seconds=1))
        service.tick()
        began = time.monotonic()
        for _ in range(24 * 12):  # a day, after which what could not be sent is given up
            clock.move(timedelta(minutes=5))
            while service.dispatch(limit=1000).sent:
                pass
            if len(channel.told) == BURST:
                break
        return {
            "lost": BURST - len(channel.told),
            "burst_tries": channel.tries,
            "burst_s": round(time.monotonic() - began, 1),
        }


def _service(url: str, clock: FixedClock, channel: Channel) -> AlertService:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
    route = {"channels": ["counted"], "group_by": ["model"], "collect_for": "1s", "update_every": "5m"}
    config = parse({"channels": {"counted": {"kind": "console"}}, "route": route}, discover())
    return AlertService(engine, config, {"counted": channel}, clock, owner="benchmark")


def _event(number: int, group: int | None = None) -> AlertEvent:
    return AlertEvent(Labels.of(_labels(number, group)), {"summary": "PSI 0.34"}, Severity.WARNING, START)


def _labels(number: int, group: int | None = None) -> dict[str, str]:
    return {"model": f"model-{number % GROUPS if group is None else group}", "check": f"check-{number}"}


def _posted(number: int) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "labels": {**_labels(number), "severity": "warning"},
        "annotations": {"summary": "PSI 0.34"},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }


def _webhook(told: set[str]) -> ThreadingHTTPServer:
    class Receiver(BaseHTTPRequestHandler):
        """Notes which group was told."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.add(json.loads(body)["groupKey"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the library
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 1024

    return Server((LOOPBACK, 0), Receiver)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    print(json.dumps(_ours()))
