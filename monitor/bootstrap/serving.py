"""A process that stays: its roles, and the HTTP server beside them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from standardwebhooks import Webhook

from alerts.model import Alert
from alerts.service import AlertService
from monitor.adapters.sql.migrate import is_migrated
from monitor.bootstrap.alerting import alert_service
from monitor.bootstrap.app import App, log_as_configured, open_app
from monitor.bootstrap.holding import operator_holds
from monitor.bootstrap.incidents import IncidentDesk
from monitor.bootstrap.registry import registry_events
from monitor.bootstrap.reporting import report_page
from monitor.bootstrap.retraining import RetrainingApi, build_retraining
from monitor.bootstrap.roles import ALL_ROLES, CONSUME, DISPATCH, build_roles
from monitor.bootstrap.slack_buttons import socket_roles, take_presses
from monitor.bootstrap.submitting import build_submit
from monitor.config.directory import MONITOR
from monitor.config.source_section import HttpSource
from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.time import format_instant
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.server import Server
from monitor.shells.workers.run import run_roles
from monitor.usecases.estimating import greyed


def serve(directory: Path, environ: Mapping[str, str], roles: Sequence[str] = ()) -> int:
    """Run the roles (none named: all) until a signal; the process's exit code."""
    with open_app(directory, environ) as app:
        log_as_configured(app)
        wanted = roles or ALL_ROLES
        built = build_roles(app, wanted)
        if DISPATCH in wanted:
            built += socket_roles(app, alert_service(app.settings, app.engine, app.clock, app.owner))
        with _http(app):
            return run_roles(built, app.gauges)


@contextmanager
def _http(app: App) -> Iterator[None]:
    section = app.settings.monitor.http
    if not section.is_enabled:
        yield
        return
    server = Server(build_api(app), section.host, section.port)
    server.start()
    try:
        yield
    finally:
        server.stop()


def build_api(app: App) -> ApiParts:
    """What requests are answered from."""
    section, source = app.settings.monitor.http, app.settings.monitor.source
    service = alert_service(app.settings, app.engine, app.clock, app.owner)
    retraining = build_retraining(app)
    return ApiParts(
        stalled=lambda: _stalled(app),
        unready=lambda: _unready(app),
        metrics=app.telemetry.page,
        jobs=RetrainingApi(app, retraining),
        holds=operator_holds(app),
        registry=registry_events(app, retraining),
        incidents=IncidentDesk(service.incidents, app.clock),
        slack=take_presses(app, service),
        findings=lambda model, since, until: greyed(app.stores.evaluations.findings(model, since, until)),
        alerts=lambda: alert_rows(service),
        report=report_page(app),
        models=frozenset(app.settings.judged),
        bearer_token=app.secret(section.bearer_token),
        callback_secret=_signing_key(app),
        is_loopback=section.is_loopback,
        meter=app.telemetry,
        submit=build_submit(app, source) if isinstance(source, HttpSource) else None,
        max_body_bytes=source.max_body if isinstance(source, HttpSource) else 0,
    )


def alert_rows(service: AlertService) -> list[dict[str, object]]:
    """The alerts that fire, as JSON."""
    return [alert_row(alert) for alert in service.open_alerts()]


def alert_row(alert: Alert) -> dict[str, object]:
    """One alert as JSON."""
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
        "severity": alert.severity.value,
        "summary": alert.annotations.get("summary", ""),
        "reason": alert.annotations.get("reason", ""),
        "starts_at": format_instant(alert.starts_at),
        "ends_at": format_instant(alert.ends_at) if alert.ends_at else None,
        "link": alert.link,
    }


def _signing_key(app: App) -> str | None:
    key = app.secret(app.settings.monitor.http.callback_secret)
    if key is None:
        return None
    try:
        Webhook(key)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            "http.callback_secret is no signing key", app.settings.directory / MONITOR, hint="base64, as in whsec_..."
        ) from error
    return key


def _stalled(app: App) -> list[str]:
    limit_s = app.settings.monitor.http.stalled_after.total_seconds()
    return [role for role, age_s in app.pulse.ages_s().items() if age_s > limit_s]


def _unready(app: App) -> list[str]:
    try:
        if not is_migrated(app.engine):
            return ["the database is not migrated: run `driftline db upgrade`"]
        if CONSUME in app.pulse.ages_s() and not app.telemetry.has_shown("partitions_assigned"):
            return ["no partition is assigned yet"]
    except StoreUnavailable as error:
        return [str(error)]
    return []
