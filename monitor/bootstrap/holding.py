"""Operators' holds, apart from the rest of retraining: saying "stop" must not wait for what training needs."""

from monitor.bootstrap.app import App
from monitor.usecases.operator_holds import OperatorHolds


def operator_holds(app: App) -> OperatorHolds:
    """What operators hold."""
    return OperatorHolds(app.settings.models.keys(), app.stores.holds, app.clock)
