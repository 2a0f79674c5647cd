"""`driftline report`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, opened
from monitor.cli.spans import judged

if TYPE_CHECKING:
    from monitor.domain.models import MonitoredModel
    from monitor.domain.windows import Window


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--window", "start", required=True, callback=instant, help="Start of the window, 2026-11-01T10:00Z.")
@click.option("--version", default=None, help="Version of the model (default: the one whose baseline is newest).")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="HTML file (default: in reports/).")
def report(directory: Path, model: str, start: datetime, version: str | None, output: Path | None) -> None:
    """Write Evidently's drill-down report of one window against its baseline, from archived records.

    The model needs `archive: true`, and a baseline that was built since.
    """
    from monitor.bootstrap.reporting import report_writer  # noqa: PLC0415 - heavy
    from monitor.usecases.report import report_name  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        monitored = app.settings.models[judged(app, model).recorded_as]
        window = _window(monitored, start)
        path = output or Path("reports") / report_name(monitored.name, window)
        rendered = report_writer(app).run(monitored, window, path, version)
    click.echo(f"{rendered.path}: {rendered.current_rows:,} records against {rendered.reference_rows:,} training rows")
    if rendered.rate < 1:
        click.echo(f"the archive kept {rendered.rate:.3g} of the window's records: counts in the report are of these")
    for column, why in rendered.left_out.items():
        click.echo(f"left out {column}: {why}")


def _window(model: "MonitoredModel", start: datetime) -> "Window":
    from monitor.domain.time import format_duration, to_ms  # noqa: PLC0415 - beside its only use

    start_ms = to_ms(start)
    aligned = model.windows.pane_start_ms(start_ms)
    if aligned != start_ms:
        every = format_duration(model.windows.slide)
        raise click.BadParameter(
            f"no window of {model.name} starts then: they start every {every}, the one before at "
            f"{model.windows.starting(aligned).start:%Y-%m-%dT%H:%M:%SZ}",
            param_hint="--window",
        )
    return model.windows.starting(start_ms)
