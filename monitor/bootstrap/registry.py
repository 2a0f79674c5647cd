"""The parts of watching a model registry."""

from monitor.adapters.mlflow_registry import MlflowRegistry
from monitor.bootstrap.app import App
from monitor.bootstrap.retraining import build_candidate
from monitor.config.retraining_section import RegistrySection
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
