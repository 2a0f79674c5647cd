"""`driftline findings`."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import click

from monitor.cli.finding_details import show_details
from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import number, print_json, print_table, verdict_text
from monitor.cli.spans import judged
from monitor.domain.findings import Finding, Verdict
from monitor.domain.time import format_instant
from monitor.rules.explain import percent


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--since", callback=instant, help="Windows that start at or after this instant.")
@click.option("--until", callback=instant, help="Windows that start before this instant.")
@click.option("--verdict", "verdicts", multiple=True, type=click.Choice([v.value for v in Verdict]), help="Only these.")
@click.option("--check", "checks", multiple=True, help="Only these tests or checks, as psi or psi(amount).")
@click.option("--details", is_flag=True, help="What each finding says besides, as a confusion matrix, below the table.")
@click.option("--limit", type=click.IntRange(1), default=None, help="The newest so many (a table shows 200).")
@json_option
def findings(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    model: str,
    since: datetime | None,
    until: datetime | None,
    verdicts: Sequence[str],
    checks: Sequence[str],
    limit: int | None,
    *,
    details: bool,
    as_json: bool,
) -> None:
    """What the checks said, per window and check."""
    from monitor.shells.api.findings import finding_row  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.usecases.estimating import greyed  # noqa: PLC0415 - the same

    with opened(directory) as app:
        judged(app, model)
        found = greyed(app.stores.evaluations.findings(model, since, until))
        wanted = [f for f in found if _is_wanted(f, verdicts, checks)]
        unknown = _unknown(checks, found, {*app.tests, *app.metrics})
    shown = wanted[-limit:] if limit else wanted if as_json else wanted[-200:]
    if as_json:
        print_json(finding_row(finding) for finding in shown)
        return
    titles: tuple[str, ...] = ("window", "version", "check", "verdict", "statistic", "n", "reason")
    rows: Iterable[tuple[object, ...]] = map(_cells, shown)
    if any(finding.served_share is not None for finding in shown):  # most producers do not say how much they served
        titles = (*titles[:-1], "of served", titles[-1])
        rows = ((*_cells(one)[:-1], _of_served(one), one.reason) for one in shown)
    empty = f"none of {len(found):,} findings about {model} is of these" if found else f"no findings about {model} here"
    print_table(titles, rows, empty=empty)
    for line in unknown:
        click.echo(line, err=True)
    if len(shown) < len(wanted):
        click.echo(f"the newest {len(shown)} of {len(wanted)}; --limit and --json show more")
    if details:
        for finding in shown:
            show_details(finding)


def _is_wanted(finding: Finding, verdicts: Sequence[str], checks: Sequence[str]) -> bool:
    named = not checks or finding.check.test in checks or finding.check.name in checks
    return named and (not verdicts or finding.verdict.value in verdicts)


def _unknown(checks: Sequence[str], found: Sequence[Finding], tests: AbstractSet[str]) -> list[str]:
    """What to look for instead of names that neither a finding nor a test has; nothing where there is no finding."""
    said = {finding.check.test for finding in found}
    named = {finding.check.name for finding in found}
    strange = [name for name in checks if found and name not in named | said | tests]
    return [f"no finding is of {name!r}: {_nearest(name, named, said, tests)}" for name in strange]


def _nearest(name: str, named: AbstractSet[str], said: AbstractSet[str], tests: AbstractSet[str]) -> str:
    close = get_close_matches(name, sorted(named if "(" in name else said | tests), n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(said))}"


def _cells(finding: Finding) -> tuple[object, ...]:
    result = finding.result
    return (
        f"{format_instant(finding.window.start)}/{format_instant(finding.window.end)}",
        finding.model.version,
        finding.check.name,
        verdict_text(finding.verdict.value),
        number(result.statistic) if result else "",
        result.n_current if result else "",
        finding.reason,
    )


def _of_served(finding: Finding) -> str:
    return "" if finding.served_share is None else percent(finding.served_share)
