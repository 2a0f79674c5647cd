"""WSGI middleware: for Flask, Django and every other framework that speaks WSGI."""

import io
import time
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from monitor.client.exchange import MOST_BODY_BYTES, Body, Capture, Exchange, Extract
from monitor.client.logger import Logger

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class WsgiMiddleware:
    """Logs what `extract` finds in requests to `paths`, once the server has sent each response.

    With Flask: `app.wsgi_app = WsgiMiddleware(app.wsgi_app, ...)`. A request body of known length is read ahead and
    handed on; one without a Content-Length, or above `most_body_bytes`, is left alone and not logged.
    """

    def __init__(
        self,
        app: App,
        *,
        logger: Logger,
        extract: Extract,
        paths: Container[str],
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._app = app
        self._capture = Capture(logger, extract, paths, most_body_bytes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        length = environ.get("CONTENT_LENGTH") or "0"
        if environ.get("PATH_INFO") not in self._capture.paths or not length.isdecimal():
            return self._app(environ, start_response)
        if int(length) > self._capture.most_body_bytes or "HTTP_TRANSFER_ENCODING" in environ:
            return self._app(environ, start_response)
        began_s = time.perf_counter()
        body = environ["wsgi.input"].read(int(length)) if int(length) else b""
        response = _Response(self._capture, environ, body, began_s)
        environ["wsgi.input"] = io.BytesIO(body)
        return response.of(self._app(environ, response.starting(start_response)))


class _Response:
    """One response on its way through; the server closes it when all has been sent."""

    def __init__(self, capture: Capture, environ: Environ, request: bytes, began_s: float) -> None:
        self._capture, self._environ, self._request, self._began_s = capture, environ, request, began_s
        self._body, self._status = Body(capture.most_body_bytes), 0
        self._parts: Iterable[bytes] = ()

    def starting(self, start_response: StartResponse) -> StartResponse:
        def started(status: str, *more: object) -> Callable[[bytes], object]:
            self._status = int(status.split(" ", 1)[0])
            write = start_response(status, *more)

            def written(part: bytes) -> object:
                self._body.add(part)
                return write(part)

            return written

        return started

    def of(self, parts: Iterable[bytes]) -> "_Response":
        self._parts = parts
        return self

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._body.add(part)
            yield part

    def close(self) -> None:
        """Close what the application returned, then log."""
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()
        latency_ms, content = (time.perf_counter() - self._began_s) * 1000, self._body.content
        if content is None:
            return
        method, path = self._environ["REQUEST_METHOD"], self._environ["PATH_INFO"]
        self._capture.log(Exchange(method, path, self._request, content, self._status, latency_ms))
