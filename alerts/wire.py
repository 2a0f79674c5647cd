"""Alert events as JSON: the document that monitors post, a superset of Alertmanager's posted alert."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

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
    """Write an event as JSON; equal events give equal text."""
    document = AlertEventDocument(
        labels=dict(event.labels.pairs),
        annotations={name: event.annotations[name] for name in sorted(event.annotations)},
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        generator_url=event.link,
        severity=event.severity,
        charts=tuple(_chart_document(chart) for chart in event.charts),
        updated_at=event.updated_at,
        amends=event.amends or None,
    )
    return document.model_dump_json(by_alias=True, exclude_none=True)


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


def event_schema() -> dict[str, object]:
    """The JSON schema of the document, as published in the reference."""
    schema = AlertEventDocument.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_chart(document: ChartDocument) -> Chart:
    """Turn the document into the value; raises ValueError when it cannot be drawn."""
    return Chart(document.title, document.kind, document.x, document.baseline, document.current, document.unit)


def _chart_document(chart: Chart) -> ChartDocument:
    return ChartDocument(
        title=chart.title,
        kind=chart.kind,
        x=chart.x,
        baseline=chart.baseline,
        current=chart.current,
        unit=chart.unit,
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
