"""Starts a run of a Databricks job: the idempotency token is the job's key, so that one key is one run."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, Rest, RestSettings, Secret, as_text
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_MALFORMED, _ABSENT = 400, 404
_UNDER_WAY = {
    "QUEUED": RunPhase.QUEUED,
    "PENDING": RunPhase.QUEUED,
    "BLOCKED": RunPhase.QUEUED,
    "WAITING_FOR_RETRY": RunPhase.QUEUED,
    "RUNNING": RunPhase.RUNNING,
    "TERMINATING": RunPhase.RUNNING,
}


class DatabricksSettings(RestSettings):
    """`url` of the workspace; the job must have the parameters `driftline_job` and `driftline_request`."""

    job_id: int = Field(ge=1)
    token: Secret
    job_parameters: Mapping[str, str] = Field(default_factory=dict)


class DatabricksTrigger:
    """`POST /api/2.2/jobs/run-now`."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: DatabricksSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings, {"authorization": f"Bearer {settings.token}"}, [settings.token])

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The run's id."""
        told = {"driftline_job": request.key, "driftline_request": as_text(request_content(request, parameters))}
        body = {
            "job_id": self._settings.job_id,
            "job_parameters": {**self._settings.job_parameters, **told},
            "idempotency_token": request.key,
        }
        return self._rest.call("POST", "/api/2.2/jobs/run-now", body).text("run_id")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:  # noqa: ARG002 - found by id alone
        """Where the run stands."""
        if external_id is None:
            return RunState(RunPhase.UNKNOWN)
        known = {_MALFORMED, _ABSENT}
        answer = self._rest.call("GET", "/api/2.2/jobs/runs/get", query={"run_id": external_id}, known=known)
        return RunState(RunPhase.UNKNOWN) if answer.status in known else _state(answer, external_id)


def _state(run: Answer, run_id: str) -> RunState:
    cycle, result = run.text("state", "life_cycle_state") or "", run.text("state", "result_state")
    phase = _UNDER_WAY.get(cycle)
    if phase is None:
        phase = RunPhase.SUCCEEDED if result in {"SUCCESS", "SUCCESS_WITH_FAILURES"} else RunPhase.FAILED
    said = run.text("state", "state_message") or f"Databricks says {result or cycle}"
    return RunState(phase, run_id, run.text("run_page_url"), said)


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return DatabricksTrigger(DatabricksSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("databricks", DatabricksSettings, _build)
