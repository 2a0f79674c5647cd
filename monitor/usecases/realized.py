"""Performance by the truth that has come: every metric of a window, and how much truth there is and how old."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import MonitorError
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, GroundTruthPolicy, Task
from monitor.domain.records import Joined
from monitor.domain.time import duration_ms, format_duration
from monitor.domain.windows import Window
from monitor.rules.conditions import RECORDS, TRUTH_COVERAGE
from monitor.rules.explain import percent
from monitor.stats.judgement import judge, measured
from monitor.stats.performance.classification import CLASSIFICATION
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.odd_labels import unpriced
from monitor.stats.performance.usable import never_predicted, usable, why_undefined
from monitor.usecases.model_checks import MetricCheck
from monitor.usecases.outcomes import Outcome

_QUANTILES = (0.1, 0.5, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class WindowTruth:
    """What is known of a window: its predictions with truth, and how many predictions there are."""

    rows: Sequence[Joined]
    predictions: int

    @property
    def coverage(self) -> float | None:
        """Share of the predictions with truth, 0 to 1; None where there is no prediction."""
        return min(1.0, len(self.rows) / self.predictions) if self.predictions else None

    @property
    def judged(self) -> Judged:
        """The rows as metrics take them."""
        return Judged.of([(row.prediction, row.score, row.label, row.scores) for row in self.rows])


def known_by_ms(window: Window, policy: GroundTruthPolicy) -> int:
    """Until when (event time, ms) truth must have been known to count for the window."""
    return window.end_ms + duration_ms(policy.horizon)


def measure(one: MetricCheck, judged: Judged, positive: str | None, odd: str = "") -> Outcome:
    """What a metric says of a window: a number and its verdict, or a sentence on why there is none.

    `odd` is what is odd about its true labels (empty: nothing), said by the metrics that count labels.
    """
    check = one.check
    known = f"{judged.n:,} predictions with known truth"
    odd = odd if one.metric.tasks <= CLASSIFICATION else ""
    if judged.n < check.min_records:
        reason = f"{check.name}: {known}, at least {check.min_records:,} are needed"
        return check, Verdict.INSUFFICIENT_DATA, reason, None
    fit = usable(one.metric, judged)
    if not fit.suffices or fit.judged.n < check.min_records:
        why = "; ".join(filter(None, (f"{fit.aside}; too few are left of {known}", unpriced(one.metric, judged))))
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {why}", None
    try:
        result = one.metric.run(fit.judged, positive)
    except Exception as error:  # noqa: BLE001 - metrics are plug-ins, too
        why = str(error) if isinstance(error, MonitorError) else f"{type(error).__name__}: {error}"
        return check, Verdict.FAILED, f"{check.name} failed: {why}", None
    known = "; ".join(filter(None, (known, fit.aside, odd, unpriced(one.metric, judged))))
    if result is None:
        why = why_undefined(one.metric, fit.judged, positive)
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name} is not defined: {why}; {known}", None
    if not math.isfinite(result.statistic):
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name} is no finite number here; {known}", None
    return _judged(one, result, known)


def truth_coverage(policy: GroundTruthPolicy, truth: WindowTruth, task: Task | None) -> Outcome:
    """How much of a window's truth is there, how old it was when known, and what is odd about it.

    *Low coverage* when the window was judged because its wait was over, with less truth than the model asks for.
    """
    share = truth.coverage
    check = Check(TRUTH_COVERAGE, RECORDS, ALL_TRAFFIC, Threshold(policy.min_coverage, below=True), 0)
    if share is None:
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: no prediction is in the store", None
    verdict = Verdict.LOW_COVERAGE if share < policy.min_coverage else Verdict.OK
    said = [f"{percent(share)} of {truth.predictions:,} predictions have truth", *_remarks(truth, task)]
    if verdict is Verdict.LOW_COVERAGE:
        wait = f"{format_duration(policy.wait)} after the window's end it is judged with what there is"
        said[0] += f", less than {percent(policy.min_coverage)}: {wait}"
    n = len(truth.rows)
    result = TestResult(share, None, truth.predictions, n, detail=_detail(truth))
    return check, verdict, f"{check.name}: " + "; ".join(said), result


def _judged(one: MetricCheck, result: TestResult, known: str) -> Outcome:
    check = one.check
    if not one.is_limited:
        return check, Verdict.OK, f"{measured(check, result)}, no limit is set; {known}", result
    verdict, reason = judge(check, result, bad=Verdict.DEGRADED)
    return check, verdict, f"{reason.rsplit('; ', 1)[0]}; {known}", result


def _remarks(truth: WindowTruth, task: Task | None) -> list[str]:
    rows = truth.rows
    if not rows:
        return []
    tenth, median, most, last = _ages_ms(rows)
    spans = f"{_span(tenth)} (a tenth), {_span(median)} (half), {_span(most)} (nine tenths), {_span(last)} (all)"
    remarks = [f"known within {spans}"]
    if corrected := sum(row.labels > 1 for row in rows):
        remarks.append(f"{corrected:,} were told different labels, and the one known last holds")
    if early := _known_before(rows):
        remarks.append(f"{early:,} claim to have been known before the prediction was made: look at the clocks")
    if task is not None and task.has_classes and (strangers := never_predicted(truth.judged)):
        remarks.append(strangers)
    return remarks


def _detail(truth: WindowTruth) -> dict[str, object]:
    rows = truth.rows
    found: dict[str, object] = {
        "corrected": sum(row.labels > 1 for row in rows),
        "statements": sum(row.statements for row in rows),
        "known_before_prediction": _known_before(rows),
    }
    if rows:
        names = (f"p{q * 100:g}" if q < 1 else "max" for q in _QUANTILES)
        found["age_seconds"] = {name: age / 1000 for name, age in zip(names, _ages_ms(rows), strict=True)}
    return found


def _known_before(rows: Sequence[Joined]) -> int:
    return sum(row.age_ms < 0 for row in rows)


def _ages_ms(rows: Sequence[Joined]) -> list[int]:
    """Ages at the quantiles: each is that of a row, never between two."""
    ages = np.fromiter((row.age_ms for row in rows), np.int64, len(rows))
    return [int(age) for age in np.quantile(ages, _QUANTILES, method="inverted_cdf")]


def _span(age_ms: int) -> str:
    """To the second; a duration of several days needs no milliseconds."""
    whole = age_ms // 1000 * 1000 if abs(age_ms) >= 1000 else age_ms
    text = format_duration(timedelta(milliseconds=abs(whole)))
    return f"-{text}" if age_ms < 0 else text
