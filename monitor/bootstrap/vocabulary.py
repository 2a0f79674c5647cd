"""What a configuration may name, gathered from the plug-ins and, where it can be asked, the database."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path

import alerts.config
import alerts.plugins
from alerts.errors import AlertsError, ConfigProblems
from monitor.adapters.sql.baselines import SqlBaselineStore
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import is_migrated
from monitor.bootstrap.formats import format_validators
from monitor.bootstrap.plugins import drift_tests, performance_metrics, source_plugins
from monitor.bootstrap.sources import SHIPPED
from monitor.bootstrap.triggers import trigger_validators
from monitor.config.directory import MONITOR
from monitor.config.mistakes import parse
from monitor.config.monitor_file import MonitorFile
from monitor.config.secrets import SECRET_MUST_BE_THERE, text_or_secret
from monitor.config.thresholds_crosscheck import Scale
from monitor.config.vocabulary import Found, KnownColumn, Vocabulary
from monitor.config.yaml_file import read_yaml
from monitor.domain.checks import Parameter
from monitor.domain.errors import ConfigError, MonitorError
from monitor.rules.explain import WEAK_SEGMENTS
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import with_parameters
from monitor.stats.estimation import CHANGES, ESTIMATE_ERRORS, ESTIMATED_METRICS, ESTIMATES_DISAGREE
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.performance.text_libraries import lacks
from monitor.stats.row_test import RowTest
from monitor.stats.serving import SERVING_METRICS

_OTHERS: Mapping[str, frozenset[str]] = dict.fromkeys(
    [*ESTIMATED_METRICS, *ESTIMATE_ERRORS, *CHANGES, ESTIMATES_DISAGREE, WEAK_SEGMENTS, *FAIRNESS_MEASURES], frozenset()
)
"""Estimates, what they are held against, and fairness: without parameters."""


def vocabulary(columns: Mapping[str, Mapping[str, KnownColumn]] | None = None) -> Vocabulary:
    """Every name that plug-ins offer; `columns` by model where baselines are known."""
    metrics = performance_metrics()
    named = {**drift_tests(), **metrics}
    tests = {**named, **SERVING_METRICS}
    return Vocabulary(
        tests={name: _parameters(test) for name, test in tests.items()} | dict(_OTHERS),
        row_tests=frozenset(name for name, test in named.items() if isinstance(test, RowTest)),
        metrics=frozenset(metrics),
        scales=_scales(tests),
        sources=SHIPPED | source_plugins().keys(),
        triggers=trigger_validators(),
        formats=format_validators(),
        columns=columns or {},
        check_parameters=partial(_wrong_parameters, tests),
        check_routes=check_routes,
        check_route_secrets=check_route_secrets,
    )


def _scales(tests: Mapping[str, object]) -> dict[str, Scale]:
    """What is known of the values of tests, metrics, estimates and measures of fairness."""
    estimated = {
        name: Scale(one.bounds[0], one.higher_is_better, one.bounds[1]) for name, one in ESTIMATED_METRICS.items()
    }
    known = {name: _scale(test, estimated.get(f"estimated_{name}", Scale()).most) for name, test in tests.items()}
    return (
        known
        | estimated
        | {
            name: Scale(is_bad_below=one.default_threshold is not None and one.default_threshold.below)
            for name, one in FAIRNESS_MEASURES.items()
        }
    )


def _scale(test: object, most: float) -> Scale:
    """A metric's largest value is that of its estimate, where there is one."""
    least, most = float(getattr(test, "minimum", 0.0)), float(getattr(test, "maximum", most))
    return Scale(least, getattr(test, "higher_is_better", None), most)


def check_routes(data: Mapping[str, object]) -> Sequence[Found]:
    """Every mistake of routes.yaml with its place."""
    try:
        alerts.config.parse(data, alerts.plugins.discover())
    except ConfigProblems as found:
        return [(problem.loc, problem.message, "") for problem in found.problems]
    except AlertsError as error:
        return [((), str(error), "")]
    return []


def check_route_secrets(data: Mapping[str, object], environ: Mapping[str, str]) -> Sequence[Found]:
    """Every secret of a faultless routes.yaml that is not there now."""
    config = alerts.config.parse(data, alerts.plugins.discover())
    return [
        (problem.loc, f"a secret cannot be read now: {problem.message.partition(';')[0]}", SECRET_MUST_BE_THERE)
        for problem in alerts.config.unreadable_secrets(config, environ)
    ]


def known_columns(directory: Path, environ: Mapping[str, str]) -> dict[str, dict[str, KnownColumn]]:
    """Columns of every stored baseline by model; nothing when the database cannot be asked, or is not there yet."""
    try:
        monitor = parse(read_yaml(directory / MONITOR), MonitorFile)
        if isinstance(monitor, tuple):
            return {}
        engine = create_engine(text_or_secret(monitor.database.url, environ))
    except ConfigError:
        return {}
    try:
        database = engine.url.database
        is_absent = engine.url.get_backend_name() == "sqlite" and not (database and Path(database).exists())
        return {} if is_absent or not is_migrated(engine) else _columns(SqlBaselineStore(engine))
    except MonitorError:
        return {}
    finally:
        engine.dispose()


def _columns(store: SqlBaselineStore) -> dict[str, dict[str, KnownColumn]]:
    found: dict[str, dict[str, KnownColumn]] = {}
    for summary in store.summaries():
        baseline = Baseline.from_bytes(store.get(str(summary["id"])))
        columns = found.setdefault(baseline.ref.name, {})
        for spec in baseline.schema:
            before = columns.get(spec.name, KnownColumn(frozenset()))
            values = frozenset(getattr(baseline.layouts[spec.name], "categories", ()))
            columns[spec.name] = KnownColumn(before.kinds | {spec.kind}, before.values | values)
    return found


def _wrong_parameters(tests: Mapping[str, object], name: str, parameters: Mapping[str, Parameter]) -> str:
    """Why the test cannot be run with these values; empty when it can, or takes parameters of other names alone."""
    if name not in tests or not parameters.keys() <= _parameters(tests[name]):
        return ""
    library = getattr(tests[name], "library", None)
    if library and (missing := lacks(library)):
        return f"{name}: {missing}"
    try:
        with_parameters(tests[name], name, parameters)
    except ConfigError as error:
        return error.message
    return ""


def _parameters(test: object) -> frozenset[str]:
    return frozenset(field.name for field in fields(test)) if is_dataclass(test) else frozenset()
