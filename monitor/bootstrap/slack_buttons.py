"""The buttons of Slack's messages: who signed a press, and what it does to incidents and retraining jobs."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import alerts.slack_actions
from alerts.errors import IncidentRefused
from alerts.incidents import Involved
from alerts.presses import Retrain as RetrainButton
from alerts.service import AlertService
from alerts.settings import SecretMissing
from alerts.slack_actions import SlackPress
from alerts.slack_socket import SocketListener, listeners, socket_apps
from monitor.bootstrap.app import App
from monitor.bootstrap.incidents import RULE_LABEL
from monitor.bootstrap.retraining import build_retraining, request_by_hand
from monitor.config.directory import ROUTES
from monitor.domain.errors import ConfigError, MonitorError
from monitor.domain.retraining import RetrainJob, RetrainRequest
from monitor.shells.api.parts import TakePresses
from monitor.shells.workers.run import Role

SOCKET = "slack-socket"


def take_presses(app: App, service: AlertService) -> TakePresses | None:
    """What `POST /v1/slack/actions` does; None where no channel has buttons."""
    try:
        apps = alerts.slack_actions.apps_of(service.channel_settings, app.clock)
    except SecretMissing as error:
        raise ConfigError(str(error), app.settings.directory / ROUTES) from error
    if not apps:
        return None
    retrain = retrain_button(app)

    def take(body: bytes, headers: Mapping[str, str]) -> Sequence[Callable[[], None]] | None:
        may_press = {one.channel: one.may_press for one in apps if one.has_signed(body, headers)}
        if not may_press:
            return None
        presses = [one for one in alerts.slack_actions.read_presses(body) if one.channel in may_press]
        return [
            partial(alerts.slack_actions.handle, one, may_press[one.channel], service.incidents, retrain)
            for one in presses
        ]

    return take


def socket_roles(app: App, service: AlertService) -> list[Role]:
    """A role for each app whose presses come over Socket Mode."""
    try:
        apps = socket_apps(service.channel_settings)
    except SecretMissing as error:
        raise ConfigError(str(error), app.settings.directory / ROUTES) from error
    if not apps:
        return []
    retrain = retrain_button(app)

    def handle(press: SlackPress, may_press: frozenset[str]) -> None:
        alerts.slack_actions.handle(press, may_press, service.incidents, retrain)

    names = [SOCKET if number == 1 else f"{SOCKET}-{number}" for number in range(1, len(apps) + 1)]
    return [
        Role(name, partial(_listen, listener, app, name))
        for name, listener in zip(names, listeners(apps, handle), strict=True)
    ]


def _listen(listener: SocketListener, app: App, name: str, stop: threading.Event) -> None:
    listener.listen(stop, lambda: app.pulse.beat(name))


def retrain_button(app: App) -> RetrainButton:
    """Approve the held job of the model that the alerts are about, or ask for one."""
    retraining = build_retraining(app)

    def retrain(involved: Sequence[Involved], by: str) -> str:
        try:
            return _said(retraining.ask(_request(app, involved, by)))
        except MonitorError as error:
            raise IncidentRefused(str(error)) from error

    return retrain


def _request(app: App, involved: Sequence[Involved], by: str) -> RetrainRequest:
    models = sorted({alert.labels.get("model", "") for alert in involved} & app.settings.models.keys())
    if len(models) != 1:
        said = "several models" if models else "no model of this program"
        raise MonitorError(f"the alerts of this incident are about {said}: use `driftline retraining`")
    [model] = models
    name = next(alert.labels.get(RULE_LABEL, "") for alert in involved if alert.labels.get("model") == model)
    rule = next((rule.name for rule in app.settings.rules if name in {rule.alertname, rule.name}), name)
    return request_by_hand(app, model, by, f"the button of alert {name}", rule=rule)


def _said(job: RetrainJob) -> str:
    why = f": {job.detail}" if job.detail else ""
    return f"{job.phase} (job {job.request.key[:8]}{why})"
