"""`driftline checks`."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass

import click

from monitor.cli.options import json_option
from monitor.cli.output import print_json, print_table
from monitor.domain.checks import Threshold


@click.group()
def checks() -> None:
    """The drift tests, performance metrics and estimates there are."""


@checks.command("list")
@json_option
def list_checks(*, as_json: bool) -> None:
    """Every test, metric and estimate with its unit, default threshold and parameters; plug-ins included."""
    rows = list(_rows())
    if as_json:
        print_json(rows)
        return
    keys = ("name", "kind", "title", "unit", "threshold", "parameters")
    print_table(keys, ([row[key] for key in keys] for row in rows), empty="none")


def _rows() -> Iterator[dict[str, object]]:
    from monitor.bootstrap.plugins import drift_tests, performance_metrics  # noqa: PLC0415 - heavy
    from monitor.stats.estimation import ESTIMATED_METRICS  # noqa: PLC0415 - the same

    for name, test in drift_tests().items():
        needs = sorted(aspect.value for aspect in test.needs)
        yield _row(name, "drift test", test, test.title, test.unit, test.default_threshold) | {"needs": needs}
    for name, metric in performance_metrics().items():
        tasks = sorted(task.value for task in metric.tasks)
        yield _row(name, "performance metric", metric, metric.title, metric.unit, metric.default_threshold) | {
            "tasks": tasks
        }
    known = performance_metrics()
    for name, estimate in ESTIMATED_METRICS.items():
        of, tasks = known[estimate.of], sorted(task.value for task in estimate.tasks)
        title = f"{of.title}, before truth comes"
        yield _row(name, "estimate", estimate, title, of.unit, estimate.default_threshold) | {"tasks": tasks}


def _row(name: str, kind: str, thing: object, title: str, unit: str, threshold: Threshold | None) -> dict[str, object]:  # noqa: PLR0917 - the columns of a row
    parameters = {f.name: f.default for f in fields(thing) if f.default is not MISSING} if is_dataclass(thing) else {}
    return {
        "name": name,
        "kind": kind,
        "title": title,
        "unit": unit,
        "threshold": _words(threshold),
        "parameters": ", ".join(f"{key}={value}" for key, value in parameters.items()),
    }


def _words(threshold: Threshold | None) -> str:
    if threshold is None:
        return ""
    sign = "<=" if threshold.below else ">="
    words = f"{sign} {threshold.drifted:g}"
    words += f", warning {sign} {threshold.warning:g}" if threshold.warning is not None else ""
    return words + (f", p <= {threshold.alpha:g}" if threshold.alpha is not None else "")
