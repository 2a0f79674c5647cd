"""A training pipeline in miniature: takes a signed retraining request, trains, and calls back, signed.

It stands where Airflow or a CI system stands in production, and speaks the same two messages: the trigger's webhook
(Standard Webhooks) and the call-back `POST /v1/retraining/{key}/finished`.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from monitor.domain.time import format_instant

CALL_BACK_TIMEOUT_S = 60.0
CALL_BACK_TRIES = 6
"""With pauses of 0.5, 1, 2, 4 and 8 seconds between them: a monitor that is restarted meanwhile is reached."""
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run made: a version, its training set, and the event time from which it serves."""

    version: str
    training_data: Path
    effective_from: datetime


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Where the pipeline listens and whom it answers; the secrets are those of the trigger and of the call-back."""

    call_back_url: str
    trigger_secret: str
    call_back_secret: str
    host: str = "127.0.0.1"
    port: int = 0


class TrainingPipeline:
    """Runs `train(key)` in a thread of its own for every new request, one at a time, then calls back.

    The same key twice is the same run. `train` may take as long as it likes; what it raises becomes a failed job.
    `answered(key, accepted)` is told once a run, in its thread: whether the monitor took the call-back (2xx).
    """

    def __init__(
        self,
        settings: PipelineSettings,
        train: Callable[[str], Trained],
        now: Callable[[], datetime],
        answered: Callable[[str, bool], object] | None = None,
    ) -> None:
        self._settings, self._train, self._now, self._answered = settings, train, now, answered
        self._server = ThreadingHTTPServer((settings.host, settings.port), self._handler())
        self._server.daemon_threads = True
        self._turn, self._known = threading.Lock(), set[str]()
        self._runs: list[threading.Thread] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        """Where the trigger sends its request."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/train"

    def __enter__(self) -> Self:
        """Listen."""
        threading.Thread(target=self._server.serve_forever, name="pipeline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; a run under way is abandoned."""
        self._server.shutdown()
        self._server.server_close()

    def wait_until_idle(self, deadline_s: float) -> bool:
        """Wait for the runs under way and their call-backs; False when the deadline came first."""
        end = time.monotonic() + deadline_s
        for run in list(self._runs):
            run.join(max(0.0, end - time.monotonic()))
        return not any(run.is_alive() for run in self._runs)

    def accept(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Answer a request: 401 for a wrong signature, 400 for a body without key, else 202 with the run's id."""
        try:
            Webhook(self._settings.trigger_secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):  # ValueError: a header or body that cannot even be read
            return 401, {"error": "the signature does not match"}
        key = _key(body)
        if key is None:
            return 400, {"error": "the body names no job: expected data.key"}
        if key not in self._known:
            self._known.add(key)
            run = threading.Thread(target=self._run, args=(key,), name="training", daemon=True)
            self._runs.append(run)
            run.start()
        return 202, {"run_id": f"run-{key[:8]}"}

    def _run(self, key: str) -> None:
        with self._turn:
            try:
                trained = self._train(key)
            except Exception as error:  # noqa: BLE001 - whatever went wrong in training is the job's outcome
                self._call_back(key, {"succeeded": False, "detail": f"{type(error).__name__}: {error}"})
            else:
                outcome = {
                    "succeeded": True,
                    "model_version": trained.version,
                    "training_data": str(trained.training_data),
                    "effective_from": format_instant(trained.effective_from),
                }
                self._call_back(key, outcome)

    def _call_back(self, key: str, outcome: dict[str, object]) -> None:
        body = msgspec.json.encode({"key": key, **outcome})
        accepted = False
        for attempt in range(CALL_BACK_TRIES):
            status = self._post(key, body)
            self.answers.append(status)
            accepted = 200 <= status < 300
            if 0 < status < 500:
                break
            if attempt + 1 < CALL_BACK_TRIES:
                time.sleep(0.5 * 2**attempt)
        if self._answered is not None:
            self._answered(key, accepted)

    def _post(self, key: str, body: bytes) -> int:
        """The answer's status; 0 when there was none."""
        at = self._now().astimezone(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self._settings.call_back_secret).sign(key, at, body.decode()),
        }
        url = f"{self._settings.call_back_url.rstrip('/')}/v1/retraining/{key}/finished"
        try:
            with httpx.Client(trust_env=False, timeout=CALL_BACK_TIMEOUT_S) as client:
                return client.post(url, content=body, headers=headers).status_code
        except httpx.TransportError:
            return 0

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pipeline = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = self.headers.get("content-length", "")
                if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                    self.send_error(413 if length.isdigit() else 411)
                    return
                body = self.rfile.read(int(length))
                status, answer = pipeline.accept(body, {k.lower(): v for k, v in self.headers.items()})
                content = msgspec.json.encode(answer)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                """Say nothing: the demo narrates."""

        return Handler


def _key(body: bytes) -> str | None:
    try:
        data = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    inner = data.get("data") if isinstance(data, dict) else None
    key = inner.get("key") if isinstance(inner, dict) else None
    return key if isinstance(key, str) else None
