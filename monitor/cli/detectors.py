"""`driftline detectors`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import number, print_json, print_table
from monitor.domain.errors import ConfigError
from monitor.domain.time import format_instant, from_ms, to_ms

if TYPE_CHECKING:
    from monitor.usecases.detector_alarms import Recomputed

_END_OF_TIME_MS = 1 << 53
_FAILED = 4


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--since", callback=instant, help="Event time from this instant on.")
@click.option("--until", callback=instant, help="Event time before this instant.")
@json_option
def detectors(directory: Path, model: str, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
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
