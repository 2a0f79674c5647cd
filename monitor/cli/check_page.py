"""The page of a drift test or performance metric: what the reference has, and `driftline checks show` prints."""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass

from monitor.domain.checks import RECORDS, Threshold
from monitor.domain.models import ColumnKind
from monitor.stats.drift_test import DriftTest, Promise, promises_of
from monitor.stats.fairness.measures import FairnessMeasure
from monitor.stats.performance.metric import PerformanceMetric, is_proposed
from monitor.stats.profiles.categorical import CategoricalProfile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.proposals import EVERY_COLUMN, PROPOSED, PROPOSED_OVER_COLUMNS, AnyTest
from monitor.stats.row_test import RowTest
from monitor.stats.serving.metric import ServingMetric
from monitor.stats.window_test import WindowTest
from monitor.stats.window_test import is_proposed as window_test_is_proposed

_UNASKED = "only where a check asks for it"
_ASPECTS = {ColumnKind.NUMERIC: NumericProfile.aspects, ColumnKind.CATEGORICAL: CategoricalProfile.aspects}


def test_page(test: AnyTest) -> str:
    """Markdown: what it computes and when to use it, then the facts, then how to ask for it."""
    facts = {
        "Columns": " and ".join(kind.value for kind in served_kinds(test)) or _together(test),
        "By default": _by_default(test),
        "Statistic": f"{test.unit}; {test.minimum:g} to {_bound(test.maximum)}",
        "Default threshold": threshold_words(test.default_threshold),
        "Parameters": ", ".join(f"`{name}` = {value!r}" for name, value in parameters_of(test).items()) or "none",
    }
    if not isinstance(test, WindowTest | RowTest):
        facts |= _facts_of_columns(test)
    table = "".join(f"| {name} | {words} |\n" for name, words in facts.items())
    text = f"# {test.title} (`{test.name}`)\n\n{inspect.cleandoc(type(test).__doc__ or '')}\n\n"
    return f"{text}| | |\n|---|---|\n{table}\n{_configuration(test)}"


test_page.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def _together(test: AnyTest) -> str:
    return "all together, or those made of one vector or text" if isinstance(test, RowTest) else "all together"


def _facts_of_columns(test: DriftTest) -> dict[str, str]:
    return {
        "P-value": _p_value(test),
        "Promises": "; ".join(promise.meaning for promise in _others(test)) or "what every test promises",
        "Many columns": "at once" if hasattr(test, "run_windows") else "one by one",
    }


def metric_page(metric: PerformanceMetric) -> str:
    """Markdown: what it computes and when to use it, then the facts, then how to ask for it."""
    facts = {
        "Tasks": ", ".join(sorted(metric.tasks)),
        "Unit": metric.unit,
        "Better": "higher" if metric.higher_is_better else "lower",
        "By default": "computed, and judged where a check sets a limit" if is_proposed(metric) else _UNASKED,
        "Least records": "`min_records` of the check, else of the model, with truth; below that *insufficient data*",
        "Computed": getattr(metric, "computed", "anew from the stored predictions and truth, when more truth has come"),
    }
    table = "".join(f"| {name} | {words} |\n" for name, words in facts.items())
    text = f"# {metric.title} (`{metric.name}`)\n\n{inspect.cleandoc(type(metric).__doc__ or '')}\n\n"
    return f"{text}| | |\n|---|---|\n{table}{_asked_for(metric, metric.name)}"


def fairness_page(measure: FairnessMeasure) -> str:
    """Markdown: what it computes, of what, and its customary limit."""
    limit = threshold_words(measure.default_threshold)
    words = f"by custom bad where it is {limit}" if limit else "no limit is customary: shown until a check sets one"
    text = f"# {measure.title} (`{measure.name}`)\n\n{inspect.cleandoc(type(measure).__doc__ or '')}\n\n"
    return f"{text}Of the {measure.rate}; {words}.\n"


def serving_page(metric: ServingMetric) -> str:
    """Markdown: what it computes, of which column, and how to ask for it."""
    better = "higher" if metric.higher_is_better else "lower"
    text = f"# {metric.title} (`{metric.name}`)\n\n{inspect.cleandoc(type(metric).__doc__ or '')}\n\n"
    column = f"Column: `{metric.column}` unless a check names another" if metric.column else "A check names the column"
    return f"{text}{column}; {better} is better.\n{_asked_for(metric, metric.name)}"


def _asked_for(thing: object, name: str) -> str:
    """How to ask for it with its parameters; nothing where it has none."""
    known = parameters_of(thing)
    if not known:
        return ""
    shown = {key: value for key, value in known.items() if value not in {"", None}}
    lines = ["checks:", f"  - test: {name}", f"    parameters: {_braced(shown)}"]
    listed = ", ".join(f"`{key}` = {value!r}" for key, value in known.items())
    return f"\nParameters: {listed}.\n\n```yaml\n" + "\n".join(lines) + "\n```\n"


def served_kinds(test: AnyTest) -> list[ColumnKind]:
    """The kinds of columns whose profiles answer what the test needs; none for a test of whole windows or raw rows."""
    if isinstance(test, WindowTest | RowTest):
        return []
    return [kind for kind, aspects in _ASPECTS.items() if test.needs <= aspects]


def parameters_of(thing: object) -> dict[str, object]:
    """Parameters of a test or metric and their defaults."""
    return {f.name: f.default for f in fields(thing) if f.default is not MISSING} if is_dataclass(thing) else {}


def threshold_words(threshold: Threshold | None) -> str:
    """The limits in words; empty where there are none."""
    if threshold is None:
        return ""
    sign = "<=" if threshold.below else ">="
    words = f"{sign} {threshold.drifted:g}"
    words += f", warning {sign} {threshold.warning:g}" if threshold.warning is not None else ""
    return words + (f", p <= {threshold.alpha:g}" if threshold.alpha is not None else "")


def _by_default(test: AnyTest) -> str:
    if isinstance(test, RowTest):
        return "only where a check asks for it; needs `archive`"
    if isinstance(test, WindowTest):
        return "checked where the baseline has what it needs" if window_test_is_proposed(test) else _UNASKED
    if test.name in PROPOSED_OVER_COLUMNS:
        return "one check over all columns"
    kinds = [kind.value for kind, names in PROPOSED.items() if test.name in names]
    return f"checked on {' and '.join(kinds)} columns" if kinds else _UNASKED


def _bound(maximum: float) -> str:
    return "no bound" if maximum == float("inf") else f"{maximum:g}"


def _p_value(test: DriftTest) -> str:
    if Promise.CALIBRATED in promises_of(test):
        return Promise.CALIBRATED.meaning
    return "at most 0.05 in at most 5 % of windows without drift"


def _others(test: DriftTest) -> list[Promise]:
    return sorted(promises_of(test) - {Promise.CALIBRATED})


def _configuration(test: AnyTest) -> str:
    limit = test.default_threshold
    parts = [f"drifted: {limit.drifted:g}"]
    parts += [] if limit.warning is None else [f"warning: {limit.warning:g}"]
    parts += [] if limit.alpha is None else [f"alpha: {limit.alpha:g}"]
    lines = [
        "checks:",
        f"  - test: {test.name}",
        f'    columns: ["{RECORDS if isinstance(test, WindowTest | RowTest) else EVERY_COLUMN}"]',
        f"    threshold: {{{', '.join(parts)}}}",
    ]
    known = parameters_of(test)
    lines += [f"    parameters: {_braced(known)}"] if known else []
    return "```yaml\n" + "\n".join(lines) + "\n```\n"


def _braced(parameters: Mapping[str, object]) -> str:
    return f"{{{', '.join(f'{name}: {_yaml(value)}' for name, value in parameters.items())}}}"


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
