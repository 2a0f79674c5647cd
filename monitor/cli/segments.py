"""`driftline segments`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import print_table
from monitor.cli.spans import configured, newest_version, span_ms

if TYPE_CHECKING:
    from monitor.stats.found_segments.search import FoundSegment, Mean
    from monitor.usecases.find_segments import Found


@click.group()
def segments() -> None:
    """Find where a model is worse than elsewhere."""


@segments.command("find")
@config_option
@click.option("--model", "name", required=True, help="Name of the model.")
@click.option("--version", default=None, help="Version of the model (default: the one whose baseline is newest).")
@click.option("--window", callback=instant, help="Start of a window, 2026-11-01T10:00Z.")
@click.option("--since", callback=instant, help="Instead of a window: event time from which on.")
@click.option("--until", callback=instant, help="Event time before which.")
@click.option(
    "--metric", default="", help="error, false_negative_rate, false_positive_rate, brier; mae or mse of numbers."
)
@click.option(
    "--min-records", type=click.IntRange(2), help="Smallest segment (default: a hundredth of the records, at least 30)."
)
@json_option
def find(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    name: str,
    version: str | None,
    window: datetime | None,
    since: datetime | None,
    until: datetime | None,
    metric: str,
    min_records: int | None,
    *,
    as_json: bool,
) -> None:
    """Find slices by one feature or two where the model is significantly worse than in the rest.

    It looks at kept rows (`archive:`) whose ground truth is known. Numeric features are cut at the baseline's
    quintiles. At most 1 window in 20 without a weak segment has one named, however many slices are tried (Holm).
    """
    from monitor.bootstrap.finding_segments import find_segments  # noqa: PLC0415 - heavy
    from monitor.domain.models import ModelRef  # noqa: PLC0415 - as above
    from monitor.usecases.find_segments import SearchWish  # noqa: PLC0415 - as above

    with opened(directory) as app:
        model = configured(app, name)
        start_ms, end_ms = span_ms(model, window, since, until)
        ref = ModelRef(name, version or newest_version(app, name))
        found = find_segments(app).run(SearchWish(model, ref, start_ms, end_ms, metric, min_records or 0))
    if as_json:
        click.echo(json.dumps(_document(found), ensure_ascii=False, allow_nan=False))
    else:
        _show(found)


def _show(found: "Found") -> None:
    shown = _percent if found.loss.share else _number
    titles = ("segment", "records", found.loss.name, "rest", "worse by", "p (adjusted)")
    rows = (
        (
            one.text,
            f"{one.inside.n:,}",
            _with_interval(one.inside, shown),
            shown(one.outside.value),
            f"{shown(one.more)} [{shown(one.low)}, {shown(one.high)}]",
            f"{one.p_value:.2g}",
        )
        for one in found.search.found
    )
    print_table(titles, rows, empty=f"no segment is significantly worse than the rest by {found.loss.name}")
    for one in found.search.found:
        if one.variants:
            click.echo(f"{one.text}, much the same: {', '.join(one.variants)}")
    for note in found.notes:
        click.echo(f"note: {note}")
    tried, records = found.search.tried, found.search.records
    click.echo(
        f"{tried:,} slices of at least {found.smallest:,} of {records:,} records tried; "
        f"{found.loss.name} over all of them: {shown(found.mean)}"
    )


def _document(found: "Found") -> dict[str, object]:
    return {
        "metric": found.loss.name,
        "records": found.search.records,
        "mean": found.mean,
        "slices_tried": found.search.tried,
        "smallest": found.smallest,
        "sampling_rate": found.rate,
        "segments": [_row(one) for one in found.search.found],
        "notes": list(found.notes),
    }


def _row(one: "FoundSegment") -> dict[str, object]:
    return {"segment": one.text, **asdict(one)}


def _with_interval(mean: "Mean", shown: Callable[[float], str]) -> str:
    return f"{shown(mean.value)} [{shown(mean.low)}, {shown(mean.high)}]"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _number(value: float) -> str:
    return f"{value:.4g}"
