"""The demo's training pipeline speaks both messages of retraining, signed."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from monitor.shells.demo.pipeline import PipelineSettings, Trained, TrainingPipeline

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy0xMjM0NTY3OA=="
NOW = datetime(2026, 11, 1, tzinfo=UTC)


class CallBacks:
    """A monitor in miniature that records what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.came = threading.Event()
        calls = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                calls.calls.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                calls.came.set()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def monitor() -> Iterator[CallBacks]:
    calls = CallBacks()
    yield calls
    calls.server.shutdown()
    calls.server.server_close()


def settings(monitor: CallBacks) -> PipelineSettings:
    return PipelineSettings(f"http://127.0.0.1:{monitor.server.server_port}", SECRET, SECRET)


def request(url: str, body: bytes, secret: str = SECRET) -> httpx.Response:
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "job-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("job-1", at, body.decode()),
    }
    return httpx.post(url, content=body, headers=headers, trust_env=False)


def test_a_signed_request_trains_once_and_is_called_back_signed(monitor: CallBacks) -> None:
    keys: list[str] = []

    def train(key: str) -> Trained:
        keys.append(key)
        return Trained("2", Path("train_v2.parquet"), datetime(1997, 6, 9, tzinfo=UTC))

    with TrainingPipeline(settings(monitor), train, lambda: datetime.now(UTC)) as pipeline:
        answers = [request(pipeline.url, b'{"data":{"key":"abc"}}') for _ in range(2)]
        assert monitor.came.wait(10)

    path, headers, body = monitor.calls[0]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert keys == ["abc"]
    assert path == "/v1/retraining/abc/finished"
    assert Webhook(SECRET).verify(body, headers)
    assert msgspec.json.decode(body)["model_version"] == "2"


def test_a_training_that_fails_is_reported_as_failed(monitor: CallBacks) -> None:
    def train(_key: str) -> Trained:
        raise RuntimeError("no data")

    with TrainingPipeline(settings(monitor), train, lambda: datetime.now(UTC)) as pipeline:
        request(pipeline.url, b'{"data":{"key":"abc"}}')
        assert monitor.came.wait(10)

    assert msgspec.json.decode(monitor.calls[0][2]) == {
        "key": "abc",
        "succeeded": False,
        "detail": "RuntimeError: no data",
    }


def test_a_wrong_signature_and_a_body_without_key_are_refused(monitor: CallBacks) -> None:
    other = "whsec_" + "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy0xMjM0NQ=="
    with TrainingPipeline(settings(monitor), lambda _: pytest.fail("trained"), lambda: NOW) as pipeline:
        wrong = request(pipeline.url, b'{"data":{"key":"abc"}}', other)
        empty = request(pipeline.url, b'{"data":{}}')

    assert (wrong.status_code, empty.status_code) == (401, 400)
    assert monitor.calls == []


def test_a_monitor_that_is_away_for_a_moment_is_called_again_and_the_outcome_is_told(
    monitor: CallBacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([0, 503])
    post = TrainingPipeline._post
    monkeypatch.setattr(
        TrainingPipeline,
        "_post",
        lambda *given: status if (status := next(answers, None)) is not None else post(*given),
    )
    told: list[tuple[str, bool]] = []

    with TrainingPipeline(
        settings(monitor),
        lambda _: Trained("2", Path("train_v2.parquet"), NOW),
        lambda: datetime.now(UTC),
        lambda key, accepted: told.append((key, accepted)),
    ) as pipeline:
        request(pipeline.url, b'{"data":{"key":"abc"}}')
        assert pipeline.wait_until_idle(20)

    assert pipeline.answers[-2:] == [503, 200]
    assert len(monitor.calls) == 1
    assert told == [("abc", True)]


def test_a_request_that_cannot_be_read_is_refused_and_the_pipeline_goes_on(monitor: CallBacks) -> None:
    with TrainingPipeline(settings(monitor), lambda _: pytest.fail("trained"), lambda: NOW) as pipeline:
        headers = {"webhook-id": "x", "webhook-timestamp": str(int(datetime.now(UTC).timestamp()))}
        garbled = httpx.post(
            pipeline.url, content=b"{}", headers=headers | {"webhook-signature": "nonsense"}, trust_env=False
        )
        huge = httpx.post(pipeline.url, content=b"x" * 100_000, trust_env=False)

    assert (garbled.status_code, huge.status_code) == (401, 413)
