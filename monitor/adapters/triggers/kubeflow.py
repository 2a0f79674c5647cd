"""Starts a run of a Kubeflow pipeline (API v2beta1). It knows no idempotency key: it is asked once."""

import json
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, OptionalSecret, Rest, RestSettings, as_text, segment
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_RUNS = "/apis/v2beta1/runs"
_ABSENT = 404
_EQUALS = 1  # of the API's filter operations
_PHASES = {
    "RUNTIME_STATE_UNSPECIFIED": RunPhase.QUEUED,
    "PENDING": RunPhase.QUEUED,
    "RUNNING": RunPhase.RUNNING,
    "PAUSED": RunPhase.RUNNING,
    "CANCELING": RunPhase.RUNNING,
    "SUCCEEDED": RunPhase.SUCCEEDED,
    "SKIPPED": RunPhase.FAILED,
    "FAILED": RunPhase.FAILED,
    "CANCELED": RunPhase.FAILED,
}


class KubeflowSettings(RestSettings):
    """`url` of the API; the pipeline takes the parameters `driftline_job` and `driftline_request` (both texts)."""

    pipeline_id: str
    pipeline_version_id: str
    experiment_id: str | None = None
    token: OptionalSecret = None
    parameters: Mapping[str, str | int | float | bool] = Field(default_factory=dict)


class KubeflowTrigger:
    """`POST /apis/v2beta1/runs`, with the job's key as the run's display name."""

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: KubeflowSettings) -> None:
        self._settings = settings
        headers = {"authorization": f"Bearer {settings.token}"} if settings.token else {}
        self._rest = Rest(settings, headers, [settings.token or ""])

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The run's id."""
        settings, content = self._settings, as_text(request_content(request, parameters))
        told = {**settings.parameters, "driftline_job": request.key, "driftline_request": content}
        body: dict[str, object] = {
            "display_name": request.key,
            "description": request.why,
            "pipeline_version_reference": {
                "pipeline_id": settings.pipeline_id,
                "pipeline_version_id": settings.pipeline_version_id,
            },
            "runtime_config": {"parameters": told},
        }
        if settings.experiment_id is not None:
            body["experiment_id"] = settings.experiment_id
        return self._rest.call("POST", _RUNS, body).text("run_id")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """By the run's id, or else by its display name."""
        if external_id is None:
            return self._by_name(request.key)
        answer = self._rest.call("GET", f"{_RUNS}/{segment(external_id)}", known={_ABSENT})
        return RunState(RunPhase.UNKNOWN) if answer.status == _ABSENT else _state(answer)

    def _by_name(self, key: str) -> RunState:
        named = {"operation": _EQUALS, "key": "display_name", "string_value": key}
        query = {"filter": json.dumps({"predicates": [named]}), "page_size": "10"}
        if self._settings.experiment_id is not None:
            query["experiment_id"] = self._settings.experiment_id
        answer = self._rest.call("GET", _RUNS, query=query)
        runs = answer.get("runs")
        for run in runs if isinstance(runs, list) else []:
            if isinstance(run, dict) and run.get("display_name") == key:
                return _state(Answer(answer.status, run))
        return RunState(RunPhase.UNKNOWN)


def _state(run: Answer) -> RunState:
    state = run.text("state") or "RUNTIME_STATE_UNSPECIFIED"
    said = run.text("error", "message") or f"Kubeflow says {state}"
    return RunState(_PHASES.get(state, RunPhase.UNKNOWN), run.text("run_id"), None, said)


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return KubeflowTrigger(KubeflowSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("kubeflow", KubeflowSettings, _build)
