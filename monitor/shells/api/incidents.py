"""/v1/incidents: what fired as people handle it, and what they do about it."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from monitor.domain.time import parse_instant
from monitor.shells.api.auth import require_json, require_token
from monitor.shells.api.parts import ApiParts, IncidentsApi
from monitor.shells.api.problems import Problem

_MOST = 1000
_VERBS = {"acknowledge": "", "assign": "to", "note": "", "mark": "as", "resolve": ""}
"""Each with the member of the body that it needs beside `by`."""


class StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who does it, and why. `to` is for assigning, `as` for marking: `confirmed` or `false_positive`."""

    by: str
    reason: str = ""
    to: str = ""
    mark: str = msgspec.field(name="as", default="")


def incidents_routes(parts: ApiParts, incidents: IncidentsApi) -> list[HTTPRouteHandler]:
    """GET /v1/incidents?all=true&limit=N, /v1/incidents/precision?since=INSTANT, /v1/incidents/{id}; POST the verbs."""

    @get("/v1/incidents")
    async def listed(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        limit, is_all = _limit(request.query_params.get("limit", "100")), _yes(request.query_params.get("all", "false"))
        rows = await asyncio.to_thread(lambda: incidents.listed(limit, is_all=is_all))
        return Response({"incidents": list(rows)})

    @get("/v1/incidents/precision")
    async def precision(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        rows = await asyncio.to_thread(incidents.precision, _instant(request.query_params.get("since")))
        return Response({"rules": list(rows)})

    @get("/v1/incidents/{incident:str}")
    async def shown(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        row = await asyncio.to_thread(incidents.shown, str(request.path_params["incident"]))
        return Response(dict(row))

    return [listed, precision, shown, *(_step(parts, incidents, verb) for verb in _VERBS)]


def _step(parts: ApiParts, incidents: IncidentsApi, verb: str) -> HTTPRouteHandler:
    @post(f"/v1/incidents/{{incident:str}}/{verb}", status_code=HTTPStatus.OK, name=f"incident_{verb}")
    async def taken(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        require_json(request)
        incident, said = str(request.path_params["incident"]), _body(await request.body(), verb)
        row = await asyncio.to_thread(
            lambda: incidents.take(incident, verb, said.by, reason=said.reason, value=said.to or said.mark)
        )
        return Response(dict(row))

    return taken


def _body(body: bytes, verb: str) -> StepBody:
    try:
        said = msgspec.json.decode(body, type=StepBody)
    except msgspec.MsgspecError as error:
        raise Problem(f"the body says not who does it and why: {error}", status_code=400) from error
    given = {name for name, value in (("to", said.to), ("as", said.mark)) if value}
    needed = {_VERBS[verb]} - {""}
    if given != needed:
        wanted = f"with {needed.pop()!r} beside `by`" if needed else f"without {' and '.join(sorted(given))}"
        raise Problem(f"{verb} is said {wanted}", status_code=400)
    return said


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise Problem(f"limit must be a whole number from 1 to {_MOST}", status_code=400)
    return int(text)


def _yes(text: str) -> bool:
    if text not in {"true", "false"}:
        raise Problem("all must be true or false", status_code=400)
    return text == "true"


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError as error:
        raise Problem(str(error), status_code=400) from error
