"""`driftline checks`."""

import difflib
from collections.abc import Callable, Iterator
from functools import partial

import click

from monitor.cli.options import json_option
from monitor.cli.output import print_json, print_table
from monitor.cli.standing_checks import STANDING_CHECKS, standing_page
from monitor.domain.checks import Threshold
from monitor.domain.errors import ConfigError


@click.group()
def checks() -> None:
    """The drift tests, performance metrics and estimates there are."""


@checks.command("list")
@json_option
def list_checks(*, as_json: bool) -> None:
    """Every test, metric, estimate, measure of fairness and sequential detector: unit, default threshold, parameters.

    Plug-ins are included. `driftline checks show NAME` has the page of each.
    """
    rows = list(_rows())
    if as_json:
        print_json(rows)
        return
    keys = ("name", "kind", "title", "unit", "threshold", "parameters")
    print_table(keys, ([row[key] for key in keys] for row in rows), empty="none")
    click.echo("`driftline checks show NAME` says what each computes, and when to use it")


@checks.command("show")
@click.argument("name")
def show_check(name: str) -> None:
    """What the test, metric or detector NAME computes, when to use it, and its defaults."""
    from monitor.bootstrap.plugins import drift_tests, performance_metrics  # noqa: PLC0415 - heavy
    from monitor.cli.check_page import fairness_page, metric_page, serving_page, test_page  # noqa: PLC0415 - heavy
    from monitor.stats.fairness import FAIRNESS_MEASURES  # noqa: PLC0415 - heavy
    from monitor.stats.serving import SERVING_METRICS  # noqa: PLC0415 - heavy

    tests, metrics, others = drift_tests(), performance_metrics(), _other_pages()
    if name in tests:
        click.echo(test_page(tests[name]), nl=False)
    elif name in metrics:
        click.echo(metric_page(metrics[name]), nl=False)
    elif name in FAIRNESS_MEASURES:
        click.echo(fairness_page(FAIRNESS_MEASURES[name]), nl=False)
    elif name in SERVING_METRICS:
        click.echo(serving_page(SERVING_METRICS[name]), nl=False)
    elif name in STANDING_CHECKS:
        click.echo(standing_page(name), nl=False)
    elif name in others:
        click.echo(others[name](), nl=False)
    else:
        known = [*tests, *metrics, *FAIRNESS_MEASURES, *SERVING_METRICS, *STANDING_CHECKS, *others]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`driftline checks list` shows all"
        raise ConfigError(f"there is no test, metric or detector {name!r}", hint=hint)


def _other_pages() -> dict[str, Callable[[], str]]:
    """What writes the pages of detectors, metrics of Evidently and estimates, and of what the truth makes of these."""
    from monitor.cli import estimate_page as estimates  # noqa: PLC0415 - heavy
    from monitor.cli.detector_page import detector_page  # noqa: PLC0415 - the same
    from monitor.cli.evidently_page import evidently_page  # noqa: PLC0415 - the same
    from monitor.domain.evidently import ELSEWHERE, EVIDENTLY_METRICS  # noqa: PLC0415 - the same
    from monitor.stats import estimation as known  # noqa: PLC0415 - the same
    from monitor.stats.sequential import DETECTOR_KINDS  # noqa: PLC0415 - the same

    pages: dict[str, Callable[[], str]] = {kind.name: partial(detector_page, kind) for kind in DETECTOR_KINDS}
    pages |= {name: partial(estimates.estimate_page, one) for name, one in known.ESTIMATED_METRICS.items()}
    pages |= {name: partial(estimates.estimate_error_page, one) for name, one in known.ESTIMATE_ERRORS.items()}
    pages |= {name: partial(estimates.change_page, one) for name, one in known.CHANGES.items()}
    pages |= {name: partial(evidently_page, name) for name in (*EVIDENTLY_METRICS, *ELSEWHERE)}
    pages[known.ESTIMATES_DISAGREE] = partial(estimates.disagreement_page, known.ESTIMATES_DISAGREE)
    return pages


def _rows() -> Iterator[dict[str, object]]:
    from monitor.bootstrap.plugins import drift_tests, performance_metrics  # noqa: PLC0415 - heavy
    from monitor.stats.estimation import ESTIMATED_METRICS  # noqa: PLC0415 - the same
    from monitor.stats.fairness import FAIRNESS_MEASURES  # noqa: PLC0415 - the same
    from monitor.stats.quality import QUALITY_TESTS  # noqa: PLC0415 - heavy
    from monitor.stats.row_test import RowTest  # noqa: PLC0415 - heavy
    from monitor.stats.serving import SERVING_METRICS  # noqa: PLC0415 - heavy
    from monitor.stats.window_test import WindowTest  # noqa: PLC0415 - heavy

    for name, test in drift_tests().items():
        if isinstance(test, WindowTest | RowTest):
            what = "row test" if isinstance(test, RowTest) else "window test"
            yield _row(name, what, test, test.title, test.unit, test.default_threshold) | {"needs": []}
            continue
        kind = "data quality" if name in QUALITY_TESTS else "drift test"
        needs = sorted(aspect.value for aspect in test.needs)
        yield _row(name, kind, test, test.title, test.unit, test.default_threshold) | {"needs": needs}
    for name, metric in performance_metrics().items():
        tasks = sorted(task.value for task in metric.tasks)
        yield _row(name, "performance metric", metric, metric.title, metric.unit, metric.default_threshold) | {
            "tasks": tasks
        }
    for name, measure in FAIRNESS_MEASURES.items():
        yield _row(name, "fairness", None, measure.title, measure.unit, measure.default_threshold)
    for name, served in SERVING_METRICS.items():
        yield _row(name, "serving metric", served, served.title, served.unit, None) | {"column": served.column}
    for name, estimate in ESTIMATED_METRICS.items():
        tasks = sorted(task.value for task in estimate.tasks)
        title = f"{estimate.title}, before truth comes"
        yield _row(name, "estimate", estimate, title, estimate.unit, estimate.default_threshold) | {"tasks": tasks}
    yield from _rows_of_truth()
    yield from _rows_of_detectors()
    for name, (title, _) in STANDING_CHECKS.items():
        yield _row(name, "standing check", None, title, "", None)


def _rows_of_truth() -> Iterator[dict[str, object]]:
    from monitor.stats.estimation import CHANGES, ESTIMATE_ERRORS, ESTIMATES_DISAGREE  # noqa: PLC0415 - heavy

    for name, estimate in ESTIMATE_ERRORS.items():
        yield _row(name, "error of an estimate", None, f"Estimate less truth: {estimate.title}", estimate.unit, None)
    for name, change in CHANGES.items():
        yield _row(name, "change in parts", None, f"Where a change comes from: {change.title}", change.unit, None)
    yield _row(ESTIMATES_DISAGREE, "estimate", None, "Two ways to estimate disagree", "", None)


def _rows_of_detectors() -> Iterator[dict[str, object]]:
    from monitor.cli.detector_page import shift_words  # noqa: PLC0415 - heavy
    from monitor.stats.sequential import DETECTOR_KINDS  # noqa: PLC0415 - heavy

    for kind in DETECTOR_KINDS:
        row = _row(kind.name, "sequential detector", None, kind.title, kind.unit, None)
        yield row | {"threshold": "from `false_alarm`", "parameters": shift_words(kind)}


def _row(name: str, kind: str, thing: object, title: str, unit: str, threshold: Threshold | None) -> dict[str, object]:  # noqa: PLR0917 - the columns of a row
    from monitor.cli.check_page import parameters_of, threshold_words  # noqa: PLC0415 - heavy

    parameters = parameters_of(thing)
    return {
        "name": name,
        "kind": kind,
        "title": title,
        "unit": unit,
        "threshold": threshold_words(threshold),
        "parameters": ", ".join(f"{key}={value}" for key, value in parameters.items()),
    }
