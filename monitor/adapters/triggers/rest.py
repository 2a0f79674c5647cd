"""Talking to the HTTP API of a pipeline: guarded addresses, and every outcome as what the ledger needs to know."""

import contextlib
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import AfterValidator, Field

from monitor.adapters.guarded_http import AddressRefused, AllowList, guarded_client
from monitor.adapters.triggers.kind import TriggerSettings
from monitor.domain.errors import TriggerFailed

_MAX_ANSWER_BYTES = 1_048_576
_MAX_WORDS = 200
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAY_HAVE_BEGUN = frozenset({408, 500, 502, 504})
"""Answers of servers, or of proxies before them, that may come after the request was carried out."""


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write an http:// or https:// address with a host")
    return url.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[str, Field(min_length=1, repr=False)]
OptionalSecret = Annotated[str | None, Field(min_length=1, repr=False)]


class RestSettings(TriggerSettings):
    """`url` is the server's address; `allow` lists networks and hosts that may be called though they are not public."""

    url: HttpAddress
    timeout_s: float = Field(default=15.0, gt=0, le=300)
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and, where the body was JSON, its content; `let_in_by` opened the door and is never told."""

    status: int
    content: object
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    let_in_by: str = field(default="", repr=False)

    def get(self, *path: str) -> object:
        """What is at the path of keys; None when there is nothing."""
        found = self.content
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def text(self, *path: str) -> str | None:
        """A text or number at the path, as text."""
        found = self.get(*path)
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form, for servers that take no JSON."""

    fields: Mapping[str, str]


class Rest:
    """Calls one server. What it says of an error is told without any of the secrets.

    `auth` signs every request where headers that never change do not do it; it may raise TriggerFailed.
    """

    def __init__(
        self,
        settings: RestSettings,
        headers: Mapping[str, str],
        secrets: Collection[str] = (),
        auth: httpx.Auth | None = None,
    ) -> None:
        self._settings, self._headers, self._secrets = settings, dict(headers), tuple(secrets)
        self._auth = auth
        self._allowed = AllowList.of(settings.allow)
        self._host = urlsplit(settings.url).hostname or ""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        known: Collection[int] = (),
    ) -> Answer:
        """The answer when it is 2xx or one of the `known`; TriggerFailed says whether to try again."""
        answer = self._sent(method, path, body, {**self._headers, **(headers or {})}, query or {})
        is_fine = 200 <= answer.status < 300
        if is_fine and method == "GET" and not isinstance(answer.content, dict):
            raise TriggerFailed(f"{self._said(answer)} without the JSON that was asked for", retryable=True)
        if is_fine or answer.status in known:
            return answer
        said = self._said(answer)
        if 300 <= answer.status < 400:
            raise TriggerFailed(f"{said}: redirects are not followed", retryable=False)
        raise TriggerFailed(
            said, retryable=answer.status in _TRY_AGAIN, may_have_begun=answer.status in _MAY_HAVE_BEGUN
        )

    def refused(self, answer: Answer, *, retryable: bool = False) -> TriggerFailed:
        """An answer that looks well and is none."""
        return TriggerFailed(self._said(answer), retryable=retryable)

    def _sent(
        self, method: str, path: str, body: object, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Answer:
        timeout_s, url = self._settings.timeout_s, f"{self._settings.url}{path}"
        end = time.monotonic() + timeout_s
        content, kind = _encoded(body)
        sent = {"accept": "application/json", "user-agent": "driftline", **kind, **headers}
        params = dict(query) or None
        try:
            with (
                guarded_client(self._allowed, timeout_s) as client,
                client.stream(method, url, content=content, headers=sent, params=params, auth=self._auth) as response,
            ):
                said, let_in_by = _content(response, end), response.request.headers.get("authorization", "")
                return Answer(response.status_code, said, response.headers, let_in_by.rpartition(" ")[2])
        except AddressRefused as error:
            raise TriggerFailed(str(error), retryable=False) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TriggerFailed(f"{self._host} cannot be reached", retryable=True) from error
        except httpx.TimeoutException as error:
            why = f"{self._host} did not answer within {timeout_s:g} s"
            raise TriggerFailed(why, retryable=True, may_have_begun=True) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{self._host}: {type(error).__name__}"
            raise TriggerFailed(why, retryable=True, may_have_begun=True) from error

    def _said(self, answer: Answer) -> str:
        words = next((text for text in map(_words, _places(answer.content)) if text), "")
        for secret in filter(None, (*self._secrets, answer.let_in_by)):
            words = words.replace(secret, "***")
        return f"{self._host} answered {answer.status}" + (f": {words[:_MAX_WORDS]}" if words else "")


def segment(name: object) -> str:
    """A name as one segment of a path."""
    return quote(str(name), safe="")


def as_text(content: object) -> str:
    """Compact JSON, for APIs whose parameters are texts."""
    return json.dumps(content, separators=(",", ":"))


def _encoded(body: object) -> tuple[bytes | None, dict[str, str]]:
    """(the body's bytes, the header that says what they are)."""
    if body is None:
        return None, {}
    if isinstance(body, Form):
        return urlencode(body.fields).encode(), {"content-type": "application/x-www-form-urlencoded"}
    return json.dumps(body).encode(), {"content-type": "application/json"}


def _content(response: httpx.Response, end: float) -> object:
    answer = bytearray()
    with contextlib.suppress(httpx.HTTPError):
        for piece in response.iter_raw():
            answer += piece
            if len(answer) > _MAX_ANSWER_BYTES or time.monotonic() > end:
                return None
    try:
        return cast("object", json.loads(answer))
    except (ValueError, RecursionError):
        return None


def _places(content: object) -> list[object]:
    """Where servers put the words of an error."""
    if not isinstance(content, dict):
        return []
    return [content.get(key) for key in ("message", "Message", "detail", "error", "errors", "exception_message")]


def _words(found: object) -> str:
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        found = found["message"]
    if isinstance(found, str):
        return " ".join(found.split())
    return as_text(found) if isinstance(found, list | dict) and found else ""
