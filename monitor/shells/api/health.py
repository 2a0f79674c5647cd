"""Liveness (do the roles move?), readiness (can work be done?) and metrics."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler

from monitor.shells.api.auth import require_token
from monitor.shells.api.parts import ApiParts

_METRICS_TYPE = "text/plain; version=0.0.4"


def health_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/healthz, /readyz, /metrics."""

    @get("/healthz", sync_to_thread=True, media_type=MediaType.JSON)
    def healthz() -> Response[dict[str, object]]:
        stalled = list(parts.stalled())
        return Response({"alive": not stalled, "stalled": stalled}, status_code=503 if stalled else 200)

    @get("/readyz", sync_to_thread=True, media_type=MediaType.JSON)
    def readyz() -> Response[dict[str, object]]:
        missing = list(parts.unready())
        return Response({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    @get("/metrics", sync_to_thread=True)
    def metrics(request: "Request[Any, Any, Any]") -> Response[bytes]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        return Response(parts.metrics(), media_type=_METRICS_TYPE)

    return [healthz, readyz, metrics]
