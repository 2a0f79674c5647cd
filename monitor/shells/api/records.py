"""POST /v1/records: records from those who have no broker, durable before the answer."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler

from monitor.domain.errors import Backlogged, StoreUnavailable, SubmissionFault, SubmissionRefused
from monitor.domain.submission import Receipt, Refusal, Submission
from monitor.shells.api.auth import require_token
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.problems import Problem, on_http_error, problem

_MOST_UNDER_WAY = 16
"""Requests whose bodies are in memory at a time; more are asked to come back."""

_THREADS = 4
_BODY_S = 30.0
"""How long a slow sender may keep others from one of the places."""


_BACKLOG_RETRY_S, _BUSY_RETRY_S, _STORE_RETRY_S = 5, 1, 5
_LONGEST_KEY = 255
_STATUS = {
    SubmissionFault.MALFORMED: HTTPStatus.BAD_REQUEST,
    SubmissionFault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SubmissionFault.UNSUPPORTED: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    SubmissionFault.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_Answer = Response[dict[str, object]]


def records_routes(parts: ApiParts) -> list[HTTPRouteHandler]:
    """/v1/records."""
    desk = _Desk(parts)

    @post("/v1/records", status_code=HTTPStatus.ACCEPTED, request_max_body_size=parts.max_body_bytes)
    async def records(request: "Request[Any, Any, Any]") -> _Answer:
        try:
            require_token(request.headers.get("authorization"), parts.bearer_token)
            answer = await desk.take(request)
        except HTTPException as error:
            answer = on_http_error(request, error)
        parts.meter.count("submissions_total", status=str(answer.status_code))
        return answer

    return [records]


class _Desk:
    """Takes submissions, a bounded number at a time. Lives in the server's event loop.

    It has threads of its own: a database that hangs must not keep others from asking whether the program is healthy.
    """

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="submit")
        self._under_way = 0

    async def take(self, request: "Request[Any, Any, Any]") -> _Answer:
        if self._parts.submit is None:
            raise Problem("this program reads another source; set `source: {kind: http}`", status_code=404)
        if self._under_way >= _MOST_UNDER_WAY:
            return _later(HTTPStatus.TOO_MANY_REQUESTS, "too many requests at a time", _BUSY_RETRY_S)
        self._under_way += 1
        try:
            return await self._answer(await self._submission(request))
        finally:
            self._under_way -= 1

    async def _answer(self, submission: Submission) -> _Answer:
        began_s = time.perf_counter()
        try:
            receipt = await asyncio.get_running_loop().run_in_executor(self._threads, self._submit, submission)
        except SubmissionRefused as refused:
            return problem(_STATUS[refused.fault], str(refused), reason=refused.fault.value)
        except Backlogged as backlogged:
            return _later(HTTPStatus.TOO_MANY_REQUESTS, str(backlogged), _BACKLOG_RETRY_S)
        except StoreUnavailable as unavailable:
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, str(unavailable), _STORE_RETRY_S)
        self._parts.meter.observe("submission_seconds", time.perf_counter() - began_s)
        if not receipt.is_repeated:
            self._count(receipt)
        return _told(receipt)

    async def _submission(self, request: "Request[Any, Any, Any]") -> Submission:
        headers = request.headers
        key = headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= _LONGEST_KEY:
            raise Problem(f"Idempotency-Key: use 1 to {_LONGEST_KEY} characters", status_code=400)
        try:
            async with asyncio.timeout(_BODY_S):
                body = await request.body()
        except TimeoutError as error:
            raise Problem(f"the body did not arrive within {_BODY_S:g} s", status_code=408) from error
        except RequestEntityTooLarge as error:
            detail = f"the body has more than {self._parts.max_body_bytes:,} bytes; send smaller batches, or packed"
            raise Problem(detail, status_code=413) from error
        return Submission(body, headers.get("content-type", ""), headers.get("content-encoding", ""), key)

    def _submit(self, submission: Submission) -> Receipt:
        return self._parts.submit(submission)  # type: ignore[misc] # asked in `take`

    def _count(self, receipt: Receipt) -> None:
        numbers = {
            "stored": receipt.accepted - receipt.duplicates,
            "duplicate": receipt.duplicates,
            "refused": receipt.refused,
        }
        for outcome, number in numbers.items():
            if number:
                self._parts.meter.count("submitted_records_total", number, outcome=outcome)


def _told(receipt: Receipt) -> _Answer:
    """202 with the counts; 422 when there is nothing to keep."""
    refusals = [_refusal(one) for one in receipt.refusals]
    if not receipt.accepted:
        detail = f"none of the {receipt.refused:,} records could be taken; the first: {refusals[0]['detail']}"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, refused=receipt.refused, refusals=refusals)
    body: dict[str, object] = {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "refused": receipt.refused,
        "refusals": refusals,
    }
    return Response(body, status_code=HTTPStatus.ACCEPTED)


def _refusal(refusal: Refusal) -> Mapping[str, object]:
    return {"index": refusal.index, "reason": refusal.reason.value, "detail": refusal.detail}


def _later(status: HTTPStatus, detail: str, seconds: int) -> _Answer:
    return problem(status, detail, {"Retry-After": str(seconds)})
