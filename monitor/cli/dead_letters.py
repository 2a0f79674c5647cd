"""`driftline dead-letters`."""

from pathlib import Path

import click

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import print_json, print_table
from monitor.domain.time import format_instant, from_ms

_SHOWN_BYTES = 200


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that were refused, and why."""


@dead_letters.command("list")
@config_option
@click.option("--model", default=None, help="Only records of this model.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@json_option
def list_dead_letters(directory: Path, model: str | None, limit: int, *, as_json: bool) -> None:
    """The newest refused records, with their reasons."""
    with opened(directory) as app:
        found = app.stores.records.dead_letters(limit, model)
        counts = app.stores.records.dead_letter_counts()
    rows = [
        {
            "seen_at": format_instant(from_ms(seen_ms)),
            "partition": str(letter.partition),
            "offset": letter.offset,
            "reason": letter.reason.value,
            "detail": letter.detail,
            "model": letter.model,
            "size_bytes": letter.size_bytes,
            "value": letter.value.decode("utf-8", errors="replace"),
        }
        for letter, seen_ms in found
    ]
    if as_json:
        print_json(rows)
        return
    keys = ("seen_at", "partition", "offset", "reason", "detail", "value")
    cells = ([str(row[key])[:_SHOWN_BYTES] for key in keys] for row in rows)
    print_table(keys, cells, empty="no record was refused")
    if counts:
        click.echo("in all: " + ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items())))
