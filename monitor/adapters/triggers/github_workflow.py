"""Starts a GitHub Actions workflow by `workflow_dispatch`. GitHub knows no idempotency key: it is asked once."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, HttpAddress, Rest, RestSettings, Secret, as_text, segment
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ABSENT, _FORBIDDEN = 404, 403
_QUEUED = {"queued", "requested", "waiting", "pending"}


class GithubWorkflowSettings(RestSettings):
    """The workflow file must declare the inputs `driftline_job` and `driftline_request` (both texts).

    With `run-name: retrain ${{ inputs.driftline_job }}` a run can be found again though its answer was lost.
    """

    url: HttpAddress = "https://api.github.com"
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    workflow: str
    ref: str = "main"
    token: Secret
    inputs: Mapping[str, str] = Field(default_factory=dict, max_length=23)


class GithubWorkflowTrigger:
    """`POST /repos/{repository}/actions/workflows/{workflow}/dispatches`, asking for the id of the run."""

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: GithubWorkflowSettings) -> None:
        self._settings = settings
        headers = {
            "authorization": f"Bearer {settings.token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }
        self._rest = Rest(settings, headers, [settings.token])
        self._repository = f"/repos/{settings.repository}"
        self._workflow = f"{self._repository}/actions/workflows/{segment(settings.workflow)}"

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The run's id; None where the server is too old to say it."""
        told = {"driftline_job": request.key, "driftline_request": as_text(request_content(request, parameters))}
        body = {"ref": self._settings.ref, "inputs": {**self._settings.inputs, **told}, "return_run_details": True}
        answer = self._rest.call("POST", f"{self._workflow}/dispatches", body, known={_FORBIDDEN})
        if answer.status == _FORBIDDEN:
            is_limit = "rate limit" in (answer.text("message") or "").lower()
            raise self._rest.refused(answer, retryable=is_limit)
        return answer.text("workflow_run_id")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """By the run's id, or else by the key in the names of the workflow's newest runs."""
        if external_id is None:
            return self._by_name(request.key)
        answer = self._rest.call("GET", f"{self._repository}/actions/runs/{segment(external_id)}", known={_ABSENT})
        return RunState(RunPhase.UNKNOWN) if answer.status == _ABSENT else _state(answer)

    def _by_name(self, key: str) -> RunState:
        query = {"event": "workflow_dispatch", "per_page": "100"}
        answer = self._rest.call("GET", f"{self._workflow}/runs", query=query)
        runs = answer.get("workflow_runs")
        for run in runs if isinstance(runs, list) else []:
            if isinstance(run, dict) and key in str(run.get("display_title")):
                return _state(Answer(answer.status, run))
        return RunState(RunPhase.UNKNOWN)


def _state(run: Answer) -> RunState:
    status, conclusion = run.text("status"), run.text("conclusion")
    if status == "completed":
        phase = RunPhase.SUCCEEDED if conclusion == "success" else RunPhase.FAILED
    else:
        phase = RunPhase.QUEUED if status in _QUEUED else RunPhase.RUNNING
    return RunState(phase, run.text("id"), run.text("html_url"), f"GitHub says {conclusion or status}")


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return GithubWorkflowTrigger(GithubWorkflowSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("github-workflow", GithubWorkflowSettings, _build)
