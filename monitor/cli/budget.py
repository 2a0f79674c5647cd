"""`driftline budget`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from monitor.cli.options import config_option, json_option, opened
from monitor.cli.output import left_out_words, number, print_json, print_table
from monitor.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.stats.calibration.power import Visible
    from monitor.usecases.budget import BudgetReport, SegmentBudget
    from monitor.usecases.detector_budget import DetectorBudget


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--records", type=click.FloatRange(min=1), default=None, help="Size of a window (default: as it was).")
@json_option
def budget(directory: Path, model: str, records: float | None, *, as_json: bool) -> None:
    """Expected false alarms, and the smallest change each column can show.

    For the newest baseline of the model, and windows as large as its traffic makes them.
    """
    from monitor.usecases.budget import budget_report  # noqa: PLC0415 - `--help` must not wait for it
    from monitor.usecases.detector_budget import detector_budgets  # noqa: PLC0415 - the same

    with opened(directory) as app:
        if model not in app.settings.models:
            known = ", ".join(sorted(app.settings.models)) or "none"
            raise ConfigError(f"no model {model!r} is configured", hint=f"known: {known}")
        configured = app.settings.models[model]
        detectors = detector_budgets(configured, app.stores.windows, app.stores.baselines)
        only_detectors = configured.alarm_budget is None and bool(detectors)
        report = None
        if not only_detectors:
            report = budget_report(configured, app.stores.windows, app.stores.baselines, records)
    if as_json:
        print_json([{**(msgspec.to_builtins(report) if report else {}), "detectors": msgspec.to_builtins(detectors)}])
        return
    if report is not None:
        _show(model, report)
    if detectors:
        _show_detectors(model, detectors)


def _show(model: str, report: "BudgetReport") -> None:
    from monitor.stats.calibration.power import PATIENCE, SURE  # noqa: PLC0415 - heavy

    alarms = "false alarm a month is" if report.false_alarms_a_month == 1 else "false alarms a month are"
    click.echo(f"{model}: at most {report.false_alarms_a_month:g} {alarms} expected of model_drift,")
    click.echo(f"in {report.windows_a_month:,.0f} windows; one window tests all columns together at {report.alpha:.2g}")
    click.echo(f"calibrated on {report.calibration}{left_out_words(report.left_out)}")
    if report.unknown:
        click.echo(report.unknown)
    click.echo(f"smallest change at {report.records:,.0f} records a window ({report.source}):")
    rare = ("rare, at once", f"in {PATIENCE}")
    titles = ("column", "share", f"at once ({SURE:.0%})", f"in {PATIENCE} windows", "of", "missing, at once", *rare)
    print_table(titles, map(_cells, report.columns), empty="no column")
    click.echo("of numbers in standard deviations, of shares in Cohen's h; in points missing values, and rare ones:")
    click.echo("outside the usual range of a number, categories never seen or too rare for a share of their own")
    if report.segments or report.unjudged:
        print_table(
            ("segment", "share", "records", f"half of its columns in {PATIENCE} windows"),
            map(_segment_cells, report.segments),
            empty="no segment is judged apart",
        )
    for name in report.unjudged:
        click.echo(f"{name}: not judged apart, too few windows of it in the baseline")


def _show_detectors(model: str, detectors: "Sequence[DetectorBudget]") -> None:
    click.echo(f"{model}: sequential detectors, beside that; their false alarms add up, all partitions together:")
    titles = ("detector", "asked for", "records between false alarms", "false alarms a month")
    print_table(titles, map(_detector_cells, detectors), empty="none")
    for one in detectors:
        if one.obstacle:
            click.echo(f"{one.name} does not run: {one.obstacle}")
        if one.doubt:
            click.echo(f"{one.name}: {one.doubt}")


def _detector_cells(one: "DetectorBudget") -> tuple[object, ...]:
    length = "does not run" if one.run_length is None else f"{one.run_length:,.0f}"
    expected = "" if one.false_alarms_a_month is None else f"{one.false_alarms_a_month:.3g}"
    return one.name, one.asked, length, expected


def _cells(one: "Visible") -> tuple[object, ...]:
    at_once = "too few records" if one.at_once is None else number(one.at_once)
    of = f"share of {one.label}" if one.label else "location"
    rare = f"+{one.beyond_points:.1f}", "" if one.beyond_in_time is None else f"+{one.beyond_in_time:.1f}"
    return one.column, f"{one.share:.1%}", at_once, number(one.in_time), of, f"+{one.missing_points:.1f}", *rare


def _segment_cells(one: "SegmentBudget") -> tuple[object, ...]:
    return one.segment, f"{one.share:.1%}", number(round(one.records)), number(one.in_time)
