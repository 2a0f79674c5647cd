"""BentoML's monitor: one flat object a prediction, whose columns have roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.json_payload import (
    instant_ms,
    instant_text,
    json_of,
    list_of,
    needed,
    object_of,
    optional_text,
    text,
)
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.time import to_ms

Role = Literal["feature", "prediction", "score", "target"]
_OWN = {"timestamp", "request_id", "trace_id", "bento_meta", "span_id"}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone: write it like Europe/Berlin") from error
    return name


class BentomlOptions(FormatOptions):
    """What the schema line of a file says, which the log itself may not have."""

    roles: Mapping[str, Role] = {}
    """Columns by role; a column that is not named is a feature. A schema inside a message goes first."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """Where the server runs: BentoML writes local time without a zone into files."""


@dataclass(frozen=True)
class Bentoml(Unpaired):
    """Data lines are rows; schema lines (`meta_data`, `columns`) say nothing by themselves."""

    options: BentomlOptions

    @cached_property
    def _time_zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.options.time_zone) if self.options.time_zone else None

    def map(self, message: Message) -> Mapped:
        """A row, and ground truth where a column with the role `target` has a value."""
        line = object_of(json_of(message.value))
        if "meta_data" in line and "columns" in line:
            return Mapped()
        schema = _schema(line)
        roles = {**self.options.roles, **_roles(schema)}
        about = object_of(schema.get("meta_data", {}), "meta_data")
        event_id = text(line, "request_id", "trace_id")
        same = {"event_id": event_id, "model": self.options.model or text(about, "bento_name")}
        event_time = instant_text(self._at_ms(needed(line, "timestamp")))
        version = self.options.model_version or text(about, "bento_version")
        row: Row = {**same, "model_version": version, "event_time": event_time, **_by_role(line, roles)}
        target = next((line.get(name) for name, role in roles.items() if role == "target"), None)
        truth = {"type": "ground_truth", **same, "event_time": event_time, "label": target}
        return Mapped([row] if target is None else [row, truth])

    def _at_ms(self, value: object) -> int:
        """Files have local time without a zone; OTLP has seconds since the epoch."""
        if not isinstance(value, str):
            return instant_ms(value, "timestamp")
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"timestamp: {error}") from error
        if instant.tzinfo is not None:
            return instant_ms(value, "timestamp")
        if self._time_zone is None:
            detail = "timestamp is local time without a zone: set the option `time_zone` for this topic"
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, detail)
        try:
            return to_ms(instant.replace(tzinfo=self._time_zone))
        except OverflowError as error:
            raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"timestamp: {error}") from error


def _schema(line: Mapping[str, object]) -> Mapping[str, object]:
    """What OTLP embeds: `bento_meta.schema`, as an object or as JSON text."""
    meta = line.get("bento_meta")
    found = meta.get("schema") if isinstance(meta, dict) else line.get("bento_meta.schema")
    if isinstance(found, str):
        found = json_of(found)
    return found if isinstance(found, dict) else {}


def _roles(schema: Mapping[str, object]) -> dict[str, str]:
    columns = [object_of(one, "columns") for one in list_of(schema.get("columns", []), "columns")]
    return {text(column, "name"): optional_text(column, "role") or "feature" for column in columns}


def _by_role(line: Mapping[str, object], roles: Mapping[str, str]) -> Row:
    features: dict[str, object] = {}
    outputs: dict[str, object] = {}
    for name, value in line.items():
        role = roles.get(name, "feature")
        if name in _OWN or name.startswith("bento_meta."):
            continue
        if role == "feature":
            features[name] = value
        elif role in {"prediction", "score"}:
            outputs[role] = value
    return {"features": features, **outputs}


def _build(options: FormatOptions) -> Bentoml:
    return Bentoml(cast("BentomlOptions", options))


def _recognises(message: Message) -> bool:
    return b'"bento_meta' in message.value


KIND = FormatKind("bentoml", "BentoML monitor", BentomlOptions, _build, _recognises)
