"""`driftline alerts`."""

from pathlib import Path

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import print_json, print_table


@click.group()
def alerts() -> None:
    """Alerts that fire, and their deliveries."""


@alerts.command("list")
@config_option
@click.option("--all", "is_all", is_flag=True, help="Resolved ones, too.")
@json_option
def list_alerts(directory: Path, *, is_all: bool, as_json: bool) -> None:
    """The alerts that fire (or, with --all, the latest hundred)."""
    from monitor.bootstrap.telling import list_alerts as listed  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = listed(app, is_all=is_all)
    if as_json:
        print_json(rows)
        return
    titles = ("since", "until", "severity", "labels", "summary")
    cells = (
        (row["starts_at"], row["ends_at"], row["severity"], _labels(row["labels"]), row["summary"]) for row in rows
    )
    print_table(titles, cells, empty="no alert" if is_all else "no alert fires")


@alerts.group()
def deliveries() -> None:
    """Messages on their way, sent, or given up."""


@deliveries.command("list")
@config_option
@click.option("--state", type=click.Choice(["due", "leased", "retry", "sent", "dead"]), help="Only these.")
@json_option
def list_deliveries(directory: Path, state: str | None, *, as_json: bool) -> None:
    """The latest hundred messages."""
    from monitor.bootstrap.telling import list_deliveries as listed  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = listed(app, state)
    if as_json:
        print_json(rows)
        return
    titles = ("id", "channel", "state", "attempts", "created", "reason", "last failure")
    keys = ("id", "channel", "state", "attempts", "created_at", "reason", "last_failure")
    print_table(titles, ([row[key] for key in keys] for row in rows), empty="no message")


@deliveries.command()
@config_option
@click.argument("delivery_id")
def replay(directory: Path, delivery_id: str) -> None:
    """Send a message again, with a new period of grace."""
    from monitor.bootstrap.telling import replay_delivery  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        replay_delivery(app, delivery_id)
    click.echo(f"{delivery_id} is due again; the dispatcher sends it")


def _labels(labels: object) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items()) if isinstance(labels, dict) else ""
