"""The parts of watching a model registry, and of listening to it."""

from monitor.adapters.mlflow_registry import MlflowRegistry
from monitor.bootstrap.app import App
from monitor.bootstrap.retraining import build_candidate
from monitor.config.retraining_section import RegistrySection
from monitor.domain.time import to_ms
from monitor.shells.api.parts import RegistryApi
from monitor.usecases.retrain import Retrain
from monitor.usecases.watch_registry import WatchRegistry


def watch_registry(app: App, section: RegistrySection, retraining: Retrain) -> WatchRegistry:
    """The use case, as the section has it."""
    return WatchRegistry(
        MlflowRegistry(section.url, app.secret(section.token), section.allow),
        section.alias,
        section.models,
        retraining,
        app.stores.baselines,
        lambda ref, place: build_candidate(app, ref, place),
        app.clock,
        seen={},
    )


def registry_events(app: App, retraining: Retrain) -> RegistryApi | None:
    """What the registry's events lead to; None where the configuration has no secret to know them by."""
    section = app.settings.monitor.retraining.registry
    secret = app.secret(section.webhook_secret) if section else None
    if section is None or secret is None:
        return None
    return RegistryApi(
        secret,
        lambda message_id, digest: app.stores.jobs.callback(message_id, digest, to_ms(app.clock.now())),
        watch_registry(app, section, retraining).look_at,
    )
