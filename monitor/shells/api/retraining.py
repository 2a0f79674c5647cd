"""/v1/retraining: how a pipeline says that it has ended, and how people see and decide jobs."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from monitor.domain.retraining import LONGEST_ASKED_AS, JobOutcome, RetrainJob
from monitor.domain.time import parse_instant
from monitor.shells.api.auth import refuse_another_content, require_json, require_signature, require_token
from monitor.shells.api.parts import ApiParts, JobsApi
from monitor.shells.api.problems import Problem
from monitor.shells.jobs import history_row, job_row, report_row

_MOST_WORDS = 500


class FinishedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call-back's content. `key` is the job's: the signature then covers what the message is about.

    Instants are RFC 3339: `effective_from` is when the new version serves, `trained_until` the end of its training
    data. `scores` names a file of predictions by which it can be verified.
    """

    key: str
    succeeded: bool
    model_version: str | None = None
    training_data: str | None = None
    effective_from: str | None = None
    detail: str = ""
    scores: str | None = None
    trained_until: str | None = None


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model a person wants retrained, and why."""

    model: str
    by: str
    reason: str


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who decides, and why."""

    by: str
    reason: str = ""


def retraining_routes(parts: ApiParts, jobs: JobsApi) -> list[HTTPRouteHandler]:
    """Every route about jobs."""

    @post("/v1/retraining/{key:str}/finished", status_code=HTTPStatus.OK)
    async def finished(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        body, headers = await request.body(), {name.lower(): value for name, value in request.headers.items()}
        key = str(request.path_params["key"])
        require_json(request)
        require_signature(body, headers, parts.callback_secret, is_loopback=parts.is_loopback)
        said = outcome(key, body)
        if message_id := headers.get("webhook-id"):
            about = key.encode() + b"\0" + body
            await asyncio.to_thread(refuse_another_content, jobs.callback, message_id, about)
        job = await asyncio.to_thread(jobs.finish, said)
        return Response(_answer(job))

    @get("/v1/retraining")
    async def listed(request: "Request[Any, Any, Any]", model: str | None = None) -> Response[list[dict[str, object]]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        found = await asyncio.to_thread(jobs.listed, model)
        return Response([job_row(job) for job in found])

    @get("/v1/retraining/{key:str}")
    async def shown(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        history = await asyncio.to_thread(jobs.history, str(request.path_params["key"]))
        return Response({**job_row(history[-1]), "history": [history_row(job) for job in history]})

    @get("/v1/retraining/{key:str}/verification")
    async def verified(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        report = await asyncio.to_thread(jobs.verify, str(request.path_params["key"]))
        return Response(report_row(report))

    @post("/v1/retraining", status_code=HTTPStatus.OK)
    async def asked(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
        require_token(request.headers.get("authorization"), parts.bearer_token)
        require_json(request)
        said, known_as = _asked(await request.body()), _known_as(request.headers.get("idempotency-key", ""))
        job = await asyncio.to_thread(jobs.ask, said.model, said.by, said.reason, known_as)
        return Response(_answer(job))

    return [finished, listed, asked, shown, verified, *_decisions(parts, jobs)]


def _decisions(parts: ApiParts, jobs: JobsApi) -> list[HTTPRouteHandler]:
    """POST /v1/retraining/{key}/approve, decline (a job, or the rollback that it suggests), promote, reject."""
    verbs: Mapping[str, Callable[[str, str, str], RetrainJob]] = {
        "approve": jobs.approve,
        "decline": jobs.decline,
        "promote": jobs.promote,
        "reject": jobs.reject,
    }

    def route(verb: str, decide: Callable[[str, str, str], RetrainJob]) -> HTTPRouteHandler:
        @post(f"/v1/retraining/{{key:str}}/{verb}", status_code=HTTPStatus.OK, name=f"retraining_{verb}")
        async def decided(request: "Request[Any, Any, Any]") -> Response[dict[str, object]]:
            require_token(request.headers.get("authorization"), parts.bearer_token)
            require_json(request)
            key, said = str(request.path_params["key"]), _decision(await request.body())
            job = await asyncio.to_thread(decide, key, said.by, said.reason)
            return Response(_answer(job))

        return decided

    return [route(verb, decide) for verb, decide in verbs.items()]


def _answer(job: RetrainJob) -> dict[str, object]:
    """Where the job stands; with the guard's reason where it holds it."""
    reason = job.hold_reason.value if job.hold_reason else None
    return {"key": job.request.key, "phase": job.phase.value, "hold_reason": reason, "detail": job.detail}


def _asked(body: bytes) -> AskBody:
    try:
        said = msgspec.json.decode(body, type=AskBody)
    except msgspec.MsgspecError as error:
        raise Problem(f"the body says not what is asked for, by whom and why: {error}", status_code=400) from error
    if not said.by.strip() or not said.reason.strip() or len(said.by) + len(said.reason) > _MOST_WORDS:
        wanted = f"say in `by` who asks and in `reason` why, in at most {_MOST_WORDS} characters together"
        raise Problem(wanted, status_code=400)
    return said


def _known_as(key: str) -> str:
    key = key.strip()
    if len(key) > LONGEST_ASKED_AS:
        said = f"the Idempotency-Key has {len(key)} characters: at most {LONGEST_ASKED_AS} are allowed"
        raise Problem(said, status_code=400)
    return key


def _decision(body: bytes) -> DecisionBody:
    try:
        said = msgspec.json.decode(body, type=DecisionBody)
    except msgspec.MsgspecError as error:
        raise Problem(f"the body is no decision: {error}", status_code=400) from error
    if not said.by.strip() or len(said.by) + len(said.reason) > _MOST_WORDS:
        wanted = f"say in `by` who decides, with `reason` in at most {_MOST_WORDS} characters together"
        raise Problem(wanted, status_code=400)
    return said


def outcome(key: str, body: bytes) -> JobOutcome:
    """The call-back's content as a value; a Problem that says what is wrong with it."""
    try:
        said = msgspec.json.decode(body, type=FinishedBody)
        effective, until = (parse_instant(at) if at else None for at in (said.effective_from, said.trained_until))
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem(f"the body is no outcome: {error}", status_code=400) from error
    if said.key != key:
        raise Problem(f"the call-back is about job {said.key!r} and was sent to that of {key!r}", status_code=400)
    return JobOutcome(
        key, said.succeeded, said.model_version, said.training_data, effective, said.detail, said.scores, until
    )
