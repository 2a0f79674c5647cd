"""`driftline detectors`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import bars, number, print_json, print_table
from monitor.domain.errors import ConfigError
from monitor.domain.sequential import CONFORMAL, DETECTORS, LEAST_RUN_LENGTH
from monitor.domain.time import format_instant, from_ms, to_ms

if TYPE_CHECKING:
    from monitor.usecases.detect import Detected, Raised
    from monitor.usecases.detector_alarms import Recomputed

_END_OF_TIME_MS = 1 << 53
_FAILED = 4


@click.group()
def detectors() -> None:
    """Sequential detectors: what they raised, and what they say of a file."""


@detectors.command("raised")
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--since", callback=instant, help="Event time from this instant on.")
@click.option("--until", callback=instant, help="Event time before this instant.")
@json_option
def raised(directory: Path, model: str, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
    """What sequential detectors raised. Each alarm is computed again from what is stored with it.

    The exit code is 4 when one does not come out the same.
    """
    from monitor.usecases.detector_alarms import recompute_all  # noqa: PLC0415 - `--help` must not wait for it

    with opened(directory) as app:
        if model not in app.settings.models:
            known = ", ".join(sorted(app.settings.models)) or "none"
            raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
        span = (0 if since is None else to_ms(since), _END_OF_TIME_MS if until is None else to_ms(until))
        found = list(recompute_all(app.stores.alarms.raised(model, *span), app.stores.baselines))
    if as_json:
        print_json(map(_document, found))
    else:
        titles = ("at", "since", "version", "detector", "partition", "offset", "statistic", "threshold", "again")
        print_table(titles, map(_cells, found), empty=f"no detector of {model} has raised anything here")
    if any(one.holds is False for one in found):
        click.get_current_context().exit(_FAILED)


def _cells(one: "Recomputed") -> tuple[object, ...]:
    alarm = one.alarm
    return (
        format_instant(from_ms(alarm.at_ms)),
        format_instant(from_ms(alarm.since_ms)),
        alarm.key.version,
        alarm.key.name,
        alarm.key.partition,
        alarm.offset,
        number(alarm.statistic),
        number(alarm.threshold),
        one.why,
    )


def _document(one: "Recomputed") -> dict[str, object]:
    from monitor.usecases.sequential import alarm_detail  # noqa: PLC0415 - takes longer than the help of a command

    alarm = one.alarm
    return {
        **alarm_detail(alarm),
        "version": alarm.key.version,
        "detector": alarm.spec.detector,
        "column": alarm.spec.column,
        "topic": alarm.key.partition.topic,
        "partition": alarm.key.partition.partition,
        "baseline_id": alarm.baseline_id,
        "holds": one.holds,
    }


@detectors.command("run")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--reference", type=click.Path(path_type=Path), required=True, help="Rows as they should be.")
@click.option("--column", "columns", multiple=True, required=True, help="Column to watch; may be repeated.")
@click.option(
    "--detector",
    "names",
    multiple=True,
    type=click.Choice(DETECTORS),
    default=(CONFORMAL,),
    show_default=True,
    help="Detector to run; may be repeated.",
)
@click.option(
    "--run-length",
    type=click.IntRange(LEAST_RUN_LENGTH),
    default=10_000,
    show_default=True,
    help="Rows between false alarms, on average, of each detector.",
)
@click.option(
    "--shift",
    type=click.FloatRange(0, 5, min_open=True),
    default=0.5,
    show_default=True,
    help="Standard deviations that cusum and page_hinkley look for.",
)
@click.option(
    "--event-time",
    default="",
    help="Column of event times: timestamps, RFC 3339 text or seconds since 1970; without it rows are told by number.",
)
@click.option("--categorical", multiple=True, help="Column of numbers that are categories; may be repeated.")
@json_option
def run(  # noqa: PLR0917 - click passes options by name
    table: Path,
    reference: Path,
    columns: tuple[str, ...],
    names: tuple[str, ...],
    run_length: int,
    shift: float,
    event_time: str,
    categorical: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Show the rows of TABLE to detectors, in their order. No configuration is needed.

    TABLE and the reference are CSV, Parquet, Arrow or JSON-lines files, or folders of one kind. The detectors are those
    of a model's `sequential`, and raise the same alarms on the same records: with event times they rest for a minute
    after each. The exit code is 0 without an alarm, 3 with one, 4 when nothing was raised but a detector could not run,
    and 2 when a table cannot be read.
    """
    from monitor.bootstrap.comparing import detect_in_files  # noqa: PLC0415 - heavy
    from monitor.usecases.detect import Asked  # noqa: PLC0415 - the same

    asked = Asked(tuple(dict.fromkeys(columns)), tuple(dict.fromkeys(names)), run_length, shift, event_time)
    with bars() as progress:
        found = detect_in_files(reference, table, asked, categorical, progress)
    if as_json:
        print_json([_detected_document(found)])
    else:
        _show_detected(found, run_length)
    click.get_current_context().exit(found.outcome)


def _show_detected(found: "Detected", run_length: int) -> None:
    titles = ("row", "since row", "at", "since", "detector", "statistic", "threshold", "what")
    rows = [
        (
            one.row,
            one.since_row,
            _instant(one.at_ms),
            _instant(one.since_ms),
            one.alarm.key.name,
            number(one.alarm.statistic),
            number(one.alarm.threshold),
            one.alarm.what,
        )
        for one in found.raised
    ]
    told = [place for place in range(len(titles)) if not rows or any(row[place] for row in rows)]
    print_table([titles[place] for place in told], ([row[place] for place in told] for row in rows), empty="no alarm")
    for name, why in found.obstacles.items():
        click.echo(f"{name} does not run: {str(why).removeprefix(f'{name}: ')}")
    for name, n in found.skipped.items():
        if n:
            click.echo(f"note: {name} left out {n:,} rows without a value")
    if found.untimed:
        click.echo(f"note: {found.untimed:,} rows without event time were left out")
    alarms = f"{len(found.raised):,} alarm{'' if len(found.raised) == 1 else 's'}"
    by_chance = f"{found.rows / run_length:,.1f} of each detector are expected by chance"
    click.echo(f"{alarms} in {found.rows:,} rows, where {by_chance}; a change that lasts is raised again and again")


def _detected_document(found: "Detected") -> dict[str, object]:
    return {
        "outcome": found.outcome.name.lower(),
        "rows": found.rows,
        "untimed": found.untimed,
        "skipped": dict(found.skipped),
        "obstacles": {name: str(why) for name, why in found.obstacles.items()},
        "alarms": list(map(_raised_document, found.raised)),
    }


def _raised_document(one: "Raised") -> dict[str, object]:
    alarm = one.alarm
    return {
        "row": one.row,
        "since_row": one.since_row,
        "at": _instant(one.at_ms),
        "since": _instant(one.since_ms),
        "detector": alarm.spec.detector,
        "column": alarm.spec.column,
        "statistic": alarm.statistic,
        "threshold": alarm.threshold,
        "run_length": alarm.run_length,
        "what": alarm.what,
    }


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(from_ms(at_ms))
