"""KServe's inference logger: requests and responses as CloudEvents, protocol v1 or v2."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, MappedHalf, Message, Part, Wait
from monitor.adapters.formats.payloads.cloud_events import CloudEvent, is_cloud_event, read_event
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    not_of_format,
    object_of,
    optional_text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.stream import Side

_TYPE = "org.kubeflow.serving.inference."
_SIDES = {f"{_TYPE}{side.value}": side for side in Side}


class KserveOptions(RowOptions):
    """How to name what KServe sends by position, and how long halves wait."""

    wait: Wait = timedelta(minutes=5)
    """A request and a response further apart in event time do not belong together."""


@dataclass(frozen=True, slots=True)
class KserveCe:
    """Joins the two events on `ce-id`. The time is the request's `ce-time`, never when it was recorded.

    The version is the option, else what a v2 response says, else the endpoint: `default`, or `canary` where the
    traffic was split.
    """

    options: KserveOptions

    @property
    def wait(self) -> timedelta:
        """How far apart the two may be."""
        return self.options.wait

    def map(self, message: Message) -> Mapped:
        """One half."""
        event = read_event(message)
        side = _SIDES.get(event.text("type"))
        if side is None:
            not_of_format(f"a CloudEvent of type {event.text('type')!r:.100}")
        model = self.options.model or event.needed("inferenceservicename")
        part = {"time_ms": instant_ms(event.needed("time"), "time"), **self._content(side, event)}
        return Mapped(halves=[MappedHalf(side, model, event.needed("id"), int(str(part["time_ms"])), part)])

    def join(self, request: Part, response: Part) -> Mapped:
        """Rows."""
        took_ms = cast("int", response["time_ms"]) - cast("int", request["time_ms"])
        versions = (self.options.model_version, response["version"], request["endpoint"] or response["endpoint"])
        common = {
            "model": request["model"],
            "model_version": next((one for one in versions if one), "default"),
            "event_time": instant_text(cast("int", request["time_ms"])),
            **({"latency_ms": took_ms} if took_ms >= 0 else {}),
            "metadata": request["metadata"],
        }
        inputs, outputs = cast("list[object]", request["inputs"]), cast("list[object]", response["outputs"])
        return rows_of(str(request["id"]), inputs, outputs, common, self.options)

    def _content(self, side: Side, event: CloudEvent) -> Mapping[str, object]:
        body = event.json()
        endpoint = event.text("endpoint")
        if side is Side.RESPONSE:
            version = optional_text(object_of(body, "the response"), "model_version")
            return {"outputs": outputs_of(body), "version": version, "endpoint": endpoint}
        named = ("namespace", "component", "endpoint")
        return {
            "id": event.needed("id"),
            "model": self.options.model or event.needed("inferenceservicename"),
            "inputs": inputs_of(body, self.options.columns),
            "endpoint": endpoint,
            "metadata": {name: event.text(name) for name in named if event.text(name)},
        }


def _build(options: FormatOptions) -> KserveCe:
    return KserveCe(cast("KserveOptions", options))


def _recognises(message: Message) -> bool:
    return is_cloud_event(message, (_TYPE,))


KIND = FormatKind("kserve-ce", "KServe inference logger (CloudEvents)", KserveOptions, _build, _recognises)
