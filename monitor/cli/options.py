"""Options and arguments that several commands share, and how they open the program."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor.domain.time import parse_instant

if TYPE_CHECKING:
    from monitor.bootstrap.app import App

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="DRIFTLINE_CONFIG",
    default=Path("configs"),
    show_default=True,
    help="Folder of the configuration (or DRIFTLINE_CONFIG).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def instant(_: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Callback of an option that takes an RFC 3339 instant; no zone means UTC."""
    try:
        return parse_instant(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from error


@contextmanager
def opened(directory: Path) -> Iterator["App"]:
    """The program on this configuration, quiet but for warnings: for commands that end."""
    from monitor.adapters.telemetry import configure_logs  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.bootstrap.app import open_app  # noqa: PLC0415 - as above

    configure_logs(level="warning", style="console")
    with open_app(directory, os.environ) as app:
        yield app
