"""Submits an Argo workflow from its template: its name carries the job's key, and the cluster has each name once."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Rest, RestSettings, Secret, as_text, segment
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ALREADY_THERE, _ABSENT = 409, 404
_PHASES = {
    "": RunPhase.QUEUED,
    "Pending": RunPhase.QUEUED,
    "Running": RunPhase.RUNNING,
    "Succeeded": RunPhase.SUCCEEDED,
    "Failed": RunPhase.FAILED,
    "Error": RunPhase.FAILED,
}


class ArgoWorkflowsSettings(RestSettings):
    """`url` of the Argo server; the template must take the parameters `driftline-job` and `driftline-request`."""

    namespace: str
    template: str
    resource_kind: Literal["WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"] = "WorkflowTemplate"
    token: Secret
    parameters: Mapping[str, str] = Field(default_factory=dict)


class ArgoWorkflowsTrigger:
    """`POST /api/v1/workflows/{namespace}/submit`; 409 means that the workflow is there already."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: ArgoWorkflowsSettings) -> None:
        self._settings = settings
        bearer = settings.token if settings.token.startswith("Bearer ") else f"Bearer {settings.token}"
        self._rest = Rest(settings, {"authorization": bearer}, [settings.token])
        self._workflows = f"/api/v1/workflows/{segment(settings.namespace)}"

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The workflow's name."""
        name, content = f"driftline-{request.key}", as_text(request_content(request, parameters))
        told = {**self._settings.parameters, "driftline-job": request.key, "driftline-request": content}
        body = {
            "resourceKind": self._settings.resource_kind,
            "resourceName": self._settings.template,
            "submitOptions": {
                "name": name,
                "parameters": [f"{key}={value}" for key, value in told.items()],
                "labels": f"driftline-job={request.key}",
            },
        }
        self._rest.call("POST", f"{self._workflows}/submit", body, known={_ALREADY_THERE})
        return name

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """Where the workflow stands."""
        name = external_id or f"driftline-{request.key}"
        answer = self._rest.call("GET", f"{self._workflows}/{segment(name)}", known={_ABSENT})
        if answer.status == _ABSENT:
            return RunState(RunPhase.UNKNOWN)
        phase = answer.text("status", "phase") or ""
        link = f"{self._settings.url}/workflows/{segment(self._settings.namespace)}/{segment(name)}"
        said = answer.text("status", "message") or f"Argo says {phase or 'nothing yet'}"
        return RunState(_PHASES.get(phase, RunPhase.UNKNOWN), name, link, said)


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return ArgoWorkflowsTrigger(ArgoWorkflowsSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("argo-workflows", ArgoWorkflowsSettings, _build)
