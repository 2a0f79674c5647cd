"""`driftline incidents`."""

import getpass
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import labels_text, number, print_json, print_table

if TYPE_CHECKING:
    from monitor.bootstrap.app import App
    from monitor.bootstrap.incidents import IncidentDesk


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a person"


by_option = click.option("--by", default=_user, show_default="your user name", help="Who does it; kept in the history.")
reason_option = click.option("--reason", default="", help="Why; kept in the history.")
id_argument = click.argument("incident")


@click.group()
def incidents() -> None:
    """What fired and who deals with it: list, acknowledge, assign, note, mark, resolve.

    The beginning of an incident's id is enough. Everything that is done is kept, with its author, reason and time.
    """


@incidents.command("list")
@config_option
@click.option("--all", "is_all", is_flag=True, help="Resolved ones, too.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
def list_incidents(directory: Path, limit: int, *, is_all: bool, as_json: bool) -> None:
    """Those that are not resolved (or, with --all, every one), the latest first."""
    with opened(directory) as app:
        rows = _desk(app).listed(limit, is_all=is_all)
    if as_json:
        print_json(rows)
        return
    titles = ("id", "opened", "state", "severity", "by", "assignee", "mark", "title")
    cells = (
        (
            str(row["id"])[:8],
            row["opened_at"],
            row["state"],
            row["severity"],
            row["resolved_by"] or row["acknowledged_by"],
            row["assignee"],
            row["mark"],
            row["title"],
        )
        for row in rows
    )
    print_table(titles, cells, empty="no incident" if is_all else "no incident is open")


@incidents.command()
@config_option
@id_argument
@json_option
def show(directory: Path, incident: str, *, as_json: bool) -> None:
    """One incident: its alerts, and who did what, when and why."""
    with opened(directory) as app:
        row = _desk(app).shown(incident)
    if as_json:
        print_json([row])
        return
    click.echo(f"incident {row['id']}: {row['title']}")
    click.echo(_standing(row))
    click.echo("")
    alerts, history = row["alerts"], row["history"]
    cells = ((one["starts_at"], one["ends_at"], one["severity"], labels_text(one["labels"])) for one in _rows(alerts))
    print_table(("since", "until", "severity", "alert"), cells, empty="")
    click.echo("")
    print_table(("at", "what"), ((one["at"], one["sentence"]) for one in _rows(history)), empty="")


@incidents.command()
@config_option
@id_argument
@by_option
@reason_option
@json_option
def acknowledge(directory: Path, incident: str, by: str, reason: str, *, as_json: bool) -> None:
    """Say that somebody is on it: no more reminders, but everything new is told."""
    _take(directory, incident, "acknowledge", by, reason, as_json=as_json)


@incidents.command()
@config_option
@id_argument
@click.option("--to", required=True, help="Who is to deal with it.")
@by_option
@reason_option
@json_option
def assign(directory: Path, incident: str, to: str, by: str, reason: str, *, as_json: bool) -> None:
    """Give it to somebody."""
    _take(directory, incident, "assign", by, reason, to, as_json=as_json)


@incidents.command()
@config_option
@id_argument
@click.argument("text")
@by_option
@json_option
def note(directory: Path, incident: str, text: str, by: str, *, as_json: bool) -> None:
    """Add a note to its history."""
    _take(directory, incident, "note", by, text, as_json=as_json)


@incidents.command()
@config_option
@id_argument
@click.argument("mark_as", metavar="MARK", type=click.Choice(["confirmed", "false-positive"]))
@by_option
@reason_option
@json_option
def mark(directory: Path, incident: str, mark_as: str, by: str, reason: str, *, as_json: bool) -> None:
    """Say what it was: a real problem (confirmed), or none (false-positive); also after its end."""
    _take(directory, incident, "mark", by, reason, mark_as, as_json=as_json)


@incidents.command()
@config_option
@id_argument
@by_option
@reason_option
@json_option
def resolve(directory: Path, incident: str, by: str, reason: str, *, as_json: bool) -> None:
    """Say that it is over for people; what begins to fire afterwards opens it again."""
    _take(directory, incident, "resolve", by, reason, as_json=as_json)


@incidents.command()
@config_option
@click.option("--since", callback=instant, help="Of incidents since then (RFC 3339; default: of a year).")
@json_option
def precision(directory: Path, since: datetime | None, *, as_json: bool) -> None:
    """How many incidents of each rule were real problems, of those that were marked, with a 95 % interval (Wilson).

    Alerts about retraining jobs (retraining, rollback-suggested) are no rule's and are left out.
    """
    with opened(directory) as app:
        rows = _desk(app).precision(since)
    if as_json:
        print_json(rows)
        return
    titles = ("rule", "confirmed", "false positives", "unmarked", "precision")
    keys = ("rule", "confirmed", "false_positives", "unmarked")
    print_table(titles, ([*(row[key] for key in keys), _interval(row)] for row in rows), empty="no incident of a rule")
    click.echo("alerts about retraining jobs are no rule's: left out", err=True)


def _take(  # noqa: PLR0917 - the commands above are its only callers
    directory: Path, incident: str, verb: str, by: str, reason: str, value: str = "", *, as_json: bool
) -> None:
    with opened(directory) as app:
        row = _desk(app).take(incident, verb, by, reason=reason, value=value)
    if as_json:
        print_json([row])
        return
    click.echo(f"incident {str(row['id'])[:8]} is {_standing(row)}")


def _desk(app: "App") -> "IncidentDesk":
    from monitor.bootstrap.incidents import IncidentDesk  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.bootstrap.telling import alert_service_of  # noqa: PLC0415 - as above

    return IncidentDesk(alert_service_of(app).incidents, app.clock)


def _standing(row: Mapping[str, object]) -> str:
    parts = [f"{row['state']}, {row['severity']}, opened at {row['opened_at']}"]
    for verb, at, by in (
        ("acknowledged", "acknowledged_at", "acknowledged_by"),
        ("resolved", "resolved_at", "resolved_by"),
    ):
        parts += [f"{verb} at {row[at]} by {row[by]}"] if row[at] else []
    parts += [f"assigned to {row['assignee']}"] if row["assignee"] else []
    parts += [f"marked {row['mark']} by {row['marked_by']}"] if row["mark"] else []
    return "; ".join(parts)


def _rows(value: object) -> list[Mapping[str, object]]:
    return value if isinstance(value, list) else []


def _interval(row: Mapping[str, object]) -> str:
    share, low, high = row["precision"], row["low"], row["high"]
    if not (isinstance(share, float) and isinstance(low, float) and isinstance(high, float)):
        return "nothing is marked"
    return f"{number(share)} ({number(low)} to {number(high)})"
