"""Starts a run of a Prefect 3 deployment: the idempotency key is the job's, and 200 means that the run was there."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import OptionalSecret, Rest, RestSettings, segment
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ABSENT = 404
_PHASES = {
    "SCHEDULED": RunPhase.QUEUED,
    "PENDING": RunPhase.QUEUED,
    "PAUSED": RunPhase.RUNNING,
    "RUNNING": RunPhase.RUNNING,
    "CANCELLING": RunPhase.RUNNING,
    "COMPLETED": RunPhase.SUCCEEDED,
    "FAILED": RunPhase.FAILED,
    "CRASHED": RunPhase.FAILED,
    "CANCELLED": RunPhase.FAILED,
}


class PrefectSettings(RestSettings):
    """`url` of the API with its `/api`; the flow takes the request in its parameter `parameter`."""

    deployment_id: UUID
    parameter: str = "driftline_request"
    token: OptionalSecret = None
    parameters: Mapping[str, str | int | float | bool] = Field(default_factory=dict)


class PrefectTrigger:
    """`POST /deployments/{id}/create_flow_run`."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: PrefectSettings) -> None:
        self._settings = settings
        headers = {"authorization": f"Bearer {settings.token}"} if settings.token else {}
        self._rest = Rest(settings, headers, [settings.token or ""])

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The flow run's id."""
        body = {
            "name": f"driftline-{request.key}",
            "parameters": {**self._settings.parameters, self._settings.parameter: request_content(request, parameters)},
            "idempotency_key": request.key,
            "tags": ["driftline", f"model:{request.model}"],
        }
        path = f"/deployments/{self._settings.deployment_id}/create_flow_run"
        return self._rest.call("POST", path, body).text("id")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:  # noqa: ARG002 - found by id alone
        """Where the flow run stands."""
        if external_id is None:
            return RunState(RunPhase.UNKNOWN)
        answer = self._rest.call("GET", f"/flow_runs/{segment(external_id)}", known={_ABSENT})
        if answer.status == _ABSENT:
            return RunState(RunPhase.UNKNOWN)
        kind = answer.text("state", "type") or answer.text("state_type") or ""
        said = answer.text("state", "message") or f"Prefect says {kind}"
        return RunState(_PHASES.get(kind, RunPhase.UNKNOWN), external_id, None, said)


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return PrefectTrigger(PrefectSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("prefect", PrefectSettings, _build)
