"""`driftline versions`."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import number, print_json, print_table
from monitor.domain.errors import ConfigError
from monitor.domain.verification import Comparison

if TYPE_CHECKING:
    from monitor.usecases.compare_versions import ComparedVersions


@click.group()
def versions() -> None:
    """Compare two versions of a model on the same traffic: champion, challenger, shadow."""


@versions.command("compare")
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.argument("first")
@click.argument("second")
@click.option("--metric", "metrics", multiple=True, help="A performance metric; may be repeated. Default: by the task.")
@click.option("--since", callback=instant, help="Predictions made from this instant on (default: a week before).")
@click.option("--until", callback=instant, help="Predictions made before this instant (default: now).")
@json_option
def compare_versions(  # noqa: PLR0917 - click passes one a option
    directory: Path,
    model: str,
    first: str,
    second: str,
    metrics: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Compare version SECOND with version FIRST on the events that both predicted and whose truth is known.

    The gain is by how much SECOND is better (negative: worse), with a 95 % interval that counts the records in pairs.
    Serve the challenger in the shadow under the same event ids. The exit code is 3 when there is no such event.
    """
    from monitor.bootstrap.versions import build_compare_versions  # noqa: PLC0415 - heavy
    from monitor.usecases.compare_versions import default_since  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        known = app.settings.models
        if model not in known:
            raise ConfigError(f"there is no model {model!r}", hint=f"models: {', '.join(sorted(known)) or 'none'}")
        if first == second:
            raise ConfigError(f"version {first!r} is compared with itself", hint="name two versions")
        end = until or app.clock.now()
        found = build_compare_versions(app).of(known[model], first, second, metrics, since or default_since(end), end)
    if as_json:
        print_json([_document(found)])
    else:
        _show(found)
    click.get_current_context().exit(0 if found.pairs else 3)


def _show(found: "ComparedVersions") -> None:
    click.echo(
        f"{found.pairs:,} events with truth were predicted by both: of {found.n_first:,} of version {found.first}, "
        f"and {found.n_second:,} of version {found.second}"
    )
    if not found.pairs:
        click.echo(
            "nothing to compare in pairs: where versions share the traffic, compare their windows instead, as "
            "`drop: {against: version}` of a rule does"
        )
        return
    titles = ("scope", "metric", "pairs", found.first, found.second, "gain", "low", "high", "")
    print_table(titles, (_row(one, found.second) for one in found.comparisons), empty="nothing was compared")
    if (both := found.discordant) is not None:
        click.echo(
            f"right alone: version {found.first} {both.only_first:,} times, version {found.second} "
            f"{both.only_second:,} times; McNemar's exact p = {both.p_value:.2g}"
        )
    for note in found.notes:
        click.echo(f"note: {note}")


def _row(one: Comparison, second: str) -> list[object]:
    values = (one.champion, one.candidate, one.gain, one.low, one.high)
    return [one.scope, one.metric, f"{one.n:,}", *map(number, values), _words(one, second)]


def _words(one: Comparison, second: str) -> str:
    if one.low is None or one.high is None:
        return "not defined on these records"
    if one.low > 0:
        return f"{second} is better"
    return f"{second} is worse" if one.high < 0 else "no difference shown"


def _document(found: "ComparedVersions") -> dict[str, object]:
    both = found.discordant
    return {**asdict(found), "mcnemar_p": None if both is None else both.p_value}
