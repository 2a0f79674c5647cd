"""`driftline archive`."""

from pathlib import Path

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import print_json


@click.group()
def archive() -> None:
    """Raw rows that were kept, as Parquet files."""


@archive.command()
@config_option
@click.option("--delete-foreign", is_flag=True, help="Delete files that nobody listed, if everything listed is whole.")
@json_option
def verify(directory: Path, *, delete_foreign: bool, as_json: bool) -> None:
    """Compare the files with their list: missing, damaged and foreign ones are named.

    Every file is read, samples of training rows, too, and compared with its checksums. A crash between writing a file
    and listing it leaves a foreign one: its rows are in another file of the list. The exit code is 1 when something is
    missing or damaged.
    """
    from monitor.bootstrap.archiving import verified_archive, without_foreign_files  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        found = verified_archive(app)
        deleted = without_foreign_files(app, found) if delete_foreign else 0
        where = app.settings.monitor.stream.archive.directory
    if as_json:
        rows = [
            *({"path": path, "state": "missing", "why": "listed, and not there"} for path in found.missing),
            *({"path": path, "state": "damaged", "why": why} for path, why in found.damaged),
            *(
                {"path": path, "state": "deleted" if deleted else "foreign", "why": "not listed"}
                for path in found.foreign
            ),
        ]
        print_json(rows)
    else:
        for path in found.missing:
            click.echo(f"missing  {path}")
        for path, why in found.damaged:
            click.echo(f"damaged  {path}: {why}")
        for path in found.foreign:
            click.echo(f"foreign  {path}" + (" (deleted)" if deleted else ""))
        samples = f"{found.samples:,} sample{'' if found.samples == 1 else 's'} of training rows"
        click.echo(f"{where}: {found.files:,} files with {found.rows:,} rows and {samples} are whole")
    click.get_current_context().exit(0 if found.is_whole else 1)


@archive.command()
@config_option
def compact(directory: Path) -> None:
    """Make the small files of closed windows into one a partition, as the scheduler does every hour."""
    from monitor.bootstrap.archiving import archive_compaction  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        gone = archive_compaction(app)()
    click.echo(f"{gone:,} files fewer")
