"""Drill-down reports: the use case, what the HTTP server shows of it, and the links that alerts carry."""

import tempfile
import threading
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from monitor.adapters.evidently.renderer import EvidentlyRenderer
from monitor.bootstrap.app import App
from monitor.bootstrap.baselines import training_samples
from monitor.domain.errors import ReportFailed
from monitor.domain.time import to_ms
from monitor.domain.windows import Window
from monitor.shells.api.reports import report_url
from monitor.usecases.report import WriteReport

_REMEMBERED = 4
"""Reports of some megabytes each that are kept at hand: an alert's link is followed by several people."""


def report_writer(app: App) -> WriteReport:
    """The use case that writes a window's drill-down report."""
    return WriteReport(
        app.stores.records,
        app.stores.baselines,
        EvidentlyRenderer(),
        training_samples(app).path,
        app.settings.monitor.stream.archive.directory,
    )


def report_page(app: App) -> Callable[[str, datetime], bytes]:
    """Renders the report of a model's window, one at a time; ReportFailed says what is missing."""
    turn = threading.Lock()

    @lru_cache(maxsize=_REMEMBERED)
    def rendered(model: str, start: datetime, _files: tuple[str, ...]) -> bytes:
        monitored = app.settings.models[model]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            report_writer(app).run(monitored, monitored.windows.starting(to_ms(start)), path)
            return path.read_bytes()

    def page(name: str, start: datetime) -> bytes:
        model = app.settings.judged[name].recorded_as
        windows, start_ms = app.settings.models[model].windows, to_ms(start)
        if windows.pane_start_ms(start_ms) != start_ms:
            raise ReportFailed(f"no window of {model} starts at {start:%Y-%m-%dT%H:%M:%SZ}")
        files = app.stores.records.archived(model, start_ms, start_ms + windows.size_ms)
        with turn:
            return rendered(model, start, tuple(file.path for file in files))

    return page


def report_links(app: App) -> Callable[[str, Window], str | None]:
    """The address of a window's report, where somebody can follow it and there are rows to report on."""
    section = app.settings.monitor.http
    base, token = section.address, app.secret(section.bearer_token)

    def link(model: str, window: Window) -> str | None:
        judged = app.settings.judged.get(model)
        monitored = app.settings.models.get(judged.recorded_as) if judged else None
        if base is None or monitored is None or not monitored.archive:
            return None
        return report_url(base, monitored.name, window.start, token)

    return link
