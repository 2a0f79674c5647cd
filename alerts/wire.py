"""Alert events as JSON: the document that monitors post, a superset of Alertmanager's posted alert."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from alerts.model import AlertEvent, Chart, Labels, Severity

_SETTINGS = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ChartDocument(BaseModel):
    """Two series over the same categories."""

    model_config = _SETTINGS
    title: str
    kind: Literal["bars", "line"]
    x: tuple[str, ...]
    baseline: tuple[float, ...]
    current: tuple[float, ...]
    unit: str = ""


class AlertEventDocument(BaseModel):
    """One alert event. `labels`, `annotations`, `startsAt`, `endsAt`, `generatorURL` are Alertmanager's."""

    model_config = _SETTINGS
    labels: Annotated[dict[str, str], Field(min_length=1, description="identity; names to values")]
    annotations: Annotated[dict[str, str], Field(description="texts for people; not part of the identity")] = {}
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt", description="start; any offset, stored as UTC")]
    ends_at: Annotated[
        AwareDatetime | None,
        Field(alias="endsAt", description="end; absent while it fires, in the future if it ends by itself"),
    ] = None
    generator_url: Annotated[str | None, Field(alias="generatorURL", description="where to read on")] = None
    severity: Severity = Severity.WARNING
    charts: tuple[ChartDocument, ...] = ()
    updated_at: Annotated[
        AwareDatetime | None, Field(alias="updatedAt", description="when this news was decided; orders events")
    ] = None
    amends: Annotated[
        Literal[True] | None, Field(description="adds its annotations to an alert that fires, and does nothing else")
    ] = None


def dump_event(event: AlertEvent) -> str:
    """Write an event as JSON; equal events give equal text. TypeError where an annotation is no text."""
    "".join((*event.annotations, *event.annotations.values()))  # what is kept is not looked at again
    written = {
        "labels": dict(event.labels.pairs),
        "annotations": {name: event.annotations[name] for name in sorted(event.annotations)},
        "startsAt": event.starts_at,
        "endsAt": event.ends_at,
        "generatorURL": event.link,
        "severity": str(event.severity),
        "charts": list(map(asdict, event.charts)),
        "updatedAt": event.updated_at,
        "amends": event.amends or None,
    }
    return to_json({name: value for name, value in written.items() if value is not None}).decode()


def load_event(text: str) -> AlertEvent:
    """Read an event; raises ValueError (pydantic's ValidationError is one) that names the field."""
    document = AlertEventDocument.model_validate_json(text)
    return AlertEvent(
        labels=Labels.of(document.labels),
        annotations=document.annotations,
        severity=document.severity,
        starts_at=document.starts_at.astimezone(UTC),
        ends_at=_utc(document.ends_at),
        link=document.generator_url,
        charts=tuple(load_chart(chart) for chart in document.charts),
        updated_at=_utc(document.updated_at),
        amends=bool(document.amends),
    )


def load_dumped(text: str) -> AlertEvent:
    """Read what `dump_event` wrote: it was looked at when it came."""
    document = from_json(text, cache_strings="keys")
    updated_at = document.get("updatedAt")
    return AlertEvent(
        labels=Labels.stored(document["labels"]),
        annotations=document["annotations"],
        severity=Severity(document["severity"]),
        starts_at=_instant(document["startsAt"]),
        ends_at=_instant(document["endsAt"]) if "endsAt" in document else None,
        link=document.get("generatorURL"),
        charts=tuple(load_chart(ChartDocument.model_validate(chart)) for chart in document["charts"]),
        updated_at=_instant(updated_at) if updated_at else None,
        amends=document.get("amends", False),
    )


def event_schema() -> dict[str, object]:
    """The JSON schema of the document, as published in the reference."""
    schema = AlertEventDocument.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_chart(document: ChartDocument) -> Chart:
    """Turn the document into the value; raises ValueError when it cannot be drawn."""
    return Chart(document.title, document.kind, document.x, document.baseline, document.current, document.unit)


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
