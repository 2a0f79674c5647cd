"""CloudEvents 1.0, binary (attributes in headers) and structured (one JSON object)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.adapters.formats.format import Message
from monitor.adapters.formats.payloads.json_payload import json_of, needed, object_of, unpacked
from monitor.domain.errors import RecordRejected, RejectReason

_PREFIX = "ce-"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event. `attributes` have lower-case names; `data` is text or bytes, or JSON that is parsed already."""

    attributes: Mapping[str, object]
    data: object

    def text(self, name: str) -> str:
        """An attribute; empty when it is absent."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else ""

    def needed(self, name: str) -> str:
        """The same; RecordRejected when it is absent or empty."""
        return str(needed(self.attributes, name))

    def json(self) -> object:
        """The data as JSON, gzip or not."""
        return json_of(self.data) if isinstance(self.data, bytes | str) else self.data


def is_cloud_event(message: Message, type_prefixes: tuple[str, ...]) -> bool:
    """Whether it looks like an event of such a type, without reading all of it."""
    if message.header("ce-type"):
        return message.header("ce-type").startswith(type_prefixes)
    is_structured = message.value.lstrip()[:1] == b"{" and b'"specversion"' in message.value
    return is_structured and any(f'"{prefix}'.encode() in message.value for prefix in type_prefixes)


def read_event(message: Message) -> CloudEvent:
    """The event; RecordRejected when the message is none."""
    headers = message.headers or {}
    if message.header("ce-type") or message.header("ce-id"):
        attributes = {name.removeprefix(_PREFIX): value for name, value in headers.items() if name.startswith(_PREFIX)}
        return CloudEvent(attributes, unpacked(message.value))
    return event_of(object_of(json_of(message.value)))


def event_of(content: Mapping[str, object]) -> CloudEvent:
    """A structured event."""
    if "specversion" not in content and "type" not in content:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, "no CloudEvent: neither a header ce-type nor `specversion`")
    attributes = {name.lower(): value for name, value in content.items() if name not in {"data", "data_base64"}}
    return CloudEvent(attributes, _data(content))


def _data(content: Mapping[str, object]) -> object:
    packed = content.get("data_base64")
    if packed is None:
        return content.get("data")
    try:
        return unpacked(base64.b64decode(str(packed), validate=True))
    except ValueError as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"data_base64 is no base64: {error}") from error
