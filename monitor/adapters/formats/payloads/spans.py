"""Spans of OpenTelemetry: OTLP as JSON or protobuf, one span by itself, or with attributes as a plain object."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.adapters.formats.format import Mapped, Message, Refusal, Row
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    json_of,
    list_of,
    needed,
    not_of_format,
    object_of,
    optional_text,
    text,
    whole_number,
)
from monitor.domain.errors import RecordRejected, RejectReason

_MAX_DEPTH = 8
_LEAST_NANOSECONDS, _MOST_NANOSECONDS = 10**15, 2**63
_ABSENT = (None, "")  # no set: values may be arrays


@dataclass(frozen=True, slots=True)
class Span:
    """One span; `events` are (name, attributes)."""

    span_id: str
    start_ms: int
    latency_ms: float | None
    attributes: Mapping[str, object]
    events: Sequence[tuple[str, Mapping[str, object]]] = field(default=())

    def first(self, *names: str) -> object:
        """The first attribute of these that is there; newer names stand before older ones."""
        return next((self.attributes[name] for name in names if self.attributes.get(name) not in _ABSENT), None)


def rows_of_spans(message: Message, rows_of: Callable[[Span], Sequence[Row]]) -> Mapped:
    """What the spans of the message say, one by one; one that is wrong costs only itself."""
    rows: list[Row] = []
    refused: list[Refusal] = []
    for index, raw in enumerate(read_spans(message)):
        try:
            rows += rows_of(span_of(raw))
        except RecordRejected as rejected:
            refused.append(Refusal(rejected.reason, f"span {index}: {rejected.detail}"))
    return Mapped(rows, refused=refused)


def read_spans(message: Message) -> list[Mapping[str, object]]:
    """The spans of an export request, raw; RecordRejected when it is none."""
    if message.value.lstrip()[:1] not in {b"{", b"["} and not message.value.startswith(b"\x1f\x8b"):
        return list(_exported(_from_protobuf(message.value)))
    content = json_of(message.value)
    if isinstance(content, list):
        return [object_of(span, "a span") for span in content]
    whole = object_of(content)
    if "resourceSpans" in whole or "resource_spans" in whole:
        return list(_exported(whole))
    return [whole]


def span_of(raw: Mapping[str, object]) -> Span:
    """One span; RecordRejected when it has no id or no time."""
    context = raw.get("context")
    about = {**(context if isinstance(context, dict) else {}), **raw}
    start = _instant(needed(about, "startTimeUnixNano", "start_time_unix_nano", "start_time"), "start time")
    end = next((about[n] for n in ("endTimeUnixNano", "end_time_unix_nano", "end_time") if about.get(n)), None)
    took_ms = None if end is None else (_instant(end, "end time") - start)
    events = [object_of(event, "an event") for event in list_of(about.get("events") or [], "events")]
    return Span(
        text(about, "spanId", "span_id"),
        int(start),
        took_ms if took_ms is not None and took_ms >= 0 else None,
        attributes_of(about.get("attributes")),
        [(optional_text(event, "name") or "", attributes_of(event.get("attributes"))) for event in events],
    )


def attributes_of(value: object) -> Mapping[str, object]:
    """Attributes by their flat names, from OTLP's list or from a plain (also nested) object."""
    if isinstance(value, list):
        pairs = [object_of(one, "an attribute") for one in value]
        return {text(pair, "key"): _any_value(pair.get("value"), 0) for pair in pairs}
    return dict(_flat(value, "", 0)) if isinstance(value, dict) else {}


def _flat(value: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for name, part in value.items():
        if isinstance(part, dict) and depth < _MAX_DEPTH:
            yield from _flat(part, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", part


def _any_value(value: object, depth: int) -> object:
    """OTLP says the type in the key, and writes 64-bit integers as text."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return value
    for kind, inner in value.items():
        if kind in {"intValue", "int_value"}:
            return whole_number(inner)
        if kind in {"arrayValue", "array_value"}:
            values = inner.get("values", []) if isinstance(inner, dict) else []
            return [_any_value(one, depth + 1) for one in values] if isinstance(values, list) else []
        if kind in {"kvlistValue", "kvlist_value"}:
            values = inner.get("values", []) if isinstance(inner, dict) else []
            pairs = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
            return {str(one.get("key")): _any_value(one.get("value"), depth + 1) for one in pairs}
        return inner
    return None


def _exported(whole: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for resource in list_of(whole.get("resourceSpans", whole.get("resource_spans")), "resourceSpans"):
        held = object_of(resource, "resourceSpans")
        for scope in list_of(held.get("scopeSpans", held.get("scope_spans", [])), "scopeSpans"):
            for span in list_of(object_of(scope, "scopeSpans").get("spans", []), "spans"):
                yield object_of(span, "a span")


def _instant(value: object, what: str) -> float:
    """Nanoseconds since the epoch, as text or number, or RFC 3339; in milliseconds."""
    nanoseconds = whole_number(value)
    if nanoseconds is None or (isinstance(value, int) and abs(value) < _LEAST_NANOSECONDS):
        return float(instant_ms(value, what))
    if abs(nanoseconds) > _MOST_NANOSECONDS:
        raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"{what} {str(value)[:40]} is beyond the year 2262")
    return instant_ms(nanoseconds // 1_000_000 / 1000, what) + nanoseconds % 1_000_000 / 1e6


def _from_protobuf(value: bytes) -> Mapping[str, object]:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(value)
    except DecodeError as error:
        not_of_format(f"neither JSON nor OTLP protobuf: {error}")
    if not request.resource_spans:
        not_of_format("no spans in the message")
    found: dict[str, object] = json_format.MessageToDict(request)
    for span in _exported(found):
        for name in ("spanId", "traceId"):  # protobuf's JSON has base64 where OTLP's has hexadecimal digits
            if isinstance(span.get(name), str) and isinstance(span, dict):
                span[name] = base64.b64decode(str(span[name])).hex()
    return found
