"""Seldon Core 2 on Kafka: `.inputs` and `.outputs` topics of a model, joined on the key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, MappedHalf, Message, Part, Wait
from monitor.adapters.formats.payloads.inference_proto import request_of, response_of
from monitor.adapters.formats.payloads.json_payload import (
    instant_text,
    json_of,
    not_of_format,
    object_of,
    optional_text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.stream import Side

_TOPIC = re.compile(r"(?P<prefix>.+)\.(?P<kind>model|pipeline)\.(?P<name>[^.]+)\.(?P<side>inputs|outputs)")
_GENERATION = re.compile(r"_\d+$")


class Seldon2Options(RowOptions):
    """How to name what tensors hold by position, and how long halves wait."""

    wait: Wait = timedelta(minutes=5)
    """A request and a response further apart in event time do not belong together."""


@dataclass(frozen=True, slots=True)
class Seldon2:
    """The key is the request's id, the time the log's: messages carry none. JSON or protobuf.

    The topic says which model it is (`seldon.default.model.income.outputs`); `modelName` has a generation at its end,
    which is left off. Both topics must be read.
    """

    options: Seldon2Options

    @property
    def wait(self) -> timedelta:
        """How far apart the two may be."""
        return self.options.wait

    def map(self, message: Message) -> Mapped:
        """One half."""
        place = _TOPIC.search(message.topic)
        body, side = _body(message, None if place is None else place["side"])
        stated = optional_text(body, "modelName", "model_name")
        model = self.options.model or (place["name"] if place else stated and _GENERATION.sub("", stated))
        pair_id = message.key.decode("utf-8", "replace") if message.key else optional_text(body, "id")
        if not model or not pair_id:
            what = "model" if not model else "id: neither a key nor `id`"
            raise RecordRejected(RejectReason.MISSING_FIELD, what)
        if message.timestamp_ms < 0:
            raise RecordRejected(
                RejectReason.BAD_EVENT_TIME, "the log gave the message no time, and it has none itself"
            )
        part: Part = {"id": pair_id, "model": model, "time_ms": message.timestamp_ms, **self._content(body, side)}
        return Mapped(halves=[MappedHalf(side, model, pair_id, message.timestamp_ms, part)])

    def join(self, request: Part, response: Part) -> Mapped:
        """Rows."""
        at_ms = cast("int", request["time_ms"])
        took_ms = cast("int", response["time_ms"]) - at_ms
        common = {
            "model": request["model"],
            "model_version": self.options.model_version or response["version"] or "1",
            "event_time": instant_text(at_ms),
            **({"latency_ms": took_ms} if took_ms >= 0 else {}),
        }
        inputs, outputs = cast("list[object]", request["inputs"]), cast("list[object]", response["outputs"])
        return rows_of(str(request["id"]), inputs, outputs, common, self.options)

    def _content(self, body: Mapping[str, object], side: Side) -> Mapping[str, object]:
        if side is Side.REQUEST:
            return {"inputs": inputs_of(body, self.options.columns)}
        return {"outputs": outputs_of(body), "version": optional_text(body, "modelVersion", "model_version")}


def _body(message: Message, suffix: str | None) -> tuple[Mapping[str, object], Side]:
    """The content, and which half it is: the topic says so, else what it has. Without a topic only JSON can be told."""
    if message.value.lstrip()[:1] == b"{":
        body = object_of(json_of(message.value))
        found = suffix or ("outputs" if "outputs" in body else "inputs" if "inputs" in body else None)
    else:
        found = suffix
        read = response_of if found == "outputs" else request_of
        body = read(message.value)
    if found is None or found not in body:
        not_of_format(f"no {found or 'inputs or outputs'} in the message: is it a topic of a model?")
    return body, Side.RESPONSE if found == "outputs" else Side.REQUEST


def _build(options: FormatOptions) -> Seldon2:
    return Seldon2(cast("Seldon2Options", options))


def _recognises(message: Message) -> bool:
    return _TOPIC.search(message.topic) is not None


KIND = FormatKind("seldon2", "Seldon Core 2 (Kafka)", Seldon2Options, _build, _recognises)
