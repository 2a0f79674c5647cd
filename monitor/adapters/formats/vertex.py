"""Vertex AI's request-response log: rows of its BigQuery table as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import Field

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    list_of,
    needed,
    object_of,
    text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of


class VertexOptions(RowOptions):
    """What the log does not say: which feature identifies a prediction (and, by `sampling_fraction`, its sampling)."""

    id_feature: str | None = Field(default=None, min_length=1)
    """The feature that ground truth refers to: clients never learn the log's `request_id`."""


@dataclass(frozen=True, slots=True)
class Vertex(Unpaired):
    """The model is the endpoint, the version the deployed model. Payloads are arrays of JSON text."""

    options: VertexOptions

    def map(self, message: Message) -> Mapped:
        """As many rows as the payloads have instances."""
        row = object_of(json_of(message.value))
        endpoint = self.options.model or text(row, "endpoint").rstrip("/").rpartition("/")[2]
        common: Row = {
            "model": endpoint,
            "model_version": self.options.model_version or text(row, "deployed_model_id"),
            "event_time": instant_text(instant_ms(needed(row, "logging_time"), "logging_time")),
        }
        inputs, outputs = self._payload(row, "request_payload"), self._payload(row, "response_payload")
        mapped = rows_of(text(row, "request_id"), inputs, outputs, common, self.options)
        return Mapped([self._identified(one) for one in mapped.rows], refused=mapped.refused)

    def _payload(self, row: Mapping[str, object], name: str) -> list[object]:
        """Each text is a whole body, or one instance or prediction."""
        payload = needed(row, name)
        found: list[object] = []
        for one in payload if isinstance(payload, list) else [payload]:
            content = json_of(one) if isinstance(one, str) else one
            if isinstance(content, dict) and "instances" in content:
                found += inputs_of(content, self.options.columns)
            elif isinstance(content, dict) and {"predictions", "error"} & set(content):
                found += outputs_of(content)
            else:
                found.append(content)
        return list(list_of(found, name))

    def _identified(self, row: Row) -> Row:
        name = self.options.id_feature
        features = row["features"]
        own = features.get(name) if name is not None and isinstance(features, dict) else None
        return row if own is None or isinstance(own, list | dict) else {**row, "event_id": str(own)}


def _build(options: FormatOptions) -> Vertex:
    return Vertex(cast("VertexOptions", options))


def _recognises(message: Message) -> bool:
    return b'"deployed_model_id"' in message.value and b'"request_payload"' in message.value


KIND = FormatKind("vertex", "Vertex AI request-response log", VertexOptions, _build, _recognises)
