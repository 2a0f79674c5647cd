"""Asks a pipeline over HTTP for a retraining run: a JSON request signed as Standard Webhooks has it."""

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, Field
from standardwebhooks import Webhook

from monitor.adapters.guarded_http import AddressRefused, AllowList, guarded_client
from monitor.adapters.triggers.content import request_content
from monitor.adapters.triggers.kind import TriggerKind, TriggerSettings
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import RetrainRequest
from monitor.domain.time import Clock, format_instant

EVENT_TYPE = "retraining.requested"

_MAX_ANSWER_BYTES = 65_536
_MAX_ID_CHARS = 200
_AGAIN = {408, 425, 429}
_ALREADY_THERE = 409


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write an http:// or https:// address with a host")
    return url


def _signing_secret(secret: str) -> str:
    try:
        Webhook(secret)
    except (ValueError, RuntimeError) as error:
        raise ValueError("a signing secret is base64 text, as in whsec_...") from error
    return secret


class WebhookSettings(TriggerSettings):
    """Where to ask. `allow` lists networks and hosts that may be called though they are not public (loopback too)."""

    url: Annotated[str, AfterValidator(_http_url)]
    secret: Annotated[str, AfterValidator(_signing_secret)] = Field(repr=False)
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    allow: tuple[str, ...] = ()


class WebhookTrigger:
    """Sends the request with the job's key as `webhook-id`: a receiver that knows the key starts nothing twice.

    2xx is taken as started (409: as started before). What a re-send may cure (no connection, a deadline, 408, 425,
    429, 5xx) is retryable. Neither the secret nor the address beyond its host is told in errors.
    """

    resend_is_safe: ClassVar[bool] = True  # what the receiver promises, as Standard Webhooks has it

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._allowed = AllowList.of(settings.allow)
        self._host = urlsplit(settings.url).hostname or ""

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """Send; the run's id where the answer is JSON with `run_id` or `id`."""
        body = json.dumps(
            {"type": EVENT_TYPE, "timestamp": format_instant(self._clock.now())}
            | {"data": request_content(request, parameters)}
        )
        status, answer = self._post(body, self._headers(request.key, body))
        if 200 <= status < 300 or status == _ALREADY_THERE:
            return _run_id(answer)
        if 300 <= status < 400:
            raise TriggerFailed(f"{self._host} answered {status}: redirects are not followed", retryable=False)
        retryable = status in _AGAIN or status >= 500
        raise TriggerFailed(f"{self._host} answered {status}", retryable=retryable)

    def _headers(self, key: str, body: str) -> dict[str, str]:
        at = self._clock.now()
        return {
            "content-type": "application/json",
            "user-agent": "driftline",
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self._settings.secret).sign(key, at, body),
        }

    def _post(self, body: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        timeout_s = self._settings.timeout_s
        end = time.monotonic() + timeout_s
        try:
            with (
                guarded_client(self._allowed, timeout_s) as client,
                client.stream("POST", self._settings.url, content=body.encode(), headers=headers) as response,
            ):
                return response.status_code, _answer(response, end)
        except AddressRefused as error:
            raise TriggerFailed(str(error), retryable=False) from error
        except httpx.TimeoutException as error:
            raise TriggerFailed(f"{self._host} did not answer within {timeout_s:g} s", retryable=True) from error
        except httpx.HTTPError as error:
            raise TriggerFailed(f"{self._host}: {type(error).__name__}", retryable=True) from error


def _answer(response: httpx.Response, end: float) -> bytes:
    """What of the answer comes in time and is not too long; the status alone decides, so the rest is left."""
    answer = bytearray()
    with contextlib.suppress(httpx.HTTPError):
        for piece in response.iter_raw():
            answer += piece
            if len(answer) > _MAX_ANSWER_BYTES or time.monotonic() > end:
                return b""
    return bytes(answer)


def _run_id(answer: bytes) -> str | None:
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    found = content.get("run_id", content.get("id"))
    return str(found)[:_MAX_ID_CHARS] if isinstance(found, str | int) else None


def _build(settings: TriggerSettings, clock: Clock) -> RetrainTrigger:
    return WebhookTrigger(WebhookSettings.model_validate(settings.model_dump()), clock)


KIND = TriggerKind("webhook", WebhookSettings, _build)
