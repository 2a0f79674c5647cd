"""Servers that record what they are told and answer as they are told to: HTTP receivers and a stand-in for Slack."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer one request; `breaks_off` promises more bytes than it sends."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    breaks_off: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request that arrived, whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form or of a JSON object; values that are objects come as JSON text."""
        if self.headers.get("content-type", "").startswith("application/json"):
            parsed = json.loads(self.body or b"{}")
            return {name: value if isinstance(value, str) else json.dumps(value) for name, value in parsed.items()}
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class HttpReceiver:
    """An HTTP server on a free loopback port; answers in the order of `answers`, then 200.

    Use it as a context manager; `requests` holds what arrived.
    """

    def __init__(self, answers: Sequence[Answer] = ()) -> None:
        """Prepare the first answers; `then` adds more."""
        self.requests: list[Request] = []
        self._answers = deque(answers)
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def then(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self._answers.extend(answers)

    def answer(self, request: Request) -> Answer:
        """Record a request and choose its answer."""
        with self._lock:
            self.requests.append(request)
            return self._answers.popleft() if self._answers else self.usual(request)

    def usual(self, request: Request) -> Answer:  # noqa: ARG002 - for those who answer by what they are asked
        """Answer a request for which nothing was prepared."""
        return Answer(200, {"content-type": "text/plain"}, b"ok")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class SlackServer(HttpReceiver):
    """As much of Slack's web API as a bot needs: posting, editing, and the three steps of an upload.

    `messages` holds what people would see, by ts; `uploads` the files by thread.
    """

    def __init__(self, answers: Sequence[Answer] = ()) -> None:
        """Start with an empty channel."""
        super().__init__(answers)
        self.messages: dict[str, dict[str, str]] = {}
        self.uploads: list[dict[str, str]] = []

    @property
    def base_url(self) -> str:
        """What the channel's `base_url` must be."""
        return f"{self.url}/api/"

    def usual(self, request: Request) -> Answer:
        """Answer as Slack would when all is well, or when a message to be edited is not there."""
        if not request.path.startswith("/api/"):
            return Answer(200, {"content-type": "text/plain"}, b"OK")
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return slack_says({"ok": False, "error": "not_authed"})
        methods = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "files.getUploadURLExternal": self._give_upload_url,
            "files.completeUploadExternal": self._complete_upload,
        }
        return methods[request.path.removeprefix("/api/")](request)

    def _give_upload_url(self, request: Request) -> Answer:
        name = f"F{int(request.form['length'])}"
        return slack_says({"ok": True, "upload_url": f"{self.url}/upload/{name}", "file_id": name})

    def _complete_upload(self, request: Request) -> Answer:
        self.uploads.append(request.form)
        return slack_says({"ok": True, "files": json.loads(request.form["files"])})

    def _post(self, request: Request) -> Answer:
        ts = f"1700000000.{len(self.messages) + 1:06}"
        self.messages[ts] = request.form
        return slack_says({"ok": True, "channel": "C0123456789", "ts": ts, "message": {"text": "."}})

    def _update(self, request: Request) -> Answer:
        ts = request.form.get("ts", "")
        if ts not in self.messages:
            return slack_says({"ok": False, "error": "message_not_found"})
        self.messages[ts] = {**self.messages[ts], **request.form}
        return slack_says({"ok": True, "channel": "C0123456789", "ts": ts, "text": "."})


def slack_says(document: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in Slack's form."""
    return Answer(status, {"content-type": "application/json", **(headers or {})}, json.dumps(document).encode())


def _handler_for(receiver: HttpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._respond()

        def do_GET(self) -> None:
            self._respond()

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.answer(Request(self.command, self.path, headers, body))
            if answer.delay_s:
                time.sleep(answer.delay_s)
            try:
                self._write(answer)
            except OSError:
                self.close_connection = True  # the caller did not wait

        def _write(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            promised = len(answer.body) + (100 if answer.breaks_off else 0)
            self.send_header("content-length", str(promised))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is http.server's
            """Say nothing: what matters is recorded."""

    return Handler
