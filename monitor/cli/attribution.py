"""`driftline attribution`."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_table, written
from monitor.cli.spans import configured, newest_version, span_ms

if TYPE_CHECKING:
    from monitor.stats.attribution.attribution import Attribution, ColumnPart, Division

_GROUPS = 3


@click.command()
@config_option
@click.option("--model", "name", required=True, help="Name of the model.")
@click.option("--window", required=True, callback=instant, help="Start of the window, 2026-11-01T10:00Z.")
@click.option("--version", default=None, help="Version of the model (default: the one whose baseline is newest).")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures, too.")
@json_option
def attribution(
    directory: Path, name: str, window: datetime, version: str | None, html: Path | None, *, as_json: bool
) -> None:
    """Which columns, values and segments carry the drift of a stored window, in shares that add up to 100 %.

    It rests on the counts that every window keeps: no raw rows are needed. What chance explains has no part.
    """
    from monitor.domain.models import ModelRef  # noqa: PLC0415 - beside its only use
    from monitor.stats.attribution.words import as_document  # noqa: PLC0415 - heavy
    from monitor.usecases.attribute_stored import AttributeStored  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        model = configured(app, name)
        start_ms, _ = span_ms(model, window, None, None)
        ref = ModelRef(name, version or newest_version(app, name))
        use_case = AttributeStored(app.stores.windows, app.stores.baselines)
        found = use_case.run(model, ref, model.windows.starting(start_ms))
    if html is not None:
        from monitor.shells.web.attribution import attribution_page  # noqa: PLC0415 - for those who ask for it

        written(html, attribution_page(found))
    if as_json:
        about = {"model": name, "version": ref.version, "window": str(found.window)}
        click.echo(json.dumps({**about, **as_document(found.attribution)}, ensure_ascii=False, allow_nan=False))
    else:
        show_attribution(found.attribution)


def show_attribution(found: "Attribution") -> None:
    """A table of the columns that carry the drift, and one for each way in which segments divide it."""
    if found.lacking:
        click.echo(f"attribution: {found.lacking}")
        return
    if not found.columns:
        some = f"none of {found.compared} columns" if found.compared else "no column"
        click.echo(f"attribution: {some} moved more than chance explains")
        return
    click.echo(f"what carries the drift ({_bits(found.bits)}):")
    rows = (_cells(found, part) for part in found.columns)
    print_table(("column", "share of the drift", "bits", "most of it"), rows, empty="")
    for one in found.divisions:
        click.echo(f"by {one.column}, with the changes of how much of each there is ({_bits(one.bits)}):")
        print_table(("segment", "share of the drift", "of all records", "foremost"), _segments(one), empty="")


def _bits(bits: float) -> str:
    said = f"{bits:.3g}"
    return f"{said} bit" if said == "1" else f"{said} bits"


def _cells(found: "Attribution", part: "ColumnPart") -> tuple[str, ...]:
    from monitor.stats.attribution.words import foremost, move, percent  # noqa: PLC0415 - heavy

    most = "; ".join(f"{move(one)} ({percent(found.share(one.bits))})" for one in foremost(part, _GROUPS))
    return part.column, percent(found.share(part.bits)), f"{part.bits:.3g}", most


def _segments(one: "Division") -> Iterator[tuple[str, ...]]:
    from monitor.stats.attribution.words import percent  # noqa: PLC0415 - heavy

    for part in one.segments:
        foremost = ", ".join(f"{name} {percent(bits / one.bits)}" for name, bits in part.columns[:_GROUPS])
        moved = f"{percent(part.baseline)} -> {percent(part.current)}"
        yield part.segment, percent(part.bits / one.bits if one.bits else 0.0), moved, foremost
