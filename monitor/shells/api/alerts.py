"""GET /v1/alerts: the alerts that fire now."""

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from monitor.shells.api.auth import require_token
from monitor.shells.api.parts import ApiParts


def alerts_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/v1/alerts."""

    @get("/v1/alerts", sync_to_thread=True)
    def alerts(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        return Response({"alerts": list(parts.alerts())})

    return [alerts]
