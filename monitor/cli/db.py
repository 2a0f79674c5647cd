"""`driftline db`."""

from pathlib import Path

import click

from monitor.cli.options import config_option, opened


@click.group()
def db() -> None:
    """Create or upgrade the database's tables."""


@db.command()
@config_option
def upgrade(directory: Path) -> None:
    """Bring the tables to this program's version; safe to call at any time, by many at once."""
    from monitor.adapters.sql.engine import describe  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.adapters.sql.migrate import newest_revision  # noqa: PLC0415 - as above

    with opened(directory) as app:  # opening upgrades
        click.echo(f"{describe(app.engine)} is at revision {newest_revision()}")
