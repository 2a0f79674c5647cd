"""Starts an Amazon SageMaker pipeline: the request token is the job's key, so that one key is one execution."""

import re
from collections.abc import Generator, Mapping
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar, Self

import httpx
from pydantic import Field, field_validator, model_validator

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, HttpAddress, OptionalSecret, Rest, RestSettings, as_text
from monitor.domain.errors import ConfigError, TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

if TYPE_CHECKING:
    from awscrt.auth import AwsCredentialsProvider

_SERVICE = "sagemaker"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_MOST_VALUE_CHARS, _MOST_DESCRIPTION_CHARS = 1024, 3072
"""Of a pipeline's parameter, and of an execution's description (API of 2017-07-24)."""

_REFUSED = {400, 409}
_LATER = ("ThrottlingException", "ResourceLimitExceeded", "ConflictException")
_ABSENT = "ResourceNotFound"
_PHASES = {
    "Executing": RunPhase.RUNNING,
    "Stopping": RunPhase.RUNNING,
    "Succeeded": RunPhase.SUCCEEDED,
    "Stopped": RunPhase.FAILED,
    "Failed": RunPhase.FAILED,
    "CompletedWithFailures": RunPhase.FAILED,
}


class SagemakerSettings(RestSettings):
    """`pipeline` by name or ARN; it declares the parameters `driftline_job` and `driftline_request` (both texts).

    Without keys here, AWS's own library looks where its clients do: environment, shared files (`profile`), web
    identity, the role of the container or machine. `url` is needed where the region's address is not the usual one.
    """

    url: HttpAddress = ""  # never stays so
    region: str = Field(min_length=1)
    pipeline: str = Field(min_length=1)
    access_key_id: OptionalSecret = None
    secret_access_key: OptionalSecret = None
    session_token: OptionalSecret = None
    profile: str | None = None
    parameters: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _address(cls, given: object) -> object:
        if not isinstance(given, Mapping) or given.get("url"):
            return given
        return {**given, "url": f"https://api.sagemaker.{given.get('region')}.amazonaws.com"}

    @field_validator("region")
    @classmethod
    def _has_the_form_of_a_region(cls, region: str) -> str:
        if not _REGION.fullmatch(region):
            raise ValueError(f"{region!r} is no region of AWS: write its code, as eu-central-1")
        return region

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("give access_key_id and secret_access_key, or neither of them")
        return self


class SagemakerTrigger:
    """`StartPipelineExecution` and `DescribePipelineExecution`, JSON 1.1, signed with SigV4."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: SagemakerSettings) -> None:
        self._settings = settings
        secrets = [settings.secret_access_key or "", settings.session_token or ""]
        self._rest = Rest(settings, {}, secrets, _SigV4(settings))

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The execution's ARN."""
        told = {"driftline_job": request.key, "driftline_request": _fitting(request_content(request, parameters))}
        values = {**self._settings.parameters, **told}
        body = {
            "PipelineName": self._settings.pipeline,
            "PipelineParameters": [{"Name": name, "Value": value} for name, value in values.items()],
            "PipelineExecutionDescription": " ".join(request.why.split())[:_MOST_DESCRIPTION_CHARS],
            "ClientRequestToken": request.key,
        }
        answer = self._asked("StartPipelineExecution", body)
        if answer.status in _REFUSED:
            raise self._rest.refused(answer, retryable=_fault(answer) in _LATER)
        return answer.text("PipelineExecutionArn")

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:  # noqa: ARG002 - found by its ARN
        """Where the execution stands."""
        if external_id is None:
            return RunState(RunPhase.UNKNOWN)
        answer = self._asked("DescribePipelineExecution", {"PipelineExecutionArn": external_id})
        if answer.status in _REFUSED:
            if _fault(answer) == _ABSENT:
                return RunState(RunPhase.UNKNOWN)
            raise self._rest.refused(answer, retryable=True)
        status = answer.text("PipelineExecutionStatus") or ""
        said = answer.text("FailureReason") or f"SageMaker says {status}"
        return RunState(_PHASES.get(status, RunPhase.UNKNOWN), external_id, None, said)

    def _asked(self, operation: str, body: object) -> Answer:
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"SageMaker.{operation}"}
        return self._rest.call("POST", "/", body, headers=headers, known=_REFUSED)


class _SigV4(httpx.Auth):
    """Signs every request with the keys that there are then: those of a role are renewed by the library."""

    requires_request_body = True

    def __init__(self, settings: SagemakerSettings) -> None:
        if find_spec("awscrt") is None:
            raise ConfigError("the trigger sagemaker needs awscrt", hint="pip install 'driftline[sagemaker]'")
        self._settings, self._provider = settings, _provider(settings)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers of the signature; TriggerFailed when there are no keys."""
        from awscrt.auth import AwsSigningConfig, aws_sign_request  # noqa: PLC0415 - an extra
        from awscrt.exceptions import AwsCrtError  # noqa: PLC0415 - an extra
        from awscrt.http import HttpHeaders, HttpRequest  # noqa: PLC0415 - an extra

        covered = [(name, request.headers[name]) for name in ("host", "content-type", "x-amz-target")]
        unsigned = HttpRequest(request.method, request.url.path, HttpHeaders(covered), BytesIO(request.content))
        how = AwsSigningConfig(region=self._settings.region, service=_SERVICE, credentials_provider=self._provider)
        try:
            signed = aws_sign_request(unsigned, how).result(self._settings.timeout_s)
        except (AwsCrtError, TimeoutError) as error:
            why = getattr(error, "name", "nobody answered in time")
            raise TriggerFailed(f"AWS gives no credentials: {why}", retryable=True) from error
        request.headers.update(dict(signed.headers))
        yield request


def _provider(settings: SagemakerSettings) -> "AwsCredentialsProvider":
    from awscrt.auth import AwsCredentialsProvider  # noqa: PLC0415 - an extra

    if settings.access_key_id is not None:
        given = (settings.access_key_id, settings.secret_access_key, settings.session_token)
        return AwsCredentialsProvider.new_static(*given)
    if settings.profile is not None:
        return AwsCredentialsProvider.new_profile(profile_name=settings.profile)
    return AwsCredentialsProvider.new_default_chain()


def _fault(answer: Answer) -> str:
    """The exception's name, without its namespace."""
    return (answer.text("__type") or "").rsplit("#", 1)[-1]


def _fitting(content: Mapping[str, object]) -> str:
    """The request as one parameter: the evidence goes where all is too long, then words of the reason."""
    if len(as_text(content)) > _MOST_VALUE_CHARS and isinstance(given := content["parameters"], Mapping):
        content = {**content, "parameters": {name: value for name, value in given.items() if name != "evidence"}}
    while len(as_text(content)) > _MOST_VALUE_CHARS and (why := str(content["why"])):
        content = {**content, "why": why[: len(why) * 3 // 4]}
    text = as_text(content)
    if len(text) > _MOST_VALUE_CHARS:
        said = f"the request has {len(text):,} characters and SageMaker takes {_MOST_VALUE_CHARS:,}: shorten its places"
        raise TriggerFailed(said, retryable=False)
    return text


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return SagemakerTrigger(SagemakerSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("sagemaker", SagemakerSettings, _build)
