"""POST /v1/slack/actions: presses of the buttons on Slack's messages."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from monitor.shells.api.parts import TakePresses
from monitor.shells.api.problems import Problem, log

_ANSWER_S = 2.0
"""Slack waits three seconds; what takes longer goes on without it."""

_MOST_BYTES = 1024 * 1024
"""A press comes with the whole message, percent-encoded."""


def slack_routes(take: TakePresses) -> list[HTTPRouteHandler]:
    """The one route. Slack's signature over the raw body is the only key to it."""
    under_way: set[asyncio.Task[None]] = set()

    @post("/v1/slack/actions", status_code=HTTPStatus.OK, request_max_body_size=_MOST_BYTES)
    async def actions(request: "Request[Any, Any, Any]") -> Response[bytes]:
        body, headers = await request.body(), {name.lower(): value for name, value in request.headers.items()}
        presses = take(body, headers)
        if presses is None:
            raise Problem(
                "Slack's signature was refused: it is of another app, or older than five minutes", status_code=401
            )
        tasks = [asyncio.create_task(_done(press)) for press in presses]
        under_way.update(tasks)
        for task in tasks:
            task.add_done_callback(under_way.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=_ANSWER_S)
        return Response(b"", media_type="text/plain")

    return [actions]


async def _done(press: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(press)
    except Exception as error:  # noqa: BLE001 - Slack has no use for it; the log has
        log.error("slack_press_failed", exc_info=error)
