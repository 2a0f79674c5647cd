"""What a change of performance comes from, when truth has come: the inputs, the shares of the truths, or neither."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.rules.conditions import GROUND_TRUTH
from monitor.stats.baseline import Baseline
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.estimation.attribution import Change, Measured, Part
from monitor.stats.estimation.changes import changes
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.outcomes import Outcome

MOST_COLUMNS = 3
"""So many columns are named in a sentence, the largest shares first; the finding keeps all."""


def explained(
    baseline: Baseline, profile: ModelProfile, truths: Sequence[str], realised: Mapping[str, TestResult]
) -> list[Outcome]:
    """A finding for each metric that is not what it was on the baseline, by more than chance; no verdict on it.

    Nothing where the baseline keeps no rows with truth.
    """
    if baseline.outcomes is None or baseline.tried is None or not profile.n:
        return []
    found = changes(baseline.outcomes, baseline.tried, profile, truths, realised)
    return [_outcome(name, one, change, baseline.outcomes.rows, len(truths)) for name, (one, change) in found.items()]


def are_explainable(realised: Iterable[str]) -> bool:
    """Whether any of the metrics can be explained at all."""
    return not {metric.of for metric in ESTIMATED_METRICS.values()}.isdisjoint(realised)


def _outcome(name: str, one: Measured, change: Change, n_baseline: int, n: int) -> Outcome:
    metric = next(metric for metric in ESTIMATED_METRICS.values() if metric.of == name)
    check = Check(metric.change_name, GROUND_TRUTH, ALL_TRAFFIC, Threshold(sys.float_info.max), 0)
    detail = {
        "before": one.before,
        "now": one.now,
        "covariate_shift": _numbers(change.covariate),
        "label_shift": _numbers(change.label),
        "unexplained": _numbers(change.rest),
        "columns": {name: _numbers(part) for name, part in change.columns.items()},
    }
    result = TestResult(change.total.value, None, n_baseline, n, change.total.low, change.total.high, detail)
    return check, Verdict.OK, f"{check.name}: {_said(one, change)}", result


def _said(one: Measured, change: Change) -> str:
    largest = sorted(change.columns.items(), key=lambda item: -abs(item[1].value))[:MOST_COLUMNS]
    columns = ", ".join(f"{name} {part.value:+.3g}" for name, part in largest if part.is_certain)
    inputs = f"{_part(change.covariate)} by other inputs" + (f" ({columns})" if columns else "")
    rest = f"{_part(change.rest)} by neither" + (
        ", the same inputs have other outcomes" if change.rest.is_certain else ""
    )
    return (
        f"{one.before:.4g} on the baseline, {one.now:.4g} by the truth, {change.total.value:+.3g}: {inputs}, "
        f"{_part(change.label)} by other shares of the true classes, {rest}"
    )


def _part(part: Part) -> str:
    return f"{part.value:+.3g} ({part.low:+.3g} to {part.high:+.3g})"


def _numbers(part: Part) -> list[float]:
    """Value and 95 % interval."""
    return [part.value, part.low, part.high]
