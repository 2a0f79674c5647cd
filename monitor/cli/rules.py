"""`driftline rules`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_json, written
from monitor.domain.time import format_instant, parse_duration

if TYPE_CHECKING:
    from monitor.bootstrap.rehearsing import Rehearsal
    from monitor.domain.rules import Rule
    from monitor.usecases.replay_rules import PastAlert


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def rules() -> None:
    """Try rules: test them, backtest them, explain why they fire or do not.

    Nothing is stored and nobody is told.
    """


def _duration(_: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return parse_duration(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from error


@rules.command()
@config_option
@click.argument("model")
@click.argument("rule", required=False)
@json_option
def explain(directory: Path, model: str, rule: str | None, *, as_json: bool) -> None:
    """Why the rules of a model fire, or do not.

    Each condition with its value and limit in the newest judged window, and how far holding, keeping and votes are.
    """
    from monitor.bootstrap.rehearsing import standings  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.cli.standing import standing_lines, standing_row  # noqa: PLC0415 - as above

    with opened(directory) as app:
        found = list(standings(app, model, rule))
    if as_json:
        print_json(map(standing_row, found))
        return
    if not found:
        click.echo(f"no rule watches {model}")
    for one in found:
        for line in standing_lines(one):
            click.echo(line)


@rules.command()
@config_option
@click.option("--model", "models", multiple=True, help="Only these models (default: all).")
@click.option("--rule", "names", multiple=True, help="Only these rules.")
@click.option("--rules", "file", type=_FILE, help="The rules of this file instead of the configured ones.")
@click.option("--last", callback=_duration, help="Windows of the last so long before --until (default: 90d).")
@click.option("--since", callback=instant, help="Windows that start at or after this instant, instead of --last.")
@click.option("--until", callback=instant, help="Windows that start before this instant (default: now).")
@json_option
def backtest(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    models: Sequence[str],
    names: Sequence[str],
    file: Path | None,
    last: timedelta | None,
    since: datetime | None,
    until: datetime | None,
    *,
    as_json: bool,
) -> None:
    """What the rules would have told, over the stored findings: how many alerts, when, how many flaps.

    A window counts once, by its newest revision, in the order of event time. It is said from when to when the findings
    reach that were used, and all that are stored: nothing is judged anew (`driftline backfill` does that).
    """
    from monitor.bootstrap.rehearsing import rehearse  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.cli.timeline import rehearsal_lines, span_lines, unknown_lines  # noqa: PLC0415 - as above

    with opened(directory) as app:
        chosen = _chosen(app.settings.rules if file is None else _rules_of(file), names)
        begin, end = _span(last, since, until or app.clock.now())
        found = [rehearse(app, chosen, name, begin, end) for name in (models or sorted(app.settings.judged))]
    if as_json:
        print_json(row for one in found for row in _alert_rows(one))
        for one in found:
            for line in (*(f"{one.model.name}: {line}" for line in span_lines(one)), *unknown_lines(one)):
                click.echo(line, err=True)
        return
    for one in found:
        for line in rehearsal_lines(one):
            click.echo(line)


_LAST = timedelta(days=90)


def _span(last: timedelta | None, since: datetime | None, until: datetime) -> tuple[datetime, datetime]:
    if since is None:
        return until - (last or _LAST), until
    if last is not None:
        raise click.UsageError("Give --last or --since, not both.")
    if until <= since:
        raise click.UsageError("--until is not after --since.")
    return since, until


def _chosen(known: Sequence["Rule"], names: Sequence[str]) -> Sequence["Rule"]:
    from monitor.domain.errors import ConfigError  # noqa: PLC0415 - `--help` must not wait for it

    for name in names:
        if name not in {rule.name for rule in known}:
            raise ConfigError(f"there is no rule {name!r}", hint="known: " + ", ".join(rule.name for rule in known))
    return [rule for rule in known if not names or rule.name in names]


def _rules_of(file: Path) -> Sequence["Rule"]:
    from monitor.config.directory import read_rules  # noqa: PLC0415 - `--help` must not wait for it

    return read_rules(file)


def _alert_rows(rehearsal: "Rehearsal") -> Iterator[Mapping[str, object]]:
    for alert in rehearsal.alerts:
        yield {
            "model": alert.subject.model,
            "rule": alert.subject.rule,
            "segment": alert.subject.segment,
            "severity": alert.severity.value,
            "starts_at": format_instant(alert.starts_at),
            "ends_at": format_instant(alert.ends_at) if alert.ends_at else None,
            "flap": alert.is_flap,
            "why": alert.why,
            **_said(rehearsal, alert),
        }


def _said(rehearsal: "Rehearsal", alert: "PastAlert") -> Mapping[str, object]:
    incident = rehearsal.matched.by_alert.get(alert)
    mark = {None: None, True: "confirmed", False: "false_positive"}[incident.is_confirmed if incident else None]
    return {"incident": incident.id if incident else None, "mark": mark}


@rules.command()
@config_option
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report there, too.")
@json_option
def test(directory: Path, files: Sequence[Path], junit: Path | None, *, as_json: bool) -> None:
    """Play findings to the rules, and compare the alerts and notifications with what is expected.

    No database is used. The exit code is 0 when all expectations are met, 1 when one is not, 2 for a mistake in a file.
    """
    from monitor.bootstrap.rule_testing import run_rule_tests  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.cli.junit import junit_xml  # noqa: PLC0415 - as above

    results = run_rule_tests(directory, files)
    if junit is not None:
        written(junit, junit_xml(results))
    failed = [result for result in results if result.failures]
    if as_json:
        print_json(
            {
                "file": str(r.path),
                "line": r.line,
                "test": r.name,
                "passed": not r.failures,
                "failures": list(r.failures),
            }
            for r in results
        )
    else:
        for result in results:
            mark = click.style("FAILED", fg="red", bold=True) if result.failures else click.style("ok", fg="green")
            click.echo(f"{mark} {result.name}")
            for failure in result.failures:
                click.echo(f"  {failure}")
        click.echo(f"{len(results) - len(failed)} of {len(results)} tests passed")
    click.get_current_context().exit(1 if failed else 0)
