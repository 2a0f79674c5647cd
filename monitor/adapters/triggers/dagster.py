"""Launches a Dagster run over GraphQL. It knows no idempotency key: the run has the job's key as a tag."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, OptionalSecret, Rest, RestSettings, as_text
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

JOB_TAG, REQUEST_TAG = "driftline/job", "driftline/request"

_LAUNCH = (
    "mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename"
    " ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }"
    " ... on RunConfigValidationInvalid { errors { message } } ... on PipelineNotFoundError { message }"
    " ... on InvalidSubsetError { message } ... on UnauthorizedError { message } } }"
)
_FIND = (
    "query Find($filter: RunsFilter!) { runsOrError(filter: $filter, limit: 1) { __typename"
    " ... on Runs { results { runId status } } ... on PythonError { message } } }"
)
_PHASES = {
    "QUEUED": RunPhase.QUEUED,
    "NOT_STARTED": RunPhase.QUEUED,
    "MANAGED": RunPhase.QUEUED,
    "STARTING": RunPhase.RUNNING,
    "STARTED": RunPhase.RUNNING,
    "CANCELING": RunPhase.RUNNING,
    "SUCCESS": RunPhase.SUCCEEDED,
    "FAILURE": RunPhase.FAILED,
    "CANCELED": RunPhase.FAILED,
}


class DagsterSettings(RestSettings):
    """`url` of the webserver; the job reads the request from its run's tag `driftline/request`."""

    job: str
    location: str
    repository: str = "__repository__"
    token: OptionalSecret = None
    run_config: Mapping[str, object] = Field(default_factory=dict)


class DagsterTrigger:
    """`POST /graphql` with `launchRun`; its errors come with status 200."""

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: DagsterSettings) -> None:
        self._settings = settings
        headers = {"dagster-cloud-api-token": settings.token} if settings.token else {}
        self._rest = Rest(settings, headers, [settings.token or ""])

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The run's id."""
        settings, content = self._settings, as_text(request_content(request, parameters))
        tags = [{"key": JOB_TAG, "value": request.key}, {"key": REQUEST_TAG, "value": content}]
        params = {
            "selector": {
                "repositoryLocationName": settings.location,
                "repositoryName": settings.repository,
                "jobName": settings.job,
            },
            "runConfigData": dict(settings.run_config),
            "executionMetadata": {"tags": tags},
        }
        answer = self._asked(_LAUNCH, {"params": params})
        if answer.text("data", "launchRun", "__typename") != "LaunchRunSuccess":
            raise self._failed(answer, "launchRun")
        return answer.text("data", "launchRun", "run", "runId")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:  # noqa: ARG002 - found by its tag
        """The newest run that has the job's key as a tag."""
        wanted = {"tags": [{"key": JOB_TAG, "value": request.key}]}
        answer = self._asked(_FIND, {"filter": wanted})
        results = answer.get("data", "runsOrError", "results")
        if not isinstance(results, list):
            raise self._failed(answer, "runsOrError")
        if not results:
            return RunState(RunPhase.UNKNOWN)
        run = Answer(answer.status, results[0])
        status = run.text("status") or ""
        link = f"{self._settings.url}/runs/{run.text('runId')}"
        return RunState(_PHASES.get(status, RunPhase.UNKNOWN), run.text("runId"), link, f"Dagster says {status}")

    def _asked(self, query: str, variables: Mapping[str, object]) -> Answer:
        return self._rest.call("POST", "/graphql", {"query": query, "variables": dict(variables)})

    def _failed(self, answer: Answer, field: str) -> TriggerFailed:
        kind = answer.text("data", field, "__typename") or "no answer"
        first = answer.get("data", field, "errors") or answer.get("errors")
        error = Answer(0, first[0] if isinstance(first, list) and first else answer.get("data", field))
        words = " ".join((error.text("message") or "").split())[:200]
        return TriggerFailed(f"Dagster: {kind}" + (f": {words}" if words else ""), retryable=False)


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return DagsterTrigger(DagsterSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("dagster", DagsterSettings, _build)
