"""`driftline export`."""

from datetime import datetime
from pathlib import Path

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_json


@click.command()
@config_option
@click.option("--model", required=True, help="Of which model.")
@click.option("--version", "versions", multiple=True, help="Only rows that this version predicted; may be repeated.")
@click.option("--since", callback=instant, required=True, help="Event time from which on.")
@click.option("--until", callback=instant, help="Event time before which (default: now).")
@click.option("--with-unlabelled", is_flag=True, help="Keep rows whose ground truth is not known.")
@click.option("--out", required=True, help="Folder or object store's URL for the Parquet files and _manifest.json.")
@json_option
def export(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    model: str,
    versions: tuple[str, ...],
    since: datetime,
    until: datetime | None,
    out: str,
    *,
    with_unlabelled: bool,
    as_json: bool,
) -> None:
    """Write data to train on: archived rows with their ground truth, and a manifest with row counts and hashes."""
    from monitor.bootstrap.exporting import export_to  # noqa: PLC0415 - `--help` must not wait
    from monitor.usecases.export import ExportWish  # noqa: PLC0415 - `--help` must not wait

    with opened(directory) as app:
        if model not in app.settings.models:
            raise click.UsageError(f"There is no model {model!r}; there are {', '.join(sorted(app.settings.models))}.")
        end = until or app.clock.now()
        manifest = export_to(app, ExportWish(model, since, end, versions, with_unlabelled), out)
    if as_json:
        print_json([manifest])
        return
    left_out = manifest["rows_without_ground_truth_left_out"]
    files = manifest["files"]
    number = len(files) if isinstance(files, list) else 0
    click.echo(f"{manifest['rows']:,} rows in {number} files below {manifest['location']}, digest {manifest['digest']}")
    click.echo(f"{left_out:,} rows without ground truth were left out")
