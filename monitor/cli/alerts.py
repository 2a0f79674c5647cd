"""`driftline alerts`."""

from pathlib import Path

import click

from monitor.cli.incidents import by_option, reason_option
from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import labels_text, print_json, print_table


@click.group()
def alerts() -> None:
    """Alerts that fire, deliveries, why nobody was told, budgets of teams."""


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
    titles = ("since", "until", "severity", "labels", "summary", "flaps", "muted")
    keys = ("starts_at", "ends_at", "severity", "labels", "summary", "flaps", "muted")
    cells = ([labels_text(row[key]) if key == "labels" else row[key] for key in keys] for row in rows)
    print_table(titles, cells, empty="no alert" if is_all else "no alert fires")


@alerts.command("why-not")
@config_option
@click.argument("matchers", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
def why_not(directory: Path, matchers: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Why nobody was told, the latest first; of alerts with these labels (model=churn), or of all groups.

    An answer that was given again and again is one row. With labels the answers are those for the alerts that have
    them, that they were told among them; the column "its group" says what the group did then.
    """
    from monitor.bootstrap.silencing import why_not as listed  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = listed(app, matchers, limit)
    if as_json:
        print_json(rows)
        return
    titles = ("last", "first", "times", "channel", "group", "reason", "looked at again", "left out")
    keys = ("at", "first_at", "times", "channel", "group", "reason", "next_at", "muted")
    if matchers:
        titles = ("last", "first", "times", "channel", "alert", "answer", "its group", "looked at again")
        keys = ("at", "first_at", "times", "channel", "alerts", "answer", "reason", "next_at")
    written = {"group": labels_text, "muted": _muted, "alerts": _alerts}
    cells = ([written[key](row[key]) if key in written else row[key] for key in keys] for row in rows)
    print_table(titles, cells, empty="no record of an alert that nobody was told of")


@alerts.group()
def deliveries() -> None:
    """Messages on their way, sent, or given up."""


@deliveries.command("list")
@config_option
@click.option(
    "--state", type=click.Choice(["due", "leased", "retry", "sent", "dead", "superseded"]), help="Only these."
)
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
    """Send a message again (the start of its id is enough), with a new period of grace."""
    from monitor.bootstrap.telling import replay_delivery  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        found = replay_delivery(app, delivery_id)
    click.echo(f"{found} is due again; the dispatcher sends it")


@alerts.group()
def budgets() -> None:
    """How many messages the teams have heard, and the rules that are told in digests only."""


@budgets.command("list")
@config_option
@json_option
def list_budgets(directory: Path, *, as_json: bool) -> None:
    """What each team has spent of its budget, and its demoted rules."""
    from monitor.bootstrap.budgeting import list_budgets as listed  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = listed(app)
    if as_json:
        print_json(rows)
        return
    titles = ("team", "budget", "spent", "left", "only in digests", "messages by rule")
    keys = ("team", "budget", "spent", "left")
    cells = ([*(row[key] for key in keys), _lines(row["demoted"]), _by_rule(row["rules"])] for row in rows)
    print_table(titles, cells, empty="no team has a budget (teams in routes.yaml)")


@budgets.command()
@config_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
def history(directory: Path, limit: int, *, as_json: bool) -> None:
    """Which rules were demoted and restored, when and why, the latest first."""
    from monitor.bootstrap.budgeting import budget_history  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        rows = budget_history(app, limit)
    if as_json:
        print_json(rows)
        return
    titles = ("at", "team", "rule", "change", "by", "spent", "reason")
    print_table(titles, ([row[key] for key in titles] for row in rows), empty="no rule was ever demoted")


@budgets.command()
@config_option
@click.argument("team")
@click.argument("rule")
@by_option
@reason_option
def restore(directory: Path, team: str, rule: str, by: str, reason: str) -> None:
    """Tell a demoted rule's alerts as ever; what it has sent so far counts no more."""
    from monitor.bootstrap.budgeting import restore_rule  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        row = restore_rule(app, team, rule, by, reason)
    sent = "one message counts" if row["messages"] == 1 else f"{row['messages']} messages count"
    click.echo(f"rule {row['rule']} of {row['team']} is told as ever; its {sent} no more")


def _lines(names: object) -> str:
    return "\n".join(map(str, names)) if isinstance(names, list) else ""


def _by_rule(rules: object) -> str:
    return "\n".join(f"{one['rule']}: {one['messages']}" for one in rules) if isinstance(rules, list) else ""


def _alerts(asked_about: object) -> str:
    return "\n".join(map(labels_text, asked_about)) if isinstance(asked_about, list) else ""


def _muted(left_out: object) -> str:
    if not isinstance(left_out, list):
        return ""
    return "\n".join(f"{labels_text(one['labels'])}: {one['by']}" for one in left_out)
