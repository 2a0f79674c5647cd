"""`driftline windows`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.domain.errors import ConfigError
from monitor.domain.time import to_ms

if TYPE_CHECKING:
    from monitor.usecases.accounts import WindowAccount

_TITLES = (
    "window", "version", "seen", "counted", "late", "duplicates", "refused", "weight", "coverage", "revision",
    "verdicts",
)  # fmt: skip


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--since", callback=instant, help="Windows that start at or after this instant.")
@click.option("--until", callback=instant, help="Windows that start before this instant.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@json_option
def windows(
    directory: Path, model: str, since: datetime | None, until: datetime | None, limit: int, *, as_json: bool
) -> None:
    """What came for every window, what became of it, and what the checks said.

    Every record is counted, a duplicate, or refused. A late record is counted in its window after the window was
    closed, and raises its revision. A refused record stands in the window that the stream had reached when it came.
    Coverage is the share of what the producers served, where they number their records.
    """
    from monitor.usecases.accounts import window_accounts  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        if model not in app.settings.models:
            known = ", ".join(sorted(app.settings.models)) or "none"
            raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
        found = window_accounts(app.settings.models[model], app.stores.accounts, app.stores.evaluations, since, until)
        shown = found[-limit:]
        strangers = app.stores.accounts.refused_of_no_model(*_span_ms(shown)) if shown else {}
    if as_json:
        print_json(map(_row, shown))
        return
    print_table(_TITLES, map(_cells, shown), empty=f"nothing came for {model} here")
    if len(shown) < len(found):
        click.echo(f"the newest {len(shown)} of {len(found)}; --limit shows more")
    if strangers:
        click.echo(f"refused meanwhile, and of no known model: {_counts(strangers)}")


def _span_ms(shown: "list[WindowAccount]") -> tuple[int, int]:
    return to_ms(shown[0].window.start) // 3_600_000 * 3_600_000, to_ms(shown[-1].window.end)


def _row(account: "WindowAccount") -> dict[str, object]:
    return {
        "window": str(account.window),
        "version": account.version,
        "seen": account.seen,
        "counted": account.counted,
        "late": account.late,
        "duplicates": account.duplicates,
        "refused": account.refused,
        "replayed": account.replayed,
        "weight": account.weight,
        "coverage": account.coverage,
        "revision": account.revision,
        "verdicts": account.verdicts,
    }


def _cells(account: "WindowAccount") -> tuple[object, ...]:
    return (
        str(account.window),
        account.version,
        account.seen,
        account.counted,
        account.late,
        account.duplicates,
        _counts(account.refused) or 0,
        f"{account.weight:,.10g}",
        "" if account.coverage is None else f"{account.coverage:.2%}",
        "open" if account.revision is None else account.revision,
        _counts(account.verdicts),
    )


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {what}" for what, n in numbers.items())
