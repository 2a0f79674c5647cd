"""POST /v1/registry/mlflow: MLflow's word that something about a model has changed, so that it is looked at at once."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from monitor.shells.api.auth import refuse_another_content, require_json, require_mlflow_signature
from monitor.shells.api.parts import RegistryApi
from monitor.shells.api.problems import Problem


class ChangedModel(msgspec.Struct, frozen=True):
    """What is read of an event's data: the registry's name of the model. Test events have names of their own."""

    name: str = ""


class ChangeBody(msgspec.Struct, frozen=True):
    """What is read of an event: what serves is asked of the registry itself, so a replay can say nothing untrue."""

    entity: str
    action: str
    data: ChangedModel


def registry_routes(registry: RegistryApi) -> list[HTTPRouteHandler]:
    """The one route; MLflow's signature over the raw body is the only key to it."""

    @post("/v1/registry/mlflow", status_code=HTTPStatus.OK)
    async def changed(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        body, headers = await request.body(), {name.lower(): value for name, value in request.headers.items()}
        require_json(request)
        message_id = require_mlflow_signature(body, headers, registry.webhook_secret)
        try:
            said = msgspec.json.decode(body, type=ChangeBody)
        except msgspec.MsgspecError as error:
            raise Problem(f"the body is no event of MLflow's registry: {error}", status_code=400) from error
        await asyncio.to_thread(refuse_another_content, registry.callback, f"mlflow {message_id}", body)
        found = await asyncio.to_thread(registry.look_at, said.data.name)
        return Response({"event": f"{said.entity}.{said.action}", "said": list(found)})

    return [changed]
