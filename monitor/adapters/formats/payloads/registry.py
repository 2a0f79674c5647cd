"""Schemas out of a registry that speaks Confluent's REST API."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import httpx

from monitor.adapters.guarded_http import AddressRefused, AllowList, guarded_client
from monitor.domain.errors import RecordRejected, RejectReason, StoreUnavailable

_UNKNOWN_FOR_S = 60.0
_MOST_UNKNOWN = 1_000
_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"


@dataclass(frozen=True, slots=True)
class Schema:
    """A registered schema; `references` are (name, schema) that it builds on, those that others need first."""

    kind: str
    text: str
    references: tuple[tuple[str, "Schema"], ...] = ()


@dataclass(slots=True)
class Registry:
    """Asks once for each id: schemas never change. Ids that are unknown are asked for again after a minute.

    RecordRejected (`unknown_schema`) when the registry does not know the id; StoreUnavailable when it cannot be asked,
    refuses the login or lies at an address that is not allowed: none of that is the record's fault.
    """

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    allow: AllowList = field(default_factory=AllowList)
    timeout_s: float = 10.0
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[int, Schema] = field(default_factory=dict)
    _unknown: dict[int, float] = field(default_factory=dict)

    def schema(self, number: int) -> Schema:
        """The schema with this id."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._ask_for(number)
        return found

    def _ask_for(self, number: int) -> Schema:
        asked_s = self._unknown.get(number)
        if asked_s is not None and self.monotonic() < asked_s + _UNKNOWN_FOR_S:
            raise _unknown(number)
        answer = self._get(f"/schemas/ids/{number}")
        if answer is None:
            if len(self._unknown) >= _MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[number] = self.monotonic()
            raise _unknown(number)
        return self._whole(answer, f"/schemas/ids/{number}", depth=0)

    def _whole(self, answer: Mapping[str, object], path: str, depth: int) -> Schema:
        """With what it refers to; protobuf is asked for as a compiled descriptor."""
        kind = str(answer.get("schemaType") or "AVRO")
        if kind == "PROTOBUF":
            answer = self._get(f"{path}?format=serialized") or answer
        references = answer.get("references")
        if depth > 20:
            raise RecordRejected(RejectReason.UNKNOWN_SCHEMA, f"{path}: references that never end")
        named = [one for one in references if isinstance(one, dict)] if isinstance(references, list) else []
        return Schema(kind, str(answer.get("schema", "")), tuple(self._referred(one, depth) for one in named))

    def _referred(self, reference: Mapping[str, object], depth: int) -> tuple[str, Schema]:
        subject, version = quote(str(reference.get("subject")), safe=""), quote(str(reference.get("version")), safe="")
        path = f"/subjects/{subject}/versions/{version}"
        answer = self._get(path)
        if answer is None:
            raise RecordRejected(RejectReason.UNKNOWN_SCHEMA, f"a reference leads to {path[:200]}, which is not there")
        return str(reference.get("name")), self._whole(answer, path, depth + 1)

    def _get(self, path: str) -> Mapping[str, object] | None:
        """The answer; None for 404."""
        host = urlsplit(self.url).hostname or ""
        try:
            with guarded_client(self.allow, self.timeout_s) as client:
                response = client.get(
                    self.url.rstrip("/") + path,
                    headers={"accept": _ACCEPT},
                    auth=self.login or httpx.USE_CLIENT_DEFAULT,
                )
        except AddressRefused as error:
            raise StoreUnavailable(f"schema registry: {error}") from error
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"schema registry at {host}: {type(error).__name__}") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code != httpx.codes.OK:
            raise StoreUnavailable(f"schema registry at {host} answered {response.status_code}")
        try:
            answer = response.json()
        except ValueError as error:
            raise StoreUnavailable(f"schema registry at {host} answered no JSON") from error
        if not isinstance(answer, dict):
            raise StoreUnavailable(f"schema registry at {host} answered no JSON object")
        return answer


def _unknown(number: int) -> RecordRejected:
    return RecordRejected(RejectReason.UNKNOWN_SCHEMA, f"the registry knows no schema {number}")
