"""`driftline run`, and each role by itself: `consume`, `tick`, `dispatch`."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from monitor.cli.options import config_option

member_option = click.option(
    "--member",
    envvar="DRIFTLINE_MEMBER",
    help="This process's own name in the Kafka group, kept over restarts (or DRIFTLINE_MEMBER): coming back within "
    "the session time-out, it takes up its partitions without disturbing the others. No two processes may share one.",
)


@click.command()
@config_option
@member_option
def run(directory: Path, member: str | None) -> None:
    """Run all roles in one process: consume, tick, dispatch.

    SIGTERM or Ctrl-C stops it: what was read is saved. The exit code is 0 when it was asked to stop, 1 when a role
    crashed, 3 when a role did not stop in time.
    """
    _serve(directory, (), member)


@click.command()
@config_option
@member_option
def consume(directory: Path, member: str | None) -> None:
    """Read records and save their profiles. Start as many as the topics have partitions; they share them."""
    _serve(directory, ("consume",), member)


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


def _serve(directory: Path, roles: Sequence[str], member: str | None = None) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_before_it_has_started)
    from monitor.bootstrap.serving import serve  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.bootstrap.sources import MEMBER_VARIABLE  # noqa: PLC0415 - as above

    environ = {**os.environ, MEMBER_VARIABLE: member} if member else os.environ
    click.get_current_context().exit(serve(directory, environ, roles))


def _stop_before_it_has_started(_number: int, _frame: FrameType | None) -> NoReturn:
    """Until the roles run, and listen to signals themselves, there is nothing to save."""
    raise SystemExit(0)
