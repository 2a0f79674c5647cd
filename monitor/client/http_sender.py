"""Batches to POST /v1/records."""

import gzip
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from monitor.client import entropy
from monitor.client.items import Item, Outcome

PATH = "/v1/records"

_FOR_GOOD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_SHOWN_CHARACTERS = 300


class HttpSender:
    """One connection that is kept open; not thread-safe. ValueError when the URL is none."""

    def __init__(self, url: str, token: str | None = None, timeout_s: float = 10.0) -> None:
        self._url = urlsplit(url)
        if self._url.scheme not in {"http", "https"} or not self._url.hostname:
            raise ValueError(f"{url!r} is no address: write it like https://monitor.example.com:8484")
        path = self._url.path.rstrip("/")
        self._path = path if path.endswith(PATH) else path + PATH
        self._token, self._timeout_s = token, timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def send(self, batch: Sequence[Item]) -> Outcome:
        """Send the batch under a key of its own, so that one whose answer was lost is stored once."""
        lines, refused = _lines(batch)
        if not lines:
            return Outcome(refused=refused, why="not a value of JSON")
        body = gzip.compress(b"\n".join(lines), compresslevel=1)
        try:
            status, headers, content = self._post(body, self._headers(batch))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Outcome(again=batch, why=f"{self._url.netloc}: {type(error).__name__}: {error}")
        return _outcome(batch, refused, status, headers, content)

    def close(self) -> None:
        """Close the connection; the next batch opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _headers(self, batch: Sequence[Item]) -> dict[str, str]:
        first, last = batch[0], batch[-1]
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Idempotency-Key": f"{first.producer}/{first.sequence}-{last.sequence}",
        }
        return headers | ({"Authorization": f"Bearer {self._token}"} if self._token else {})

    def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """Ask once; a second time, on a new connection, when the kept one turns out to have been closed meanwhile."""
        if self._connection is not None:
            try:
                return self._asked(self._connection, body, headers)
            except (ConnectionError, ssl.SSLEOFError):
                self.close()
        self._connection = _connection(self._url, self._timeout_s)
        return self._asked(self._connection, body, headers)

    def _asked(
        self, connection: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection.request("POST", self._path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def _connection(url: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    if url.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(url.hostname or "", url.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout_s)


def _lines(batch: Sequence[Item]) -> tuple[list[bytes], int]:
    """Records as lines with their place, and how many of them JSON cannot say."""
    lines = []
    for item in batch:
        try:
            lines.append(item.to_json(producer=_place(item)))
        except (TypeError, ValueError, RecursionError):
            continue
    return lines, len(batch) - len(lines)


def _place(item: Item) -> dict[str, object]:
    place: dict[str, object] = {"id": item.producer, "sequence": item.sequence}
    return place | {"number": item.number} if item.number else place


def _outcome(batch: Sequence[Item], refused: int, status: int, headers: Mapping[str, str], content: bytes) -> Outcome:
    if status == HTTPStatus.ACCEPTED:
        answer = json.loads(content)
        refused += answer["refused"]
        return Outcome(len(batch) - refused, refused, why=_first_refusal(answer))
    why = f"answered {status}: {content[:_SHOWN_CHARACTERS].decode(errors='replace')}"
    is_too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if status in _FOR_GOOD or (is_too_large and len(batch) == 1):
        return Outcome(refused=len(batch), why=why)
    return Outcome(again=batch, is_too_large=is_too_large, after_s=_after_s(headers.get("retry-after")), why=why)


def _first_refusal(answer: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
    refusals = answer.get("refusals") or ()
    return f"{refusals[0]['reason']}: {refusals[0]['detail']}" if refusals else ""


def _after_s(value: str | None) -> float | None:
    """Retry-After in seconds, whether it was written so or as a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - entropy.now()).total_seconds())
    except (ValueError, TypeError):
        return None
