"""Looking at, and nudging, what the alerts package holds: for commands."""

from collections.abc import Mapping, Sequence

from alerts.errors import UnknownDelivery
from alerts.model import Alert, DeliveryState, Fingerprint, Muted
from alerts.service import AlertService
from monitor.bootstrap.alerting import alert_service
from monitor.bootstrap.app import App
from monitor.bootstrap.serving import alert_row
from monitor.domain.errors import MonitorError
from monitor.domain.time import format_instant


def list_alerts(app: App, *, is_all: bool) -> Sequence[Mapping[str, object]]:
    """The alerts that fire, or the latest hundred, each with what mutes it."""
    service = alert_service_of(app)
    muted = service.muted()
    return [_alert_row(alert, muted) for alert in (service.history() if is_all else service.open_alerts())]


def _alert_row(alert: Alert, muted: Mapping[Fingerprint, Muted]) -> Mapping[str, object]:
    why = muted.get(alert.fingerprint)
    return {**alert_row(alert), "flaps": alert.flaps, "muted": f"{why.reason.value}: {why.by}" if why else None}


def list_deliveries(app: App, state: str | None) -> Sequence[Mapping[str, object]]:
    """The latest hundred messages, of one state or of all."""
    found = alert_service_of(app).deliveries(DeliveryState(state) if state else None)
    return [
        {
            "id": one.id,
            "channel": one.channel,
            "state": one.state.value,
            "attempts": one.attempts,
            "created_at": format_instant(one.created_at),
            "next_at": format_instant(one.next_at),
            "reason": str(one.reason),
            "last_failure": one.last_failure,
        }
        for one in found
    ]


def replay_delivery(app: App, beginning: str) -> str:
    """Send the message whose id begins like this again; its id. MonitorError when there is none, or several."""
    try:
        return alert_service_of(app).replay(beginning)
    except UnknownDelivery as error:
        raise MonitorError(f"{error}: see `driftline alerts deliveries list`") from error


def alert_service_of(app: App) -> AlertService:
    """The alerts package as this program is configured."""
    return alert_service(app.settings, app.engine, app.clock, app.owner)
