"""SageMaker data capture (JSON lines), and the ground truth that its merge jobs read."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Unpaired
from monitor.adapters.formats.payloads.csv_rows import rows_of_csv
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    needed,
    not_of_format,
    object_of,
    text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason


class SagemakerOptions(RowOptions):
    """SageMaker captures say neither the model's name, nor its version, nor what the columns are called."""

    has_header: bool = False
    """Whether the first line of CSV names the columns."""


@dataclass(frozen=True, slots=True)
class Sagemaker(Unpaired):
    """The id is `inferenceId`, which clients may set, else `eventId`; the time is exact to a second."""

    options: SagemakerOptions

    def map(self, message: Message) -> Mapped:
        """A capture as rows, or a label as ground truth."""
        content = object_of(json_of(message.value))
        about = object_of(needed(content, "eventMetadata"), "eventMetadata")
        if "groundTruthData" in content:
            return self._truth(content, about, message)
        captured = object_of(needed(content, "captureData"), "captureData")
        common = {
            "model": self._model(),
            "model_version": self.options.model_version or _no_version(),
            "event_time": instant_text(instant_ms(needed(about, "inferenceTime"), "inferenceTime")),
        }
        inputs = self._rows(captured, "endpointInput", is_input=True)
        outputs = self._rows(captured, "endpointOutput", is_input=False)
        return rows_of(text(about, "inferenceId", "eventId"), inputs, outputs, common, self.options)

    def _truth(self, content: Mapping[str, object], about: Mapping[str, object], message: Message) -> Mapped:
        """Labels carry no time of their own: when they were known is when they came into the log."""
        data = object_of(content["groundTruthData"], "groundTruthData")
        labels = self._payload(data, "groundTruthData", is_input=False)
        if message.timestamp_ms < 0:
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, "ground truth has no time, and the log gave it none")
        known, event_id = instant_text(message.timestamp_ms), text(about, "inferenceId", "eventId")
        ids = [event_id] if len(labels) == 1 else [f"{event_id}-{index}" for index in range(len(labels))]
        values = [label[0] if isinstance(label, list) and label else label for label in labels]
        same = {"type": "ground_truth", "model": self._model(), "event_time": known}
        return Mapped([{**same, "event_id": own, "label": label} for own, label in zip(ids, values, strict=True)])

    def _rows(self, captured: Mapping[str, object], name: str, *, is_input: bool) -> list[object]:
        side = captured.get(name)
        if side is None:
            raise RecordRejected(RejectReason.MISSING_FIELD, f"captureData.{name}: capture both input and output")
        return self._payload(object_of(side, name), name, is_input=is_input)

    def _payload(self, side: Mapping[str, object], name: str, *, is_input: bool) -> list[object]:
        """By the stated encoding; base64 holds whatever the content type says."""
        data, encoding = str(needed(side, "data")), side.get("encoding", "CSV")
        kind = str(side.get("observedContentType", "")).split(";")[0].strip().lower()
        if encoding == "BASE64":
            data = _decoded(data, name)
        if encoding == "JSON" or "json" in kind:
            return _json_rows(data, self.options.columns, is_input=is_input)
        if encoding not in ("CSV", "BASE64") or kind not in {"text/csv", ""}:
            not_of_format(f"{name}: encoding {encoding!r} with content type {kind!r}")
        return self._csv(data, is_input=is_input)

    def _csv(self, data: str, *, is_input: bool) -> list[object]:
        rows = rows_of_csv(data)
        if not (is_input and self.options.has_header):
            return list(rows)
        names, *values = rows
        return [dict(zip(map(str, names), row, strict=False)) for row in values]

    def _model(self) -> str:
        if self.options.model is None:
            raise RecordRejected(RejectReason.MISSING_FIELD, "model: set the option `model` for this topic")
        return self.options.model


def _json_rows(data: str, columns: tuple[str, ...], *, is_input: bool) -> list[object]:
    """One document, or one a line (JSON lines); a body of a known protocol, or a row by itself."""
    found: list[object] = []
    documents = (
        [json_of(line) for line in data.splitlines() if line.strip()] if "\n" in data.strip() else [json_of(data)]
    )
    for document in documents:
        known = isinstance(document, dict) and {"instances", "inputs", "predictions", "outputs"} & set(document)
        if known:
            found += inputs_of(document, columns) if is_input else outputs_of(document)
        elif isinstance(document, list) and document and all(isinstance(row, list | dict) for row in document):
            found += document
        else:
            found.append(document)
    return found


def _decoded(data: str, name: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except ValueError as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"{name}: not base64 of text") from error


def _no_version() -> str:
    raise RecordRejected(RejectReason.MISSING_FIELD, "model_version: set the option `model_version` for this topic")


def _build(options: FormatOptions) -> Sagemaker:
    return Sagemaker(cast("SagemakerOptions", options))


def _recognises(message: Message) -> bool:
    return b'"eventMetadata"' in message.value and (
        b'"captureData"' in message.value or b'"groundTruthData"' in message.value
    )


KIND = FormatKind("sagemaker", "SageMaker data capture", SagemakerOptions, _build, _recognises)
