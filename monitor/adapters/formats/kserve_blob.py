"""KServe's blob logger: a file of logged requests and responses, JSON or CSV, as one message."""

import base64
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from monitor.adapters.formats.format import (
    FormatKind,
    FormatOptions,
    Mapped,
    MappedHalf,
    Message,
    Part,
    Refusal,
    Row,
    Wait,
)
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    not_of_format,
    object_of,
    optional_text,
    text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.stream import Side

_SIDES = {f"org.kubeflow.serving.inference.{side.value}": side for side in Side}


class KserveBlobOptions(RowOptions):
    """How to name what KServe sends by position, and how long halves wait."""

    wait: Wait = timedelta(minutes=5)
    """A request and a response further apart in event time do not belong together."""


@dataclass(frozen=True, slots=True)
class KserveBlob:
    """A JSON file holds an object when it has one entry and an array when it has more; CSV has a header.

    Only JSON says when something occurred. CSV entries have the time of the object, which is the log's time of the
    message; `metadata.time_of_object` tells such rows.
    """

    options: KserveBlobOptions

    @property
    def wait(self) -> timedelta:
        """How far apart the two may be."""
        return self.options.wait

    def map(self, message: Message) -> Mapped:
        """The halves of the file; an entry that is wrong costs only itself."""
        halves: list[MappedHalf] = []
        refused: list[Refusal] = []
        for index, entry in enumerate(_entries(message.value)):
            try:
                halves.append(self._half(object_of(entry, "an entry"), message.timestamp_ms))
            except RecordRejected as rejected:
                refused.append(Refusal(rejected.reason, f"entry {index}: {rejected.detail}"))
        return Mapped(halves=halves, refused=refused)

    def join(self, request: Part, response: Part) -> Mapped:
        """Rows."""
        versions = (self.options.model_version, response["version"], request["endpoint"])
        common: Row = {
            "model": request["model"],
            "model_version": next((one for one in versions if one), "default"),
            "event_time": instant_text(cast("int", request["time_ms"])),
            "metadata": {"time_of_object": request["time_of_object"]},
        }
        inputs, outputs = cast("list[object]", request["inputs"]), cast("list[object]", response["outputs"])
        return rows_of(str(request["id"]), inputs, outputs, common, self.options)

    def _half(self, entry: Mapping[str, object], object_ms: int) -> MappedHalf:
        side = _SIDES.get(str(entry.get("reqType")))
        if side is None:
            not_of_format(f"an entry of reqType {entry.get('reqType')!r:.100}")
        occurred = entry.get("occurrenceTime")
        if occurred is None and object_ms < 0:
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, "no occurrenceTime, and the log gave the file no time")
        at_ms = object_ms if occurred is None else instant_ms(occurred, "occurrenceTime")
        model, pair_id = self.options.model or text(entry, "inferenceService"), text(entry, "id")
        part: Part = {
            "id": pair_id,
            "model": model,
            "time_ms": at_ms,
            "time_of_object": occurred is None,
            "endpoint": optional_text(entry, "endpoint"),
            **self._content(side, json_of(_bytes(entry))),
        }
        return MappedHalf(side, model, pair_id, at_ms, part)

    def _content(self, side: Side, body: object) -> Mapping[str, object]:
        if side is Side.REQUEST:
            return {"inputs": inputs_of(body, self.options.columns)}
        version = optional_text(object_of(body, "the response"), "model_version")
        return {"outputs": outputs_of(body), "version": version}


def _entries(value: bytes) -> list[object]:
    if value.lstrip()[:1] in {b"{", b"["} or value.startswith(b"\x1f\x8b"):
        content = json_of(value)
        return content if isinstance(content, list) else [content]
    try:
        rows = list(csv.DictReader(io.StringIO(value.decode())))
    except (UnicodeDecodeError, csv.Error) as error:
        not_of_format(f"neither JSON nor CSV: {error}")
    if not rows or "reqType" not in rows[0]:
        not_of_format("CSV without the column reqType")
    return [{name: cell for name, cell in row.items() if name and cell} for row in rows]


def _bytes(entry: Mapping[str, object]) -> bytes:
    try:
        return base64.b64decode(text(entry, "bytes"), validate=True)
    except ValueError as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"bytes: no base64 ({error})") from error


def _build(options: FormatOptions) -> KserveBlob:
    return KserveBlob(cast("KserveBlobOptions", options))


def _recognises(message: Message) -> bool:
    return b"reqType" in message.value and b"inferenceService" in message.value


KIND = FormatKind("kserve-blob", "KServe blob logger", KserveBlobOptions, _build, _recognises)
