"""What was estimated of every window, what came true, and where a change came from: findings, side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.findings import Finding, TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.windows import Window
from monitor.rules.conditions import GROUND_TRUTH
from monitor.rules.explain import WEAK_SEGMENTS
from monitor.stats.estimation import CHANGES, ESTIMATE_ERRORS, ESTIMATED_METRICS, EstimatedMetric
from monitor.usecases.estimating import greyed
from monitor.usecases.metric_limits import is_limit

_NO_METRICS = frozenset({*ESTIMATED_METRICS, *CHANGES, *ESTIMATE_ERRORS, WEAK_SEGMENTS})
"""What else is told about the column of truth."""


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """One metric of one window; each part None where there is none (yet).

    `reason` says why the estimate is not to be relied on (empty: it is), `change` holds the parts of the change from
    the baseline: value and 95 % interval by name; `verdict` is what its limit, if it has one,
    says of the truth.
    """

    window: Window
    model: ModelRef
    metric: str
    estimate: TestResult | None
    truth: TestResult | None
    reason: str
    change: TestResult | None
    verdict: Verdict | None = None

    @property
    def reweighted(self) -> float | None:
        """What training rows weighted to look like the window say."""
        return _number(self.estimate, "reweighted")

    @property
    def is_disputed(self) -> bool:
        """Whether these rows part from the estimate by more than their errors: a sample is to be judged."""
        return (_number(self.estimate, "apart") or 0.0) > 1

    @property
    def holds(self) -> bool | None:
        """Whether the truth lies within the estimate's interval; None while either is unknown."""
        if self.estimate is None or self.truth is None or self.estimate.low is None or self.estimate.high is None:
            return None
        return self.estimate.low <= self.truth.statistic <= self.estimate.high

    def part(self, name: str) -> tuple[float, float, float] | None:
        """A part of the change with its 95 % interval, by its name in the finding."""
        numbers = None if self.change is None else self.change.detail.get(name)
        match numbers:
            case [float(value), float(low), float(high)]:
                return value, low, high
            case _:
                return None


def performance_record(
    findings: Sequence[Finding], metrics: Iterable[str] = (), *, everything: bool = False
) -> list[PerformanceRow]:
    """A row for every window, version and metric with a number or why there is none; ordered by window.

    These metrics, or without names those that can be estimated; `everything` asks for the others, too, and so does a
    model of which nothing else is known.
    """
    shown = {
        (f.window, f.model, f.check.test): f
        for f in greyed(findings)
        if not f.check.segment and (f.check.column == GROUND_TRUTH or f.check.test in ESTIMATED_METRICS)
    }
    wanted = frozenset(metrics)
    estimated = {metric.of: metric for metric in ESTIMATED_METRICS.values() if not metric.apart}
    others = sorted({name for *_, name in shown} - estimated.keys() - _NO_METRICS)
    names = [name for name in [*estimated, *others] if not wanted or name in wanted]
    rows = [
        _row(shown, window, model, name, estimated.get(name))
        for window, model in sorted({key[:2] for key in shown}, key=_order)
        for name in names
    ]
    known = [row for row in rows if row.estimate is not None or row.truth is not None or row.reason]
    usual = [row for row in known if row.metric in estimated]
    return known if wanted or everything or not usual else usual


def _order(key: tuple[Window, ModelRef]) -> tuple[datetime, str]:
    return key[0].start, str(key[1])


def _row(
    shown: dict[tuple[Window, ModelRef, str], Finding],
    window: Window,
    model: ModelRef,
    metric: str,
    estimated: EstimatedMetric | None,
) -> PerformanceRow:
    names = (estimated.name, estimated.change_name) if estimated else ("", "")
    estimate, change = (shown.get((window, model, name)) for name in names)
    truth = shown.get((window, model, metric))
    is_grey = estimate is not None and estimate.verdict is Verdict.INSUFFICIENT_DATA
    return PerformanceRow(
        window,
        model,
        metric,
        estimate.result if estimate else None,
        truth.result if truth else None,
        estimate.reason if estimate and is_grey else "",
        change.result if change else None,
        truth.verdict if truth and is_limit(truth.check.threshold) else None,
    )


def _number(result: TestResult | None, name: str) -> float | None:
    value = None if result is None else result.detail.get(name)
    return value if isinstance(value, float) else None


@dataclass(frozen=True, slots=True)
class Record:
    """How well estimates did where truth has come: `windows` of them, the mean distance, the share within the band."""

    windows: int
    mean_error: float
    held: float


def record(rows: Iterable[PerformanceRow]) -> Record | None:
    """Of these rows; None where no truth has come."""
    told = [row for row in rows if row.holds is not None]
    if not told:
        return None
    errors = [abs(row.estimate.statistic - row.truth.statistic) for row in told if row.estimate and row.truth]
    return Record(len(told), sum(errors) / len(told), sum(bool(row.holds) for row in told) / len(told))
