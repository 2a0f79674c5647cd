"""`driftline run`, and each role by itself: `consume`, `tick`, `dispatch`."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from monitor.cli.options import config_option


@click.command()
@config_option
def run(directory: Path) -> None:
    """Run all roles in one process: consume, tick, dispatch.

    SIGTERM or Ctrl-C stops it: what was read is saved. The exit code is 0 when it was asked to stop, 1 when a role
    crashed, 3 when a role did not stop in time.
    """
    _serve(directory, ())


@click.command()
@config_option
def consume(directory: Path) -> None:
    """Read records and save their profiles. Start as many as the topics have partitions; they share them."""
    _serve(directory, ("consume",))


@click.command()
@config_option
def tick(directory: Path) -> None:
    """Judge windows, relay alerts, start retraining, forget old data. A second one takes over when this one ends."""
    _serve(directory, ("tick",))


@click.command()
@config_option
def dispatch(directory: Path) -> None:
    """Group, route and send notifications."""
    _serve(directory, ("dispatch",))


def _serve(directory: Path, roles: Sequence[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_before_it_has_started)
    from monitor.bootstrap.serving import serve  # noqa: PLC0415 - `--help` must not wait for it

    click.get_current_context().exit(serve(directory, os.environ, roles))


def _stop_before_it_has_started(_number: int, _frame: FrameType | None) -> NoReturn:
    """Until the roles run, and listen to signals themselves, there is nothing to save."""
    raise SystemExit(0)
