"""Azure ML's data collector: model inputs and outputs as CloudEvents, a line each."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, MappedHalf, Message, Part, Wait
from monitor.adapters.formats.payloads.cloud_events import CloudEvent, is_cloud_event, read_event
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    list_of,
    not_of_format,
    optional_text,
)
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.stream import Side

_TYPE = "azureml.inference."
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class AzuremlOptions(RowOptions):
    """Which collections are the two halves, and how long halves wait."""

    inputs: str = "model_inputs"
    """Name of the collection with the inputs."""
    collected_outputs: str = "model_outputs"
    """Name of the collection with the outputs."""
    wait: Wait = timedelta(minutes=5)
    """Inputs and outputs further apart in event time do not belong together."""


@dataclass(frozen=True, slots=True)
class Azureml:
    """Joins on `correlationid`. Requests close in time stand in one object under one id; their rows count on.

    The model is the endpoint of `source`; the version is `modelversion`, or the deployment where that is `default`.
    """

    options: AzuremlOptions

    @property
    def wait(self) -> timedelta:
        """How far apart the two may be."""
        return self.options.wait

    def map(self, message: Message) -> Mapped:
        """One half."""
        event = read_event(message)
        names = {
            f"{_TYPE}{self.options.inputs}": Side.REQUEST,
            f"{_TYPE}{self.options.collected_outputs}": Side.RESPONSE,
        }
        side = names.get(event.text("type"))
        if side is None:
            not_of_format(f"a collection of type {event.text('type')!r:.100}")
        places = dict(re.findall(r"/(onlineEndpoints|deployments|endpoints)/([^/]+)", event.text("source")))
        model = self.options.model or optional_text(places, "onlineEndpoints", "endpoints")
        if model is None:
            raise RecordRejected(RejectReason.MISSING_FIELD, "source names no endpoint: set the option `model`")
        stated = event.text("modelversion")
        version = stated if stated not in {"", "default"} else optional_text(places, "deployments") or "default"
        at_ms = instant_ms(event.needed("time"), "time")
        pair_id = event.text("correlationid") or event.needed("xrequestid")
        part: Part = {
            "id": pair_id,
            "model": model,
            "version": self.options.model_version or version,
            "time_ms": at_ms,
            "rows": _rows(event),
        }
        return Mapped(halves=[MappedHalf(side, model, pair_id, at_ms, part)])

    def join(self, request: Part, response: Part) -> Mapped:
        """Rows, in the order of the object."""
        event_time = instant_text(cast("int", request["time_ms"]))
        common = {"model": request["model"], "model_version": request["version"], "event_time": event_time}
        inputs, outputs = cast("list[object]", request["rows"]), cast("list[object]", response["rows"])
        return rows_of(str(request["id"]), inputs, outputs, common, self.options)


def _rows(event: CloudEvent) -> list[object]:
    """The data; what is longer than 4 MB, or binary, lies elsewhere and only its address is here."""
    place = event.text("dataref") or event.text("datacontentlocation")
    data = event.data
    if place or (isinstance(data, str) and "://" in data[:20]):
        raise RecordRejected(
            RejectReason.CONTENT_ELSEWHERE, "the data is a link to storage: it was too large or binary"
        )
    part = _RANGE.fullmatch(event.text("contentrange"))
    if part and (part[1] != "0" or int(part[2]) + 1 < int(part[3])):
        raise RecordRejected(RejectReason.CONTENT_ELSEWHERE, f"only {part[0]} of the data is in this message")
    return list(list_of(event.json(), "data"))


def _build(options: FormatOptions) -> Azureml:
    return Azureml(cast("AzuremlOptions", options))


def _recognises(message: Message) -> bool:
    return is_cloud_event(message, (_TYPE,))


KIND = FormatKind("azureml", "Azure ML data collector", AzuremlOptions, _build, _recognises)
