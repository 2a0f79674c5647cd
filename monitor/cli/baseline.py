"""`driftline baseline`."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import left_out_words, number, print_json, print_table
from monitor.domain.errors import BaselineError
from monitor.domain.models import BaselineRole, ModelRef
from monitor.domain.time import format_instant, from_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.usecases.baseline import BuiltBaseline

model_option = click.option("--model", required=True, help="Name of the model.")
version_option = click.option("--version", required=True, help="Version of the model, as in the records.")
from_option = click.option(
    "--from", "effective_from", callback=instant, help="Event time from which it holds (default: always)."
)


@click.group()
def baseline() -> None:
    """Build, list, show and promote baselines."""


@baseline.command()
@click.argument("training_data", required=False, type=click.Path(path_type=Path))
@config_option
@model_option
@version_option
@click.option("--sql", "query", help="Read the rows of this query instead of files.")
@click.option("--sql-url", "url", help="Database of --sql, by reference: env:NAME or file:PATH.")
@click.option("--target", help="Column of the truth: no feature; performance is estimated from it.")
@click.option("--event-time", help="Column of the rows' event time; tells the period.")
@click.option("--exclude", multiple=True, help="Column to leave out; may be repeated.")
@click.option("--categorical", multiple=True, help="Column of numbers that are categories; may be repeated.")
@click.option("--rename", multiple=True, metavar="COLUMN=NAME", help="Give a column the name that records use.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in BaselineRole]),
    help="What the rows are to the model: fitted to them, held out from it, or a good stretch of production.",
)
@click.option("--importances", type=click.Path(path_type=Path, exists=True), help="JSON object: column to weight.")
@click.option("--promote/--no-promote", "is_promoted", default=True, help="Compare the version's windows with it.")
@from_option
@json_option
def build(  # noqa: PLR0917 - click passes options by name
    training_data: Path | None,
    directory: Path,
    model: str,
    version: str,
    query: str | None,
    url: str | None,
    target: str | None,
    event_time: str | None,
    exclude: tuple[str, ...],
    categorical: tuple[str, ...],
    rename: tuple[str, ...],
    role: str | None,
    importances: Path | None,
    effective_from: datetime | None,
    *,
    is_promoted: bool,
    as_json: bool,
) -> None:
    """Profile training data, store the baseline, show it with the checks that it proposes.

    TRAINING_DATA is a CSV, Parquet or JSON-lines file, or a folder of one kind; or use --sql. The outputs are the
    columns prediction, score and latency_ms (see --rename). The same rows give the same baseline.
    """
    from monitor.bootstrap.baselines import TrainingData, build_baseline, promote_baseline  # noqa: PLC0415 - heavy
    from monitor.usecases.training_columns import TrainingOptions  # noqa: PLC0415 - heavy

    if (training_data is None) == (query is None):
        raise click.UsageError("give either TRAINING_DATA or --sql")
    ref = ModelRef(model, version)
    with opened(directory) as app:
        said = app.settings.training.get(model, TrainingOptions())
        options = TrainingOptions(
            {**said.rename, **_renames(rename)},
            (*said.exclude, *exclude),
            target or said.target,
            event_time or said.event_time,
            (*said.categorical, *categorical),
            BaselineRole(role) if role else said.role,
            said.season,
            said.series,
        )
        data = TrainingData(training_data, query or "", _referred(url) if query else "", options)
        built = build_baseline(app, ref, data, _weights(importances))
        if is_promoted:
            promote_baseline(app, ref, built.id, effective_from, "built by hand")
    if as_json:
        checks = [
            {"name": c.name, "drifted": c.threshold.drifted, "warning": c.threshold.warning} for c in built.checks
        ]
        notes = list(built.notes)
        click.echo(json.dumps({**built.baseline.describe(), "is_new": built.is_new, "notes": notes, "checks": checks}))
        return
    _show(built)
    click.echo(f"{len(built.checks)} checks proposed; `driftline baseline show {built.id[:12]}`")
    click.echo("promoted" if is_promoted else f"not promoted: `driftline baseline promote {built.id[:12]}`")


@baseline.command("list")
@config_option
@click.option("--model", default=None, help="Only of this model.")
@json_option
def list_baselines(directory: Path, model: str | None, *, as_json: bool) -> None:
    """Every stored baseline, oldest first."""
    with opened(directory) as app:
        rows = app.stores.baselines.summaries(model)
    if as_json:
        print_json(rows)
        return
    cells = (
        (
            str(r["id"])[:12],
            r["model"],
            r["version"],
            r["rows"],
            r["created"],
            "yes" if r["promoted"] else "",
            _calibrated_on(r),
            r["source"],
        )
        for r in rows
    )
    titles = ("id", "model", "version", "rows", "created", "promoted", "calibrated on", "source")
    print_table(titles, cells, empty="no baseline yet: `driftline baseline build`")


@baseline.command()
@click.argument("baseline_id")
@config_option
@json_option
def show(baseline_id: str, directory: Path, *, as_json: bool) -> None:
    """One baseline (the start of its id is enough): its columns with kind, missing values and range."""
    from monitor.bootstrap.baselines import stored_baseline  # noqa: PLC0415 - heavy
    from monitor.stats.baseline import Baseline  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        whole_id, ref = stored_baseline(app, baseline_id)
        stored = Baseline.from_bytes(app.stores.baselines.get(whole_id))
        timeline = app.stores.baselines.timeline(ref.name)
    if as_json:
        click.echo(json.dumps(stored.describe()))
        return
    _show_columns(stored.describe())
    for version, effective_ms, promoted in timeline:
        if promoted == stored.id:
            since = "always" if effective_ms is None else f"from {format_instant(from_ms(effective_ms))}"
            click.echo(f"holds for version {version} {since}")


@baseline.command()
@click.argument("baseline_id")
@config_option
@click.option("--version", default=None, help="Version whose windows it is for (default: its own).")
@from_option
@click.option("--why", default="promoted by hand", show_default=True, help="Kept beside the promotion.")
def promote(baseline_id: str, directory: Path, version: str | None, effective_from: datetime | None, why: str) -> None:
    """Compare a version's windows with this baseline (the start of its id is enough)."""
    from monitor.bootstrap.baselines import promote_baseline, stored_baseline  # noqa: PLC0415 - heavy

    with opened(directory) as app:
        whole_id, ref = stored_baseline(app, baseline_id)
        ref = ModelRef(ref.name, version or ref.version)
        promote_baseline(app, ref, whole_id, effective_from, why)
    since = "always" if effective_from is None else f"from {format_instant(effective_from)}"
    click.echo(f"{ref} is compared with {whole_id} {since}")


def _renames(pairs: tuple[str, ...]) -> dict[str, str]:
    renames = {}
    for pair in pairs:
        column, equals, name = pair.partition("=")
        if not (column and equals and name):
            raise click.BadParameter(f"{pair!r}: write COLUMN=NAME", param_hint="--rename")
        renames[column] = name
    return renames


def _referred(url: str | None) -> str:
    """The URL that env:NAME or file:PATH leads to; never a literal, which would stay in the shell's history."""
    from monitor.config.secrets import SecretRef  # noqa: PLC0415 - for --sql alone

    kind, _, place = (url or "").partition(":")
    if kind not in {"env", "file"} or not place or place.startswith("//"):
        raise click.BadParameter("write env:NAME or file:PATH", param_hint="--sql-url")
    reference = SecretRef(env=place) if kind == "env" else SecretRef(file=Path(place))
    return reference.read(os.environ)


def _weights(path: Path | None) -> dict[str, float] | None:
    if path is None:
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {str(column): float(weight) for column, weight in said.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise BaselineError(f"{path} is no JSON object of column to weight: {error}") from error


def _show(built: "BuiltBaseline") -> None:
    _show_columns(built.baseline.describe())
    for note in built.notes:
        click.echo(f"note: {note}")
    click.echo("stored" if built.is_new else "this baseline was there already")


def _show_columns(described: dict[str, object]) -> None:
    click.echo(f"baseline {described['id']} of {described['model']}:{described['version']}, {described['rows']:,} rows")
    own = described["calibration"]
    if isinstance(own, dict):
        usually = f"{own['usual_records']:,} rows"
        left_out = left_out_words(own.get("left_out", 0))
        click.echo(
            f"{own['windows']:,} windows of {own['size']} with usually {usually} to calibrate alarms on{left_out}"
        )
    columns = described["columns"]
    assert isinstance(columns, list)  # noqa: S101 - narrows a description
    keys = [key for key in dict.fromkeys(key for column in columns for key in column) if key != "name"]
    rows = ([c["name"], *(_short(c.get(key)) for key in keys)] for c in columns)
    print_table(("column", *keys), rows, empty="no column")


def _calibrated_on(described: "Mapping[str, object]") -> str:
    """The windows that alarms are calibrated on, and how many of the baseline's are not among them."""
    own = described.get("calibration")
    if not isinstance(own, dict):
        return "theory"
    left_out = f", {own['left_out']:,} left out" if own.get("left_out") else ""
    return f"{own['windows']:,} windows{left_out}"


def _short(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_short(part) for part in value[:5]) + (", ..." if len(value) > 5 else "")
    return "" if value is None else str(value)
