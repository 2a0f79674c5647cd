"""ASGI middleware: for Starlette, FastAPI, Litestar and every other framework that speaks ASGI."""

import time
from collections.abc import Awaitable, Callable, Container, MutableMapping
from typing import Any

from monitor.client.exchange import MOST_BODY_BYTES, Body, Capture, Exchange, Extract
from monitor.client.logger import Logger

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class AsgiMiddleware:
    """Logs what `extract` finds in requests to `paths`, once each response has been sent.

    Requests and responses pass unchanged and as they come; bodies are copied on the way. `extract` runs in the event
    loop: reading a few kilobytes of JSON is fine there, more belongs elsewhere.
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

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] not in self._capture.paths:
            await self._app(scope, receive, send)
            return
        seen = _Seen(self._capture, scope)
        await self._app(scope, seen.receiving(receive), seen.sending(send))


class _Seen:
    """One request on its way through."""

    def __init__(self, capture: Capture, scope: Message) -> None:
        self._capture, self._scope = capture, scope
        self._began_s = time.perf_counter()
        self._request, self._response = Body(capture.most_body_bytes), Body(capture.most_body_bytes)
        self._status = 0

    def receiving(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._request.add(message.get("body", b""))
            return message

        return received

    def sending(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                self._status = message["status"]
            elif message["type"] == "http.response.body":
                self._response.add(message.get("body", b""))
                if not message.get("more_body", False):
                    self._log()

        return sent

    def _log(self) -> None:
        latency_ms = (time.perf_counter() - self._began_s) * 1000
        request, response = self._request.content, self._response.content
        if request is None or response is None:
            return
        scope = self._scope
        self._capture.log(Exchange(scope["method"], scope["path"], request, response, self._status, latency_ms))
