"""`driftline performance`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import config_option, instant, json_option, opened
from monitor.cli.output import number, print_json, print_table, written
from monitor.cli.spans import judged
from monitor.domain.time import format_instant

if TYPE_CHECKING:
    from monitor.bootstrap.app import App
    from monitor.domain.findings import Finding
    from monitor.usecases.confusions import Confusion
    from monitor.usecases.performance_record import PerformanceRow

_PARTS = ("covariate_shift", "label_shift", "unexplained")


@click.command()
@config_option
@click.option("--model", required=True, help="Name of the model.")
@click.option("--metric", "metrics", multiple=True, help="Only this metric, as accuracy; may be repeated.")
@click.option("--since", callback=instant, help="Windows that start at or after this instant.")
@click.option("--until", callback=instant, help="Windows that start before this instant.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many rows.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw one metric into this SVG file.")
@click.option(
    "--confusion",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the confusion matrix into this SVG file: of the newest window, or with --since of all.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Take the positive label as predicted from this score on, in the confusion matrix.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures of every metric, too."
)
@json_option
def performance(  # noqa: PLR0917 - click passes options by name
    directory: Path,
    model: str,
    metrics: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int,
    picture: Path | None,
    confusion: Path | None,
    threshold: float | None,
    html: Path | None,
    *,
    as_json: bool,
) -> None:
    """What was estimated, what came true, and where changes come from.

    An estimate with `*` is not to be relied on: the truth contradicted it, or it could not be made. One with `?`, and
    training rows weighted to look like the window, disagree: judge a sample. Where a metric by
    the truth is not what it was on the baseline, the change is put down to other inputs, to other shares of the true
    classes, and to neither: then the same inputs have other outcomes.
    """
    from monitor.usecases.estimating import ASK  # noqa: PLC0415 - heavy
    from monitor.usecases.performance_record import performance_record, record  # noqa: PLC0415 - heavy

    if picture is not None and len(metrics) != 1:
        raise click.UsageError("--picture draws one metric: name it by --metric.")
    if threshold is not None and confusion is None and html is None:
        raise click.UsageError("--threshold is about the confusion matrix: ask for it by --confusion or --html.")
    with opened(directory) as app:
        judged(app, model)
        findings = app.stores.evaluations.findings(model, since, until)
        rows = performance_record(findings, metrics)
        matrix = _confusion(app, model, findings, threshold, newest=since is None) if confusion or html else None
    if confusion is not None:
        _draw_confusion(confusion, model, matrix)
    if html is not None:
        _write_page(html, model, findings, metrics, matrix)
    if picture is not None:
        _draw(picture, model, rows)
    shown = rows[-limit:]
    if as_json:
        print_json(map(_json, shown))
        return
    titles = ("window", "version", "metric", "estimate", "95 %", "by weights", "truth", "held", *_titles())
    what = f"{' or '.join(metrics)} of {model}" if metrics else f"performance of {model}"
    print_table(titles, map(_cells, shown), empty=f"no {what} is known here, estimated or by the truth")
    if grey := [row.reason for row in shown if row.reason]:
        click.echo(f"* {grey[-1]}")
    if any(row.is_disputed for row in shown):
        click.echo(f"? {ASK}; `by weights` is what training rows say that are weighted to look like the window")
    if (so_far := record(rows)) is not None:
        click.echo(
            f"{so_far.windows} estimates have their truth: off by {so_far.mean_error:.3g} in the mean, "
            f"{so_far.held:.0%} within their 95 % interval"
        )


def _titles() -> Sequence[str]:
    return "change", "by inputs", "by true classes", "by neither"


def _cells(row: "PerformanceRow") -> Sequence[object]:
    estimate, truth = row.estimate, row.truth
    mark = ("*" if row.reason else "") + ("?" if row.is_disputed else "")
    said = f"{number(estimate.statistic)}{mark}" if estimate else mark
    band = f"{number(estimate.low)} to {number(estimate.high)}" if estimate else ""
    held = {True: "yes", False: "no", None: ""}[row.holds]
    change = f"{row.change.statistic:+.3g}" if row.change else ""
    return (
        f"{format_instant(row.window.start)}/{format_instant(row.window.end)}",
        row.model.version,
        row.metric,
        said,
        band,
        number(row.reweighted),
        number(truth.statistic) if truth else "",
        held,
        change,
        *(_part(row, name) for name in _PARTS),
    )


def _part(row: "PerformanceRow", name: str) -> str:
    numbers = row.part(name)
    if numbers is None:
        return ""
    value, low, high = numbers
    shown = 0.0 if abs(value) < (high - low) / 1000 else value  # digits that the interval makes nothing of
    return f"{shown:+.3g} ({low:+.2g} to {high:+.2g})"


def _json(row: "PerformanceRow") -> dict[str, object]:
    found: dict[str, object] = {
        "window": str(row.window),
        "model": row.model.name,
        "version": row.model.version,
        "metric": row.metric,
    }
    for name, result in (("estimate", row.estimate), ("truth", row.truth), ("change", row.change)):
        if result is not None:
            bounds = {"value": result.statistic, "low": result.low, "high": result.high}
            found[name] = bounds | ({} if name == "truth" else {"detail": dict(result.detail)})
    return found | {"held": row.holds, "disputed": row.is_disputed, "reason": row.reason}


def _confusion(
    app: "App", model: str, findings: "Sequence[Finding]", threshold: float | None, *, newest: bool
) -> "Confusion | None":
    from monitor.bootstrap.evaluating import window_reads  # noqa: PLC0415 - heavy
    from monitor.usecases.confusions import confusion_at, confusion_of  # noqa: PLC0415 - only for pictures

    found = confusion_of(findings, newest=newest)
    if found is None or threshold is None:
        return found
    moved = confusion_at(found, app.settings.judged[model], window_reads(app), threshold)
    if moved is None:
        raise click.ClickException(
            f"no threshold can be set: {model} is no binary model with `positive_label`, or its predictions of these "
            "windows have no score, or are no longer kept."
        )
    return moved


def _write_page(
    path: Path, model: str, findings: "Sequence[Finding]", metrics: Sequence[str], matrix: "Confusion | None"
) -> None:
    from monitor.rules.conditions import TRUTH_COVERAGE  # noqa: PLC0415 - only for the page
    from monitor.shells.web.performance_page import performance_page  # noqa: PLC0415 - as above
    from monitor.usecases.performance_record import performance_record  # noqa: PLC0415 - as above

    rows = performance_record(findings, metrics, everything=True)
    if not rows:
        raise click.ClickException("there is nothing to show: no window has an estimate or its truth.")
    coverages = [one for one in findings if one.check.test == TRUTH_COVERAGE]
    written(path, performance_page(model, rows, coverages, matrix))


def _draw_confusion(path: Path, model: str, found: "Confusion | None") -> None:
    from monitor.shells.web.confusion_svg import confusion_svg, rests_on  # noqa: PLC0415 - only for pictures

    if found is None:
        raise click.ClickException(
            f"no window of {model} has a confusion matrix: it comes with accuracy, when truth has come, of at most 20 "
            "labels."
        )
    written(path, confusion_svg(found))
    click.echo(rests_on(found), err=True)


def _draw(path: Path, model: str, rows: "Sequence[PerformanceRow]") -> None:
    from monitor.shells.web.estimate_svg import estimate_svg  # noqa: PLC0415 - only for pictures

    if not rows:
        raise click.ClickException("there is nothing to draw: no window has an estimate or its truth.")
    written(path, estimate_svg(f"{rows[0].metric} of {model}", rows))
