"""The only door from `monitor` to `alerts`: alert events, translated word by word."""

from collections.abc import Sequence

from sqlalchemy import exc

from alerts.model import AlertEvent as Told
from alerts.model import Chart as ToldChart
from alerts.model import Labels
from alerts.model import Severity as ToldSeverity
from alerts.service import AlertService
from monitor.domain.errors import StoreUnavailable
from monitor.domain.rules import AlertEvent, Chart


class AlertRelay:
    """An alert sink that hands events to the alerts package in this process."""

    def __init__(self, service: AlertService) -> None:
        self._service = service

    def accept(self, events: Sequence[AlertEvent]) -> None:
        """Take the events; known ones are no news. StoreUnavailable when the alerts' tables cannot be written."""
        try:
            self._service.accept([translated(event) for event in events])
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
            raise StoreUnavailable(f"the alerts' tables cannot be written: {type(error).__name__}") from error


def translated(event: AlertEvent) -> Told:
    """The event in the other package's words. Severity is no label there: an alert keeps its identity as it worsens."""
    labels = {name: value for name, value in event.labels.items() if name != "severity"}
    return Told(
        labels=Labels.of(labels),
        annotations=dict(event.annotations),
        severity=ToldSeverity(event.severity.value),
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        link=event.link,
        charts=tuple(map(_chart, event.charts)),
        amends=event.amends,
    )


def _chart(chart: Chart) -> ToldChart:
    return ToldChart(chart.title, "bars", chart.categories, chart.baseline, chart.current, chart.unit)
