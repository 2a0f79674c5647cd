"""`format: auto`: every message is read as the format that its headers and content look like."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from monitor.adapters.formats.format import Format, FormatKind, FormatOptions, Mapped, Message, Paired, Part
from monitor.adapters.formats.payloads.json_payload import json_of, not_of_format, object_of
from monitor.domain.errors import RecordRejected

NAME = "auto"


@dataclass(frozen=True, slots=True)
class Automatic:
    """The first kind that recognises a message reads it; canonical records pass. The rest is refused."""

    kinds: Sequence[FormatKind]
    options: FormatOptions = field(default_factory=FormatOptions)
    built: dict[str, Format] = field(default_factory=dict)

    @property
    def wait(self) -> timedelta:
        """The longest wait of those in use so far."""
        return max((one.wait for one in self.built.values() if isinstance(one, Paired)), default=timedelta(0))

    def map(self, message: Message) -> Mapped:
        """What the recognised format says; halves remember which it was."""
        kind = next((kind for kind in self.kinds if kind.recognises(message)), None)
        if kind is None:
            return self._canonical(message)
        mapped = self._format(kind.name).map(message)
        halves = [replace(half, part={"format": kind.name, "part": half.part}) for half in mapped.halves]
        return replace(mapped, halves=halves)

    def join(self, request: Part, response: Part) -> Mapped:
        """By the format of both; halves of two formats do not belong together."""
        if request.get("format") != response.get("format"):
            not_of_format(f"a request of {request.get('format')} and a response of {response.get('format')}")
        inner = object_of(request.get("part")), object_of(response.get("part"))
        return self._format(str(request["format"])).join(*inner)

    def _format(self, name: str) -> Format:
        if name not in self.built:
            kind = next(kind for kind in self.kinds if kind.name == name)
            self.built[name] = kind.build(kind.options.model_validate(self.options.model_dump(exclude_none=True)))
        return self.built[name]

    def _canonical(self, message: Message) -> Mapped:
        try:
            content = object_of(json_of(message.value))
        except RecordRejected:
            not_of_format("no known format recognises the message: name its format")
        if "event_id" in content and ("features" in content or "label" in content):
            return Mapped([content])
        names = ", ".join(sorted(map(str, content)))[:200]
        return not_of_format(f"no known format recognises an object with {names}: name its format")
