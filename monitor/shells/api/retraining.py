"""POST /v1/retraining/{key}/finished: how a training pipeline says that it has ended."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from monitor.domain.retraining import JobOutcome
from monitor.domain.time import parse_instant
from monitor.shells.api.auth import require_signature
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.problems import Problem


class FinishedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call-back's content. `effective_from` is when the new model serves (RFC 3339)."""

    succeeded: bool
    model_version: str | None = None
    training_data: str | None = None
    effective_from: str | None = None
    detail: str = ""


def retraining_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/v1/retraining/{key}/finished."""

    @post("/v1/retraining/{key:str}/finished", status_code=HTTPStatus.OK)
    async def finished(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        body = await request.body()
        key = str(request.path_params["key"])
        if request.content_type[0] != "application/json":  # a browser must ask before it sends this to another site
            raise Problem("send the outcome as JSON, with Content-Type: application/json", status_code=415)
        require_signature(body, dict(request.headers), parts.callback_secret, is_loopback=parts.is_loopback)
        job = await asyncio.to_thread(parts.finish, outcome(key, body))
        return Response({"key": key, "phase": job.phase.value, "detail": job.detail})

    return [finished]


def outcome(key: str, body: bytes) -> JobOutcome:
    """The call-back's content as a value; a Problem that says what is wrong with it."""
    try:
        said = msgspec.json.decode(body, type=FinishedBody)
        effective = parse_instant(said.effective_from) if said.effective_from else None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem(f"the body is no outcome: {error}", status_code=400) from error
    return JobOutcome(key, said.succeeded, said.model_version, said.training_data, effective, said.detail)
