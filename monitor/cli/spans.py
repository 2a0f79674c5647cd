"""Which records a command looks at: a window, or a span of event time, of one version."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.domain.errors import ConfigError

if TYPE_CHECKING:
    from monitor.bootstrap.app import App
    from monitor.domain.models import MonitoredModel


def configured(app: "App", model: str) -> "MonitoredModel":
    """The model that records are about; ConfigError names those that there are."""
    if model not in app.settings.models:
        known = ", ".join(sorted(app.settings.models)) or "none"
        raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
    return app.settings.models[model]


def judged(app: "App", model: str) -> "MonitoredModel":
    """The model that findings are about, which may be one with a further truth; ConfigError names those there are."""
    if model not in app.settings.judged:
        known = ", ".join(sorted(app.settings.judged)) or "none"
        raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
    return app.settings.judged[model]


def newest_version(app: "App", model: str) -> str:
    """The version whose baseline is newest; ConfigError when there is none."""
    timeline = app.stores.baselines.timeline(model)
    if not timeline:
        raise ConfigError(f"no baseline of {model} is stored", hint="build one, or name the version")
    return timeline[-1][0]


def span_ms(
    model: "MonitoredModel", window: datetime | None, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """[since, until) in milliseconds: that of the window that starts then, or as given."""
    from monitor.domain.time import format_duration, to_ms  # noqa: PLC0415 - beside its only use

    if since is not None and until is not None and window is None:
        if until <= since:
            raise click.UsageError("--until is not after --since.")
        return to_ms(since), to_ms(until)
    if window is None or since is not None or until is not None:
        raise click.UsageError("Give --window, or --since with --until.")
    start_ms = to_ms(window)
    if model.windows.pane_start_ms(start_ms) != start_ms:
        every = format_duration(model.windows.slide)
        raise click.BadParameter(f"windows of {model.name} start every {every}", param_hint="--window")
    return start_ms, start_ms + model.windows.size_ms
