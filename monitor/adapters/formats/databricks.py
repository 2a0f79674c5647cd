"""Databricks inference tables, legacy and of the AI Gateway, as JSON rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.chats import ChatOptions, chat_features, chat_row
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    needed,
    object_of,
    optional_text,
    text,
)
from monitor.adapters.formats.payloads.predict_bodies import inputs_of, outputs_of
from monitor.adapters.formats.payloads.rows import RowOptions, rows_of
from monitor.domain.errors import RecordRejected, RejectReason

_OK = 200


class DatabricksOptions(RowOptions, ChatOptions):
    """How to name what requests send by position."""


@dataclass(frozen=True, slots=True)
class Databricks(Unpaired):
    """The id is `client_request_id`, to which labels are joined, else `databricks_request_id`."""

    options: DatabricksOptions

    def map(self, message: Message) -> Mapped:
        """A request with its response: one row of the table, as many records as it has inputs."""
        row = object_of(json_of(message.value))
        event_id = text(row, "client_request_id", "databricks_request_id")
        status = row.get("status_code", _OK)
        if str(status) != str(_OK):
            raise RecordRejected(RejectReason.FAILED_REQUEST, f"status_code {status!r:.20}")
        common = self._common(row)
        request, response = _body(row, "request"), _body(row, "response")
        if isinstance(request, dict) and "messages" in request:
            own = _as_chat(self.options)
            return Mapped([{"event_id": event_id, **common, **chat_row(chat_features(request, response), own)}])
        return rows_of(event_id, inputs_of(request, self.options.columns), outputs_of(response), common, self.options)

    def _common(self, row: Mapping[str, object]) -> Row:
        about = _metadata(row.get("request_metadata"))
        model = self.options.model or optional_text(about, "model_name", "endpoint_name")
        version = self.options.model_version or optional_text(about, "model_version")
        entity = optional_text(row, "served_entity_id")
        took_ms = row.get("execution_duration_ms", row.get("execution_time_ms"))
        known = {"latency_ms": took_ms, "sampling_fraction": row.get("sampling_fraction")}
        return {
            "model": model or _missing("model"),
            "model_version": version or entity or _missing("model_version"),
            "event_time": instant_text(instant_ms(needed(row, "timestamp_ms", "request_time"), "request_time")),
            **{name: value for name, value in known.items() if value is not None},
        }


def _as_chat(options: DatabricksOptions) -> ChatOptions:
    """The same options, for a chat."""
    return ChatOptions(prediction=options.prediction, label=options.label)


def _metadata(value: object) -> Mapping[str, object]:
    found = json_of(value) if isinstance(value, str) and value else value
    return found if isinstance(found, dict) else {}


def _body(row: Mapping[str, object], name: str) -> object:
    """Bodies are JSON text; what was too long to log is null, with an error code."""
    body = row.get(name)
    if body is None:
        codes = row.get("logging_error_codes")
        reason = RejectReason.CONTENT_ELSEWHERE if codes else RejectReason.MISSING_FIELD
        raise RecordRejected(reason, f"{name} was not logged: {codes!r:.200}" if codes else name)
    return json_of(body) if isinstance(body, str) else body


def _missing(name: str) -> str:
    raise RecordRejected(RejectReason.MISSING_FIELD, f"{name}: set the option `{name}` for this topic")


def _build(options: FormatOptions) -> Databricks:
    return Databricks(cast("DatabricksOptions", options))


def _recognises(message: Message) -> bool:
    return b'"databricks_request_id"' in message.value


KIND = FormatKind("databricks", "Databricks inference tables", DatabricksOptions, _build, _recognises)
