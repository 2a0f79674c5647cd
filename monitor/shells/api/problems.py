"""Errors as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from monitor.domain.errors import BadRequest, MonitorError, StoreUnavailable, UnknownIncident, UnknownJob

log = structlog.stdlib.get_logger("driftline")


class Problem(HTTPException):
    """A request that cannot be answered: status and a sentence that says how to mend it."""


def on_http_error(_: "Request[Any, Any, Any]", error: HTTPException) -> Response[dict[str, object]]:
    """The framework's and our own refusals."""
    return problem(error.status_code, error.detail)


def on_monitor_error(_: "Request[Any, Any, Any]", error: MonitorError) -> Response[dict[str, object]]:
    """What the program refuses on purpose."""
    known = {
        StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        UnknownJob: HTTPStatus.NOT_FOUND,
        UnknownIncident: HTTPStatus.NOT_FOUND,
        BadRequest: HTTPStatus.BAD_REQUEST,
    }
    return problem(known.get(type(error), HTTPStatus.CONFLICT), str(error))


def on_any_error(request: "Request[Any, Any, Any]", error: Exception) -> Response[dict[str, object]]:
    """Mistakes of ours: the log has the details, the client gets none."""
    log.error("request_failed", path=request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the request could not be answered; the log has the reason")


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response[dict[str, object]]:
    """The response; `more` are members of its own, as the RFC allows."""
    title = HTTPStatus(status).phrase
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": int(status), "detail": detail, **more}
    media_type = "application/problem+json; charset=utf-8"
    return Response(body, status_code=status, media_type=media_type, headers=headers)
