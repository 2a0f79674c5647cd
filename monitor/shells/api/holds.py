"""/v1/retraining/holds: operators say that a model is not to be retrained, until when, and when it may be again."""

import asyncio
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from monitor.domain.time import parse_instant
from monitor.shells.api.auth import require_json, require_token
from monitor.shells.api.parts import ApiParts, HoldsApi
from monitor.shells.api.problems import Problem
from monitor.shells.jobs import hold_row

Body = TypeVar("Body")

_MOST_WORDS = 500


class HoldBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`model` may be `*`; `until` is RFC 3339, and without it the hold lasts until it is released."""

    model: str
    by: str
    reason: str
    until: str | None = None


class ReleaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model as it was named when it was held."""

    model: str
    by: str


def holds_routes(parts: ApiParts, holds: HoldsApi) -> list[HTTPRouteHandler]:
    """GET /v1/retraining/holds?all=true; POST to it places a hold, POST to its /release ends those of a model."""

    @get("/v1/retraining/holds")
    async def listed(request: "Request[Any, Any, Any]", all: str = "false") -> Response[dict[str, object]]:  # noqa: A002 - the parameter's name
        require_token(request.headers.get("authorization"), parts.bearer_token)
        if all not in {"true", "false"}:
            raise Problem("all must be true or false", status_code=400)
        found = await asyncio.to_thread(lambda: holds.seen(ever=all == "true"))
        return Response({"holds": [hold_row(one) for one in found]})

    @post("/v1/retraining/holds", status_code=HTTPStatus.CREATED)
    async def placed(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        require_json(request)
        said = _said(await request.body(), HoldBody)
        _someone(said.by, said.reason)
        try:
            until = parse_instant(said.until) if said.until else None
        except ValueError as error:
            raise Problem(f"until: {error}", status_code=400) from error
        hold = await asyncio.to_thread(holds.place, said.model, said.by, said.reason, until)
        return Response(hold_row(hold))

    @post("/v1/retraining/holds/release", status_code=HTTPStatus.OK)
    async def released(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        require_json(request)
        said = _said(await request.body(), ReleaseBody)
        _someone(said.by, "released")
        number = await asyncio.to_thread(holds.release, said.model, said.by)
        return Response({"model": said.model, "released": number})

    return [listed, placed, released]


def _said(body: bytes, shape: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.MsgspecError as error:
        raise Problem(f"the body says not who holds what, and why: {error}", status_code=400) from error


def _someone(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip() or len(by) + len(reason) > _MOST_WORDS:
        said = f"say in `by` who decides and in `reason` why, in at most {_MOST_WORDS} characters together"
        raise Problem(said, status_code=400)
