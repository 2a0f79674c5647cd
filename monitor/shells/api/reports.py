"""GET /reports/MODEL/START: the drill-down report of a window, rendered when somebody follows an alert's link."""

import hashlib
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler

from monitor.domain.time import format_instant, parse_instant
from monitor.shells.api.auth import require_token
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.problems import Problem

_ISOLATED = "sandbox allow-scripts; default-src 'none'; img-src data:; font-src data:; "
_INLINE = "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'"
_HEADERS = {"Content-Security-Policy": _ISOLATED + _INLINE, "X-Content-Type-Options": "nosniff"}
"""A report shows values that came with the traffic: whatever it runs can neither ask this server nor any other."""


def report_url(base: str, model: str, start: datetime, token: str | None) -> str:
    """The address of a window's report. Where the server wants a token, the address carries a signature in its place.

    The signature opens this one report and nothing else; it ends when the token is changed.
    """
    path = f"/reports/{quote(model, safe='')}/{format_instant(start)}"
    return base.rstrip("/") + path + (f"?key={_signature(model, start, token)}" if token else "")


def report_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/reports/MODEL/START, START as in 2026-11-01T10:00:00Z."""

    @get("/reports/{model:str}/{start:str}", sync_to_thread=True)
    def report(request: "Request[Any, Any, Any]", model: str, start: str) -> Response[bytes]:
        at = _instant(start)
        _require_key(request, parts.bearer_token, model, at)
        if model not in parts.models:
            raise Problem(f"unknown model {model!r}; known: {', '.join(sorted(parts.models))}", status_code=404)
        return Response(parts.report(model, at), media_type=MediaType.HTML, headers=_HEADERS)

    return [report]


def _require_key(request: "Request[Any, Any, Any]", token: str | None, model: str, start: datetime) -> None:
    key = request.query_params.get("key")
    if token is not None and key is not None:
        if not hmac.compare_digest(key.encode(), _signature(model, start, token).encode()):
            raise Problem("this link was not made by this server, or its token was changed since", status_code=401)
        return
    require_token(request.headers.get("authorization"), token)


def _signature(model: str, start: datetime, token: str) -> str:
    return hmac.new(token.encode(), f"report {model} {format_instant(start)}".encode(), hashlib.sha256).hexdigest()[:32]


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise Problem(str(error), status_code=400) from error
