"""Starts a Jenkins build with parameters. Jenkins knows no idempotency key: it is asked once, then looked at."""

import base64
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.adapters.triggers.rest import Answer, Form, Rest, RestSettings, Secret, as_text, segment
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest, RunPhase, RunState
from monitor.domain.time import Clock

_ABSENT = 404
_KEY = "driftline_job"
_NEWEST = 100
_BUILD = "number,url,building,result"
_PARAMETERS = "actions[parameters[name,value]]"
_QUEUED, _BUILT = "queue/", "build/"
"""How external ids begin: an item of the queue, which Jenkins forgets soon after it left, or a build."""


class JenkinsSettings(RestSettings):
    """`job` with its folders, as in `ml/retrain`; it defines the parameters `driftline_job` and `driftline_request`.

    `token` is an API token of `user`; a password works too, with the crumb that Jenkins asks for then.
    """

    job: str = Field(min_length=1)
    user: str
    token: Secret
    parameters: Mapping[str, str] = Field(default_factory=dict)


class JenkinsTrigger:
    """`POST .../buildWithParameters`; the queue's item leads to the build, or else its parameter `driftline_job`."""

    resend_is_safe: ClassVar[bool] = False

    def __init__(self, settings: JenkinsSettings) -> None:
        self._settings = settings
        who = base64.b64encode(f"{settings.user}:{settings.token}".encode()).decode()
        self._rest = Rest(settings, {"authorization": f"Basic {who}"}, [settings.token, who])
        self._job = "".join(f"/job/{segment(part)}" for part in settings.job.split("/") if part)

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """The queue's item."""
        told = {_KEY: request.key, "driftline_request": as_text(request_content(request, parameters))}
        form, headers = Form({**self._settings.parameters, **told}), self._crumb()
        answer = self._rest.call("POST", f"{self._job}/buildWithParameters", form, headers=headers, known={_ABSENT})
        if answer.status == _ABSENT:
            said = f"Jenkins has no job {self._settings.job} that {self._settings.user} may see"
            raise TriggerFailed(said, retryable=False)
        place = urlsplit(answer.headers.get("location", "")).path.rstrip("/")
        item = place.rsplit("/", 1)[-1]
        return f"{_QUEUED}{item}" if "/queue/item/" in place and item.isdecimal() else None

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """By the build, by the queue's item, or by the key among the newest builds and what is queued."""
        kind, _, number = (external_id or "").partition("/")
        known = None
        if f"{kind}/" == _BUILT:
            known = self._build(number)
        elif f"{kind}/" == _QUEUED:
            known = self._item(number)
        return known or self._by_key(request.key)

    def _crumb(self) -> dict[str, str]:
        """What a session needs beside its password; Jenkins without the issuer asks for none."""
        try:
            answer = self._rest.call("GET", "/crumbIssuer/api/json", known={_ABSENT})
        except TriggerFailed as error:  # no build was asked for yet
            raise TriggerFailed(f"no crumb: {error}", retryable=error.retryable) from error
        name, crumb = answer.text("crumbRequestField"), answer.text("crumb")
        if answer.status == _ABSENT or name is None or crumb is None:
            return {}
        cookies = "; ".join(_cookies(answer.headers.get_list("set-cookie")))
        return {name: crumb} | ({"cookie": cookies} if cookies else {})

    def _build(self, number: str) -> RunState | None:
        path = f"{self._job}/{segment(number)}/api/json"
        answer = self._rest.call("GET", path, query={"tree": _BUILD}, known={_ABSENT})
        return None if answer.status == _ABSENT else _state(answer)

    def _item(self, number: str) -> RunState | None:
        answer = self._rest.call("GET", f"/queue/item/{segment(number)}/api/json", known={_ABSENT})
        if answer.status == _ABSENT:
            return None
        build = answer.text("executable", "number")
        if build is not None:
            return self._build(build)
        return _waiting(answer)

    def _by_key(self, key: str) -> RunState:
        query = {"tree": f"builds[{_BUILD},{_PARAMETERS}]{{0,{_NEWEST}}}"}
        for build in _with_key(self._rest.call("GET", f"{self._job}/api/json", query=query), "builds", key):
            return _state(build)
        query = {"tree": f"items[id,why,{_PARAMETERS}]"}
        for item in _with_key(self._rest.call("GET", "/queue/api/json", query=query), "items", key):
            return _waiting(item)
        return RunState(RunPhase.UNKNOWN)


def _waiting(item: Answer) -> RunState:
    """An item of the queue that has no build yet, or that somebody took out."""
    is_cancelled = item.get("cancelled") is True
    phase = RunPhase.FAILED if is_cancelled else RunPhase.QUEUED
    said = "somebody cancelled it in the queue" if is_cancelled else (item.text("why") or "in the queue of Jenkins")
    number = item.text("id")
    return RunState(phase, f"{_QUEUED}{number}" if number else None, None, said)


def _state(build: Answer) -> RunState:
    result, number = build.text("result"), build.text("number")
    if build.get("building") is True or result is None:
        phase = RunPhase.RUNNING
    else:
        phase = RunPhase.SUCCEEDED if result == "SUCCESS" else RunPhase.FAILED
    said = f"Jenkins says {result or 'building'}"
    return RunState(phase, f"{_BUILT}{number}" if number else None, build.text("url"), said)


def _with_key(answer: Answer, name: str, key: str) -> Iterable[Answer]:
    """The entries of a list that have the job's key as their parameter."""
    found = answer.get(name)
    for one in found if isinstance(found, list) else []:
        if (_KEY, key) in _parameters(one):
            yield Answer(answer.status, one)


def _parameters(run: object) -> Iterable[tuple[object, object]]:
    actions = run.get("actions") if isinstance(run, dict) else None
    for action in actions if isinstance(actions, list) else []:
        given = action.get("parameters") if isinstance(action, dict) else None
        yield from ((one.get("name"), one.get("value")) for one in given or [] if isinstance(one, dict))


def _cookies(said: Iterable[str]) -> Iterable[str]:
    for line in said:
        cookie = SimpleCookie()
        try:
            cookie.load(line)
        except CookieError:
            continue
        yield from (f"{name}={morsel.value}" for name, morsel in cookie.items())


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:  # noqa: ARG001 - the signature of all kinds
    return JenkinsTrigger(JenkinsSettings.model_validate(settings.model_dump()))


KIND = TriggerKind("jenkins", JenkinsSettings, _build)
