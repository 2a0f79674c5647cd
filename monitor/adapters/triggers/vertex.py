"""Starts a Vertex AI pipeline: the job's key is in the id of the pipeline job, so that one key is one run."""

import json
import re
from collections.abc import Generator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, cast

import httpx
from pydantic import Field, field_validator, model_validator

from monitor.adapters.guarded_http import AddressRefused, AllowList, guarded_client
from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, HttpAddress, OptionalSecret, Rest, RestSettings, as_text, segment
from monitor.domain.errors import ConfigError, TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_METADATA = ("metadata.google.internal", "169.254.169.254")
"""Where a machine of Google's cloud gets the token of its service account: asked for that and nothing else."""

_REGION = re.compile(r"[a-z]+-[a-z]+\d+")

_ABSENT, _ALREADY_THERE = 404, 409
_MOST_WORDS = 128
_PHASES = {
    "PIPELINE_STATE_QUEUED": RunPhase.QUEUED,
    "PIPELINE_STATE_PENDING": RunPhase.QUEUED,
    "PIPELINE_STATE_RUNNING": RunPhase.RUNNING,
    "PIPELINE_STATE_PAUSED": RunPhase.RUNNING,
    "PIPELINE_STATE_CANCELLING": RunPhase.RUNNING,
    "PIPELINE_STATE_SUCCEEDED": RunPhase.SUCCEEDED,
    "PIPELINE_STATE_FAILED": RunPhase.FAILED,
    "PIPELINE_STATE_CANCELLED": RunPhase.FAILED,
}


class VertexSettings(RestSettings):
    """`template` is the pipeline's address in Artifact Registry, `output` the `gs://` folder of its artifacts.

    The pipeline takes the parameters `driftline_job` and `driftline_request` (both texts). `credentials` is the JSON
    key of a service account; without it google-auth looks where every client does, the machine's own account last.
    `service_account` is the one that the pipeline runs as.
    """

    url: HttpAddress = ""  # never stays so
    project: str = Field(min_length=1)
    location: str = Field(min_length=1)
    template: str = Field(pattern="^https://")
    output: str = Field(pattern="^gs://")
    credentials: OptionalSecret = None
    service_account: str | None = None
    parameters: Mapping[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _address(cls, given: object) -> object:
        if not isinstance(given, Mapping) or given.get("url"):
            return given
        return {**given, "url": f"https://{given.get('location')}-aiplatform.googleapis.com"}

    @field_validator("location")
    @classmethod
    def _has_the_form_of_a_region(cls, location: str) -> str:
        if not _REGION.fullmatch(location):
            raise ValueError(f"{location!r} is no region of Google Cloud: write its name, as europe-west4")
        return location


class VertexTrigger:
    """`POST /v1/projects/{project}/locations/{location}/pipelineJobs`; 409 means that the run is there already."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: VertexSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings, {}, auth=_GoogleToken(settings))
        self._jobs = f"/v1/projects/{segment(settings.project)}/locations/{segment(settings.location)}/pipelineJobs"

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The pipeline job's id."""
        settings, content = self._settings, as_text(request_content(request, parameters))
        told = {**settings.parameters, "driftline_job": request.key, "driftline_request": content}
        body: dict[str, object] = {
            "displayName": f"retrain {request.model}:{request.version}"[:_MOST_WORDS],
            "templateUri": settings.template,
            "runtimeConfig": {"gcsOutputDirectory": settings.output, "parameterValues": told},
            "labels": {"driftline-job": request.key},
        }
        if settings.service_account is not None:
            body["serviceAccount"] = settings.service_account
        name = _name(request)
        self._rest.call("POST", self._jobs, body, query={"pipelineJobId": name}, known={_ALREADY_THERE})
        return name

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """Where the pipeline job stands."""
        name = external_id or _name(request)
        answer = self._rest.call("GET", f"{self._jobs}/{segment(name)}", known={_ABSENT})
        return RunState(RunPhase.UNKNOWN) if answer.status == _ABSENT else self._state(answer, name)

    def _state(self, job: Answer, name: str) -> RunState:
        state, settings = job.text("state") or "PIPELINE_STATE_PENDING", self._settings
        link = (
            f"https://console.cloud.google.com/vertex-ai/pipelines/locations/{segment(settings.location)}/runs/"
            f"{segment(name)}?project={segment(settings.project)}"
        )
        said = job.text("error", "message") or f"Vertex AI says {state}"
        return RunState(_PHASES.get(state, RunPhase.UNKNOWN), name, link, said)


class _GoogleToken(httpx.Auth):
    """Puts an access token on every request, and gets another one when it is about to end."""

    def __init__(self, settings: VertexSettings) -> None:
        if find_spec("google.auth") is None:
            raise ConfigError("the trigger vertex needs google-auth", hint="pip install 'driftline[vertex]'")
        self._exchange = _Exchange(settings)
        self._credentials = None if settings.credentials is None else _of_key(settings.credentials)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; TriggerFailed when there is no token."""
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        try:
            token = self._token()
        except GoogleAuthError as error:
            raise TriggerFailed(f"no token: {_why(error)}", retryable=_may_pass(error)) from error
        request.headers["authorization"] = f"Bearer {token}"
        yield request

    def _token(self) -> str:
        import google.auth  # noqa: PLC0415 - an extra, and slow

        if self._credentials is None:
            exchange = cast("google.auth.transport.Request", self._exchange)
            self._credentials, _project = google.auth.default(scopes=_SCOPES, request=exchange)
        if not self._credentials.valid:
            self._credentials.refresh(self._exchange)
        return str(self._credentials.token)


class _Exchange:
    """What google-auth asks for tokens through: the same guard as the pipeline's API."""

    def __init__(self, settings: VertexSettings) -> None:
        self._allowed = AllowList.of((*settings.allow, *_METADATA))
        self._timeout_s = settings.timeout_s

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> "_Said":
        """One exchange; TransportError when nobody answers."""
        from google.auth.exceptions import TransportError  # noqa: PLC0415 - an extra

        try:
            with guarded_client(self._allowed, min(timeout or self._timeout_s, self._timeout_s)) as client:
                answer = client.request(method, url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, AddressRefused) as error:
            raise TransportError(f"{type(error).__name__}: {error}") from error
        return _Said(answer.status_code, answer.headers, answer.content)


class _Said:
    """An answer as google-auth reads it."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data


def _of_key(key: str) -> "Credentials":
    """Credentials of a service account's JSON key."""
    from google.oauth2 import service_account  # noqa: PLC0415 - an extra

    try:
        info = json.loads(key)
        found: Credentials = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    except (ValueError, AttributeError, TypeError):  # what they say may hold the key
        raise ConfigError("`credentials` of a trigger vertex is no JSON key of a service account") from None
    return found


def _may_pass(error: Exception) -> bool:
    """Whether asking again may help: nobody answered, the server says so, or no account was there yet."""
    from google.auth.exceptions import DefaultCredentialsError, TransportError  # noqa: PLC0415 - an extra

    return isinstance(error, TransportError | DefaultCredentialsError) or getattr(error, "retryable", False) is True


def _why(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else type(error).__name__).split())[:200]


def _name(request: RetrainRequest) -> str:
    """Ids begin with a letter."""
    return f"driftline-{request.key}"


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return VertexTrigger(VertexSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("vertex", VertexSettings, _build)
