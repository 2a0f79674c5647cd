"""Every trigger passes the conformance kit; webhooks talk to a real HTTP server, commands are real processes."""

import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from monitor.adapters.guarded_http import AddressRefused, AllowList, GuardedBackend
from monitor.adapters.triggers import command, console, webhook
from monitor.adapters.triggers.command import CommandSettings, CommandTrigger
from monitor.adapters.triggers.console import ConsoleTrigger
from monitor.adapters.triggers.webhook import WebhookSettings, WebhookTrigger
from monitor.domain.errors import TriggerFailed
from monitor.domain.retraining import RunPhase, RunState
from monitor.testing.triggers import REQUEST, Mood, TriggerConformance, TriggerRig

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH_TOKEN = "token-in-the-path"


class FixedClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Pipeline:
    """An HTTP server that answers as told and remembers what came."""

    def __init__(self) -> None:
        self.status, self.body = 202, b'{"run_id": "run-7"}'
        self.headers: dict[str, str] = {}
        self.hang = threading.Event()
        self.is_hanging = False
        self.received: list[tuple[bytes, dict[str, str]]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def keys(self) -> list[str]:
        return [json.loads(body)["data"]["key"] for body, _ in self.received]

    def close(self) -> None:
        self.hang.set()
        self.server.shutdown()
        self.server.server_close()

    def _handler(pipeline) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                pipeline.received.append((body, {k.lower(): v for k, v in self.headers.items()}))
                if pipeline.is_hanging:
                    pipeline.hang.wait(30)
                    return
                self.send_response(pipeline.status)
                for name, value in pipeline.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(pipeline.body)))
                self.end_headers()
                self.wfile.write(pipeline.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    server = Pipeline()
    yield server
    server.close()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def to(port: int, *, allow: tuple[str, ...] = ("127.0.0.1",), host: str = "127.0.0.1") -> WebhookTrigger:
    url = f"http://{host}:{port}/{PATH_TOKEN}"
    return WebhookTrigger(WebhookSettings(url=url, secret=SECRET, timeout_s=0.5, allow=allow), FixedClock())


class TestWebhookTrigger(TriggerConformance):
    @pytest.fixture
    def rig(self, pipeline: Pipeline) -> TriggerRig:
        def build(mood: Mood) -> WebhookTrigger:
            pipeline.status = {Mood.REFUSES: 422, Mood.BUSY: 503}.get(mood, 202)
            pipeline.is_hanging = mood is Mood.HANGS
            return to(unused_port() if mood is Mood.GONE else pipeline.port)

        moods = {Mood.REFUSES: False, Mood.BUSY: True, Mood.HANGS: True, Mood.GONE: True}
        return TriggerRig(build, pipeline.keys, moods=moods, secrets=(SECRET, PATH_TOKEN), patience_s=5)


class TestCommandTrigger(TriggerConformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> TriggerRig:
        log = tmp_path / "started"
        log.touch()
        python = {
            Mood.ACCEPTS: "import os; open(os.environ['LOG'], 'a').write(os.environ['DRIFTLINE_JOB_KEY'] + '\\n')",
            Mood.REFUSES: "import os, sys; sys.exit('no place for ' + os.environ['TOKEN'])",
            Mood.BUSY: "import sys; sys.exit(75)",
            Mood.HANGS: "import time; time.sleep(60)",
        }

        def build(mood: Mood) -> CommandTrigger:
            program = ("/nowhere/pipeline",) if mood is Mood.GONE else (sys.executable, "-c", python[mood])
            env = {"LOG": str(log), "TOKEN": "s3cr3t"}
            return CommandTrigger(CommandSettings(command=program, env=env, timeout_s=2))

        moods = {Mood.REFUSES: False, Mood.BUSY: True, Mood.HANGS: False, Mood.GONE: False}
        return TriggerRig(build, lambda: log.read_text().split(), moods=moods, secrets=("s3cr3t",))


class TestConsoleTrigger(TriggerConformance):
    @pytest.fixture
    def rig(self, capsys: pytest.CaptureFixture[str]) -> TriggerRig:
        return TriggerRig(
            lambda _mood: ConsoleTrigger(), lambda: re.findall(r"job (\w{32})\n", capsys.readouterr().err)
        )


def test_the_kit_refuses_a_trigger_that_breaks_its_promises() -> None:
    class Broken:
        resend_is_safe = True

        def start(self, request: object, parameters: Mapping[str, object]) -> str | None:
            parameters.clear()  # type: ignore[attr-defined]  # the promise that it breaks
            raise ConnectionError(f"could not reach it with {SECRET}")

        def follow(self, request: object, external_id: str | None) -> RunState:
            return RunState(RunPhase.FAILED)

    rig = TriggerRig(
        lambda _mood: Broken(), list, runs=list, go_to=lambda *_: None, moods={Mood.GONE: True}, secrets=(SECRET,)
    )
    promises = [name for name in dir(TriggerConformance) if name.startswith("test_")]

    for promise in promises:
        with pytest.raises((AssertionError, ConnectionError)):
            getattr(TriggerConformance(), promise)(rig)

    assert len(promises) == 7


def test_a_webhook_is_signed_names_its_job_and_says_what_is_asked(pipeline: Pipeline) -> None:
    answer = to(pipeline.port).start(REQUEST, {"policy": "default"})

    body, headers = pipeline.received[0]
    content = Webhook(SECRET).verify(body, headers)
    assert answer == "run-7"
    assert headers["webhook-id"] == REQUEST.key
    assert content["type"] == "retraining.requested"
    assert content["data"] == {
        "key": REQUEST.key,
        "model": "churn",
        "version": "3",
        "rule": "drift",
        "at": "2026-11-01T12:00:00Z",
        "why": REQUEST.why,
        "requested_by": None,
        "parameters": {"policy": "default"},
    }


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, b'{"id": 12}', "12"),
        (201, b"", None),
        (202, b"not json", None),
        (200, b"[" * 100_000, None),
        (409, b'{"id": "old"}', "old"),
        (200, b'{"id": "x", "pad": "' + b"x" * 70_000 + b'"}', None),
    ],
)
def test_the_answer_s_id_is_kept_where_it_can_be_read(
    pipeline: Pipeline, status: int, body: bytes, answer: str | None
) -> None:
    pipeline.status, pipeline.body = status, body

    assert to(pipeline.port).start(REQUEST, {}) == answer


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (404, False), (408, True), (429, True), (500, True)])
def test_a_status_says_whether_to_try_again(pipeline: Pipeline, status: int, retryable: bool) -> None:
    pipeline.status = status

    with pytest.raises(TriggerFailed, match=str(status)) as caught:
        to(pipeline.port).start(REQUEST, {})

    assert caught.value.retryable is retryable


def test_a_redirect_is_not_followed(pipeline: Pipeline) -> None:
    pipeline.status, pipeline.headers = 307, {"location": f"http://127.0.0.1:{pipeline.port}/elsewhere"}

    with pytest.raises(TriggerFailed, match="redirects are not followed") as caught:
        to(pipeline.port).start(REQUEST, {})

    assert caught.value.retryable is False
    assert len(pipeline.received) == 1


def test_the_environment_cannot_send_requests_through_a_proxy(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")

    to(pipeline.port).start(REQUEST, {})

    assert pipeline.keys() == [REQUEST.key]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_that_is_not_public_is_called_only_when_it_is_listed(pipeline: Pipeline, host: str) -> None:
    with pytest.raises(TriggerFailed, match="list it under `allow`") as caught:
        to(pipeline.port, allow=(), host=host).start(REQUEST, {})

    assert caught.value.retryable is False
    assert pipeline.received == []


@pytest.mark.parametrize(
    ("address", "allow", "permitted"),
    [
        ("93.184.215.14", (), True),
        ("10.1.2.3", (), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("10.1.2.3", ("pipeline.internal",), True),
        ("10.1.2.3", ("other.internal",), False),
        ("169.254.169.254", (), False),
        ("::1", (), False),
        ("::ffff:127.0.0.1", (), False),
        ("64:ff9b::7f00:1", (), False),
        ("224.0.0.1", (), False),
        ("0.0.0.0", (), False),
    ],
)
def test_which_addresses_may_be_called(address: str, allow: tuple[str, ...], permitted: bool) -> None:
    import ipaddress

    assert AllowList.of(allow).permits("Pipeline.internal", ipaddress.ip_address(address)) is permitted


def test_a_local_socket_is_never_called() -> None:
    with pytest.raises(AddressRefused):
        GuardedBackend(AllowList()).connect_unix_socket("/run/docker.sock")


def test_a_command_gets_the_request_in_its_environment_and_nothing_else_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-ours")
    out = tmp_path / "environment.json"
    code = f"import json, os; json.dump(dict(os.environ), open({str(out)!r}, 'w')); print(); print(' run-9 ')"

    answer = CommandTrigger(CommandSettings(command=(sys.executable, "-c", code))).start(REQUEST, {"policy": "default"})

    seen = json.loads(out.read_text())
    assert answer == "run-9"
    assert "SLACK_TOKEN" not in seen
    assert (seen["DRIFTLINE_MODEL"], seen["DRIFTLINE_WHY"]) == ("churn", REQUEST.why)
    assert json.loads(seen["DRIFTLINE_REQUEST"])["parameters"] == {"policy": "default"}


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "survivor"
    child = f"import time; time.sleep(1.5); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(30)"

    with pytest.raises(TriggerFailed, match=r"longer than 0\.7 s"):
        CommandTrigger(CommandSettings(command=(sys.executable, "-c", code), timeout_s=0.7)).start(REQUEST, {})
    threading.Event().wait(1.8)

    assert not mark.exists()


def test_a_command_that_talks_without_end_fills_no_memory() -> None:
    code = "import sys; sys.stdout.write('run-1\\n' + 'x' * 5_000_000); sys.stderr.write('y' * 5_000_000); sys.exit(3)"

    with pytest.raises(TriggerFailed, match="exit code 3") as caught:
        CommandTrigger(CommandSettings(command=(sys.executable, "-c", code))).start(REQUEST, {})

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("kind", [webhook.KIND, command.KIND, console.KIND], ids=lambda kind: kind.name)
def test_a_kind_refuses_settings_that_it_does_not_know(kind: object) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.settings.model_validate({"colour": "red"})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (webhook.KIND, {"url": "https://example.com/train", "secret": SECRET}),
        (command.KIND, {"command": ["true"]}),
        (console.KIND, {}),
    ],
)
def test_a_kind_builds_its_trigger_from_settings(kind: object, settings: dict[str, object]) -> None:
    build: Callable[..., object] = kind.build  # type: ignore[attr-defined]

    assert hasattr(build(kind.settings.model_validate(settings), FixedClock()), "start")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://example.com", "secret": SECRET},
        {"url": "https:///train", "secret": SECRET},
        {"url": "https://example.com", "secret": "not base64!"},
        {"url": "https://example.com", "secret": SECRET, "timeout_s": 0},
    ],
)
def test_mistakes_in_webhook_settings_are_found_and_never_repeat_the_secret(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        WebhookSettings.model_validate(settings)

    assert "not base64!" not in str(caught.value)
    assert SECRET not in str(caught.value)
