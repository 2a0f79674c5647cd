"""Middlewares around real servers: the service answers as before, and its predictions are logged beside."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import uvicorn
from litestar import Litestar, Request, post

from alerts.testing.servers import HttpReceiver
from monitor.client import AsgiMiddleware, Exchange, Logger, WsgiMiddleware
from tests.unit.client.test_logger import accepted, records, wait_for

PATHS = {"/predict"}


def extract(exchange: Exchange) -> Mapping[str, Any] | None:
    asked = json.loads(exchange.request)
    if asked.get("is_probe"):
        return None
    if "unknown_to_json" in asked:
        raise KeyError("a mistake in the extractor")
    prediction = json.loads(exchange.response)["prediction"]
    return {"model": "m", "version": "1", "features": asked, "prediction": prediction}


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver([accepted(1)] * 3) as server:
        yield server


@pytest.fixture
def logger(receiver: HttpReceiver) -> Iterator[Logger]:
    with Logger(receiver.url, linger_s=30) as logger:
        yield logger


def app(logger: Logger) -> AsgiMiddleware:
    @post("/predict", status_code=200)
    async def predict(request: "Request[Any, Any, Any]") -> dict[str, str]:
        asked = await request.json()
        time.sleep(asked.get("sleep_s", 0))
        if asked.get("fails"):
            raise RuntimeError("the model is broken")
        return {"prediction": "yes" if asked["amount"] > 1 else "no"}

    @post("/other", status_code=200)
    async def other() -> dict[str, str]:
        return {"prediction": "never"}

    inner = Litestar([predict, other], logging_config=None)
    return AsgiMiddleware(inner, logger=logger, extract=extract, paths=PATHS, most_body_bytes=1_000)  # type: ignore[arg-type]


def wsgi(logger: Logger) -> WsgiMiddleware:
    def predict(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        asked = json.loads(body or b"{}")
        time.sleep(asked.get("sleep_s", 0))
        status = "500 Internal Server Error" if asked.get("fails") else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        yield b'{"prediction": '
        yield b'"yes"}' if asked.get("amount", 0) > 1 else b'"no"}'

    return WsgiMiddleware(predict, logger=logger, extract=extract, paths=PATHS, most_body_bytes=1_000)


@contextmanager
def served_by_uvicorn(logger: Logger) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app(logger), port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


class Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Drop it."""


@contextmanager
def served_by_wsgiref(logger: Logger) -> Iterator[str]:
    with make_server("127.0.0.1", 0, wsgi(logger), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.fixture(params=[served_by_uvicorn, served_by_wsgiref])
def url(request: pytest.FixtureRequest, logger: Logger) -> Iterator[str]:
    with request.param(logger) as url:
        yield url


def logged(logger: Logger, receiver: HttpReceiver, expected: int) -> list[dict[str, object]]:
    """What arrived; a record is logged just after its answer has left."""
    wait_for(lambda: logger.counts.logged >= expected, 5 if expected else 0.2)
    logger.flush()
    return [record for request in receiver.requests for record in records(request)]


def ask(url: str, path: str = "/predict", **asked: object) -> httpx.Response:
    return httpx.post(url + path, json=asked)


def test_a_prediction_is_logged_with_the_time_that_its_answer_took(
    url: str, logger: Logger, receiver: HttpReceiver
) -> None:
    answer = ask(url, amount=2.5, sleep_s=0.05)
    found = logged(logger, receiver, expected=1)

    assert answer.json() == {"prediction": "yes"}
    assert [(one["model"], one["prediction"]) for one in found] == [("m", "yes")]
    assert found[0]["features"] == {"amount": 2.5, "sleep_s": 0.05}
    assert found[0]["latency_ms"] >= 50  # type: ignore[operator]


def test_other_paths_probes_and_errors_are_not_logged_and_answered_as_ever(
    url: str, logger: Logger, receiver: HttpReceiver
) -> None:
    answers = [ask(url, "/other"), ask(url, amount=1, is_probe=True), ask(url, amount=1, fails=True)]
    found = logged(logger, receiver, expected=0)

    assert [answer.status_code for answer in answers] == [200, 200, 500]
    assert found == []


def test_an_extractor_that_fails_or_a_body_beyond_the_bound_costs_only_the_record(
    url: str, logger: Logger, receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ask(url, amount=2, unknown_to_json="breaks the extractor")
    large = ask(url, amount=2, text="x" * 2_000)
    good = ask(url, amount=3)
    found = logged(logger, receiver, expected=1)

    assert [answer.json() for answer in (broken, large, good)] == [{"prediction": "yes"}] * 3
    assert [one["features"] for one in found] == [{"amount": 3}]
    assert "no prediction could be taken from POST /predict" in caplog.text


def test_an_extractor_may_find_several_predictions(receiver: HttpReceiver, logger: Logger) -> None:
    from monitor.client.exchange import Capture

    def several(exchange: Exchange) -> list[Mapping[str, Any]]:
        return [{"model": "m", "version": "1", "features": {"n": n}} for n in range(3)]

    Capture(logger, several, PATHS).log(Exchange("POST", "/predict", b"", b"", 200, 1.0))
    found = logged(logger, receiver, expected=3)

    assert [one["features"] for one in found] == [{"n": 0}, {"n": 1}, {"n": 2}]
