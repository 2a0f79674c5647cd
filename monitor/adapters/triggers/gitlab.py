"""Starts a GitLab pipeline by its trigger token. GitLab knows no idempotency key: it is asked once."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import HttpAddress, OptionalSecret, Rest, RestSettings, Secret, as_text, segment
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ABSENT = 404
_PHASES = {
    "success": RunPhase.SUCCEEDED,
    "failed": RunPhase.FAILED,
    "canceled": RunPhase.FAILED,
    "skipped": RunPhase.FAILED,
    "running": RunPhase.RUNNING,
    "canceling": RunPhase.RUNNING,
}


class GitlabSettings(RestSettings):
    """`token` is a pipeline trigger token; `read_token` (scope `read_api`) lets runs be followed."""

    url: HttpAddress = "https://gitlab.com"
    project: str
    ref: str = "main"
    token: Secret
    read_token: OptionalSecret = None
    variables: Mapping[str, str] = Field(default_factory=dict)


class GitlabTrigger:
    """`POST /api/v4/projects/{project}/trigger/pipeline`; the request is in `DRIFTLINE_JOB_KEY` and `_REQUEST`."""

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: GitlabSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings, {}, [settings.token, settings.read_token or ""])
        self._project = f"/api/v4/projects/{segment(settings.project)}"

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The pipeline's id."""
        told = {
            "DRIFTLINE_JOB_KEY": request.key,
            "DRIFTLINE_REQUEST": as_text(request_content(request, parameters)),
        }
        body = {
            "token": self._settings.token,
            "ref": self._settings.ref,
            "variables": {**self._settings.variables, **told},
        }
        return self._rest.call("POST", f"{self._project}/trigger/pipeline", body).text("id")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:  # noqa: ARG002 - found by id alone
        """Where the pipeline stands; TriggerFailed without `read_token`."""
        if self._settings.read_token is None:
            raise TriggerFailed("without read_token nobody can look", retryable=False)
        if external_id is None:
            return RunState(RunPhase.UNKNOWN)
        headers = {"private-token": self._settings.read_token}
        path = f"{self._project}/pipelines/{segment(external_id)}"
        answer = self._rest.call("GET", path, headers=headers, known={_ABSENT})
        if answer.status == _ABSENT:
            return RunState(RunPhase.UNKNOWN)
        status = answer.text("status") or ""
        phase = _PHASES.get(status, RunPhase.QUEUED)
        return RunState(phase, external_id, answer.text("web_url"), f"GitLab says {status}")


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return GitlabTrigger(GitlabSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("gitlab", GitlabSettings, _build)
