"""Starts a run of an Airflow 3 DAG: its run id is the job's key, so that Airflow itself refuses a second one."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import model_validator

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import OptionalSecret, Rest, RestSettings, segment
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ALREADY_THERE, _ABSENT = 409, 404
_PHASES = {
    "queued": RunPhase.QUEUED,
    "running": RunPhase.RUNNING,
    "success": RunPhase.SUCCEEDED,
    "failed": RunPhase.FAILED,
}


class AirflowSettings(RestSettings):
    """`url` of the API server, and the DAG. Give a `token`, or `username` and `password` to ask for one each time."""

    dag_id: str
    token: OptionalSecret = None
    username: str | None = None
    password: OptionalSecret = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.username is None or self.password is None):
            raise ValueError("give a token, or else username and password")
        return self


class AirflowTrigger:
    """`POST /api/v2/dags/{dag_id}/dagRuns` with the request as `conf`; 409 means that the run is there already."""

    resend_is_safe: ClassVar[bool] = True

    def __init__(self, settings: AirflowSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings, {}, [settings.token or "", settings.password or ""])
        self._runs = f"/api/v2/dags/{segment(settings.dag_id)}/dagRuns"

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The run's id, which is the job's key."""
        body = {
            "dag_run_id": request.key,
            "logical_date": None,  # required, and null for runs that belong to no schedule
            "conf": request_content(request, parameters),
            "note": request.why[:1000],
        }
        self._rest.call("POST", self._runs, body, headers=self._token(), known={_ALREADY_THERE})
        return request.key

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """Where the DAG run stands."""
        run_id = external_id or request.key
        answer = self._rest.call("GET", f"{self._runs}/{segment(run_id)}", headers=self._token(), known={_ABSENT})
        if answer.status == _ABSENT:
            return RunState(RunPhase.UNKNOWN)
        state = answer.text("state") or ""
        link = f"{self._settings.url}/dags/{segment(self._settings.dag_id)}/runs/{segment(run_id)}"
        return RunState(_PHASES.get(state, RunPhase.UNKNOWN), run_id, link, f"Airflow says {state}")

    def _token(self) -> dict[str, str]:
        settings = self._settings
        if settings.token is not None:
            return {"authorization": f"Bearer {settings.token}"}
        who = {"username": settings.username, "password": settings.password}
        try:
            answer = self._rest.call("POST", "/auth/token", who)
        except TriggerFailed as error:  # no run was asked for yet
            raise TriggerFailed(f"no token: {error}", retryable=error.retryable) from error
        token = answer.text("access_token")
        if token is None:
            raise TriggerFailed("the answer of /auth/token has no access_token", retryable=False)
        return {"authorization": f"Bearer {token}"}


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return AirflowTrigger(AirflowSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("airflow", AirflowSettings, _build)
