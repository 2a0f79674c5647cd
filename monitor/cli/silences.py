"""`driftline silences`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import labels_text, print_json, print_table
from monitor.domain.time import parse_duration

if TYPE_CHECKING:
    from monitor.bootstrap.app import App
    from monitor.bootstrap.silencing import Hidden

_MATCHER_HELP = "Matchers: model=churn, severity!=critical, rule=~'drift-.*'; all must hold."


@click.group()
def silences() -> None:
    """Keep quiet about some alerts for a while: add, list, end, preview."""


def _duration(_: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return parse_duration(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from error


@silences.command(epilog=_MATCHER_HELP)
@config_option
@click.argument("matchers", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, for whoever finds it.")
@click.option("--for", "lasts", callback=_duration, help="How long, as 2h or 1d.")
@click.option("--until", callback=instant, help="Its end (RFC 3339) instead.")
@click.option("--from", "starts_at", callback=instant, help="Its start, when that is not now.")
@click.option("--author", default=None, help="Who asks for it (default: the user of this machine).")
@json_option
def add(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    matchers: Sequence[str],
    reason: str,
    lasts: timedelta | None,
    until: datetime | None,
    starts_at: datetime | None,
    author: str | None,
    *,
    as_json: bool,
) -> None:
    """Silence alerts, and say what that hides now."""
    from monitor.bootstrap.silencing import Wish, add_silence, preview_silence  # noqa: PLC0415 - `--help` must not wait

    with opened(directory) as app:
        ends_at = _end(app, lasts, until, starts_at)
        row = add_silence(app, Wish(matchers, reason, ends_at, starts_at, author))
        hidden = preview_silence(app, matchers)
    if as_json:
        print_json([row])
        return
    click.echo(f"silence {row['id']} is {row['state']} until {row['ends_at']}")
    _show(hidden)


@silences.command("list")
@config_option
@click.option("--all", "is_all", is_flag=True, help="Those that are over, too.")
@json_option
def list_silences(directory: Path, *, is_all: bool, as_json: bool) -> None:
    """Pending and active silences (or, with --all, the latest hundred)."""
    from monitor.bootstrap.silencing import list_silences as listed  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = listed(app, is_all=is_all)
    if as_json:
        print_json(rows)
        return
    titles = ("id", "state", "from", "until", "author", "matchers", "reason")
    print_table(titles, map(_cells, rows), empty="no silence" if is_all else "no silence is pending or active")


@silences.command()
@config_option
@click.argument("silence_id")
@click.option("--until", callback=instant, help="Move its end there (RFC 3339) instead of ending it now.")
def end(directory: Path, silence_id: str, until: datetime | None) -> None:
    """End a silence now, or move its end; the beginning of its id is enough."""
    from monitor.bootstrap.silencing import end_silence  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        row = end_silence(app, silence_id, until)
    verb = "ended at" if row["state"] == "expired" else f"is {row['state']} until"
    click.echo(f"silence {row['id']} {verb} {row['ends_at']}")


@silences.command(epilog=_MATCHER_HELP)
@config_option
@click.argument("matchers", nargs=-1, required=True)
@json_option
def preview(directory: Path, matchers: Sequence[str], *, as_json: bool) -> None:
    """What a silence with these matchers would hide of that which fires now."""
    from monitor.bootstrap.silencing import preview_silence  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        hidden = preview_silence(app, matchers)
    if as_json:
        print_json(hidden.rows)
        return
    _show(hidden)


def _end(app: "App", lasts: timedelta | None, until: datetime | None, starts_at: datetime | None) -> datetime:
    if until is not None and lasts is None:
        return until
    if lasts is None or until is not None:
        raise click.UsageError("say when it ends: either --for 2h or --until 2026-03-01T12:00:00Z")
    return (starts_at or app.clock.now().astimezone(UTC)) + lasts


def _show(hidden: "Hidden") -> None:
    titles = ("since", "severity", "labels", "summary")
    cells = ((row["starts_at"], row["severity"], labels_text(row["labels"]), row["summary"]) for row in hidden.rows)
    print_table(titles, cells, empty="nothing that fires now is hidden by it")
    click.echo(f"{len(hidden.rows)} hidden, {hidden.others} that fire are not")


def _cells(row: Mapping[str, object]) -> Sequence[object]:
    matchers = row["matchers"]
    shown = " ".join(map(str, matchers)) if isinstance(matchers, list) else ""
    return (row["id"], row["state"], row["starts_at"], row["ends_at"], row["author"], shown, row["reason"])
