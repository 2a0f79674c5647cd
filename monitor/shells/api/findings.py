"""GET /v1/findings: what the checks said about a model's windows."""

import math
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from monitor.domain.findings import Finding
from monitor.domain.time import format_instant, parse_instant
from monitor.shells.api.auth import require_token
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.problems import Problem
from monitor.usecases.whole_model import STATE

_MOST = 10_000


def finding_row(finding: Finding) -> dict[str, object]:
    """A finding as JSON: names, numbers, and the evidence to compute it again."""
    result = finding.result
    return {
        "id": finding.id,
        "model": finding.model.name,
        "version": finding.model.version,
        "check": finding.check.name,
        "test": finding.check.test,
        "column": finding.check.column,
        "segment": finding.check.segment,
        "kind": finding.kind.value,
        "window": {"start": format_instant(finding.window.start), "end": format_instant(finding.window.end)},
        "revision": finding.revision,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "statistic": _finite(result.statistic) if result else None,
        "p_value": _finite(result.p_value) if result else None,
        "low": _finite(result.low) if result else None,
        "high": _finite(result.high) if result else None,
        "n_baseline": result.n_baseline if result else None,
        "n_current": result.n_current if result else None,
        "threshold": msgspec.to_builtins(finding.check.threshold),
        "detail": {name: value for name, value in result.detail.items() if name != STATE} if result else {},
        "coverage": finding.coverage,
        "served_share": finding.served_share,
        "evidence": msgspec.to_builtins(finding.evidence),
    }


def _finite(value: float | None) -> float | None:
    """JSON knows no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None


def findings_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/v1/findings?model=NAME&since=INSTANT&until=INSTANT&limit=N; the newest N, oldest first."""

    @get("/v1/findings", sync_to_thread=True)
    def findings(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        query = request.query_params
        model, limit = query.get("model", ""), _limit(query.get("limit", "1000"))
        if model not in parts.models:
            raise Problem(f"unknown model {model!r}; known: {', '.join(sorted(parts.models))}", status_code=404)
        found = parts.findings(model, _instant(query.get("since")), _instant(query.get("until")))
        rows = [finding_row(finding) for finding in found[-limit:]]
        return Response({"findings": rows, "is_cut": len(found) > limit})

    return [findings]


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise Problem(f"limit must be a whole number from 1 to {_MOST}", status_code=400)
    return int(text)


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError as error:
        raise Problem(str(error), status_code=400) from error
