"""Estimate performance before truth comes, and hold the estimates against the truth when it does."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import EvaluationKind, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.windows import Window
from monitor.rules.conditions import ESTIMATE, GROUND_TRUTH
from monitor.stats.baseline import Baseline
from monitor.stats.estimation import ESTIMATE_ERRORS, ESTIMATED_METRICS, ESTIMATES_DISAGREE, EstimatedMetric
from monitor.stats.estimation.band import standardised, stated_interval, stretched
from monitor.stats.judgement import judge
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.model_checks import EstimateCheck
from monitor.usecases.outcomes import Outcome

FITTED = "too good, for the baseline is of the rows that the model was fitted to"
WHY_NOT = "the scores no longer mean what they meant in training, or the same inputs now have other outcomes"


BY_WEIGHTS = "by training rows weighted to look like this window"
ASK = "the estimates disagree, judge a sample"


class FindingReads(Protocol):
    """What was found before; the store of evaluations offers it."""

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        """Findings of the newest revisions whose windows start in [since, until), by window and check."""
        ...


@dataclass(frozen=True, slots=True)
class PastTruth:
    """What the truth of earlier windows said of a version's estimates, by the name of the estimate.

    `refuted` are those that the newest truth contradicted, with the reason: they are shown with it, and are no vote.
    `errors` are estimates less truth in units of their stated standard errors, by window.
    """

    refuted: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Sequence[float]] = field(default_factory=dict)


NO_TRUTH = PastTruth()


def estimate(
    checks: Iterable[EstimateCheck],
    baseline: Baseline,
    profiles: Mapping[str, ModelProfile],
    past: PastTruth = NO_TRUTH,
) -> list[Outcome]:
    """What each check says of a window; nothing where the baseline has no truths to estimate from.

    `profiles` are those of all traffic and of the segments. Outcomes are learned from all rows: a segment whose records
    have other outcomes at the same score is misjudged, unless the rows weighted to look like it show that.
    """
    estimator = baseline.estimator
    if estimator is None:
        return []
    found: list[Outcome] = []
    for segment, grouped in groupby(checks, key=lambda one: one.check.segment):
        of_segment = tuple(grouped)
        wanted = {one.metric.of for one in of_segment}
        profile = profiles.get(segment)
        why_not = "no records of the segment" if profile is None else estimator.unusable(profile)
        results = {} if profile is None or why_not else estimator.estimates(profile, wanted)
        taught = {
            metric.name: stretched(results[metric.of], past.errors.get(metric.name, ()), *metric.bounds)
            for metric in ESTIMATED_METRICS.values()
            if metric.of in results
        }
        found += [
            _judged(one, taught.get(one.metric.name), why_not, past.refuted.get(one.metric.name, ""))
            for one in of_segment
        ]
        found += disagreement(segment, taught)
    if baseline.role is None or not baseline.role.is_fitted:
        return found
    return [(check, verdict, f"{why}; {FITTED}" if result else why, result) for check, verdict, why, result in found]


def disagreement(segment: str, estimates: Mapping[str, TestResult]) -> list[Outcome]:
    """Whether the estimates agree with those from rows that were weighted to look like the window; nothing without.

    The statistic is the largest distance of the two, in units of what their errors allow: a *warning* from 1 on.
    """
    found = {name: ratio for name, one in estimates.items() if isinstance(ratio := one.detail.get("apart"), float)}
    if not found:
        return []
    check = Check(ESTIMATES_DISAGREE, ESTIMATE, segment, Threshold(sys.float_info.max), 0)
    worst = max(found, key=lambda name: found[name])
    apart = [f"{name} {_moved(estimates[name])}" for name in sorted(found, key=lambda n: -found[n]) if found[name] > 1]
    first = estimates[worst]
    result = TestResult(found[worst], None, first.n_baseline, first.n_current, detail={"apart": found})
    if not apart:
        return [(check, Verdict.OK, f"{check.name}: no, {worst} is {_both(first)}", result)]
    return [(check, Verdict.WARNING, f"{check.name}: {BY_WEIGHTS} {', '.join(apart)}: {ASK}", result)]


def _moved(result: TestResult) -> str:
    return f"{result.statistic:.4g} -> {result.detail['reweighted']:.4g}"


def _both(result: TestResult) -> str:
    return f"{result.statistic:.4g}, and {result.detail['reweighted']:.4g} {BY_WEIGHTS}"


def compare(estimates: Sequence[Finding], realized: Mapping[str, TestResult]) -> list[Outcome]:
    """The warning light: each estimate of a window against the metric by the truth that has come.

    The statistic is estimate - truth. A *warning* when their intervals are apart: the estimate does not hold. The one
    of the estimate is as it was stated, before the errors of earlier windows stretched it: an estimate that keeps being
    wrong keeps being called so.
    """
    found = {one.check.test: one.result for one in estimates if one.check.column == ESTIMATE and not one.check.segment}
    return [
        _compared(metric, estimated, realized[metric.of])
        for metric in ESTIMATED_METRICS.values()
        if metric.of in realized and (estimated := found.get(metric.name)) is not None
    ]


def past_truth(reads: FindingReads | None, ref: ModelRef, window: Window, horizon: timedelta) -> PastTruth:
    """What the truth of this version's windows before this one said of their estimates.

    Truth of windows that began more than `horizon` before is forgotten.
    """
    if reads is None:
        return NO_TRUTH
    found = reads.findings(ref.name, window.start - horizon, window.start, EvaluationKind.PERFORMANCE)
    lights: dict[str, list[Finding]] = {}
    for one in found:
        if one.model == ref and one.check.test in ESTIMATE_ERRORS:
            lights.setdefault(ESTIMATE_ERRORS[one.check.test].name, []).append(one)
    newest = {name: of_name[-1] for name, of_name in lights.items()}
    refuted = {name: _refutation(one) for name, one in newest.items() if one.verdict is Verdict.WARNING}
    return PastTruth(refuted, {name: [*filter(None, map(_realised, of_name))] for name, of_name in lights.items()})


def _realised(light: Finding) -> float | None:
    """The error of the estimate in units of its standard error; None where an earlier program did not keep it."""
    error = light.result.detail.get("in_standard_errors") if light.result else None
    return error if isinstance(error, float) else None


def greyed(findings: Sequence[Finding]) -> list[Finding]:
    """The findings as they are to be shown: an estimate that its own window's truth contradicted is no verdict."""
    lights = {
        (f.model, f.window, ESTIMATE_ERRORS[f.check.test].name): f
        for f in findings
        if f.check.test in ESTIMATE_ERRORS and f.verdict is Verdict.WARNING
    }
    return [_greyed(f, lights.get((f.model, f.window, f.check.test))) for f in findings]


def _greyed(finding: Finding, light: Finding | None) -> Finding:
    if light is None:
        return finding
    value = f" = {finding.result.statistic:.4g}" if finding.result else ""
    reason = f"{finding.check.name}{value}: {_refutation(light)}"
    return replace(finding, verdict=Verdict.INSUFFICIENT_DATA, reason=reason)


def _judged(one: EstimateCheck, result: TestResult | None, why_not: str, refuted: str) -> Outcome:
    check = one.check
    if why_not or result is None:
        reason = why_not or "not defined on the window's scores and predictions"
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name}: {reason}", None
    verdict, reason = judge(check, result, bad=Verdict.DEGRADED)
    if verdict is Verdict.INSUFFICIENT_DATA:
        return check, verdict, reason, None
    if refuted:
        return check, Verdict.INSUFFICIENT_DATA, f"{check.name} = {result.statistic:.4g}: {refuted}", result
    if not one.is_limited:
        reason = (
            f"{check.name} = {result.statistic:.4g} (95 % interval {result.low:.4g} to {result.high:.4g}), no limit"
        )
        verdict, reason = Verdict.OK, f"{reason} is set"
    return check, verdict, f"{reason.rsplit('; ', 1)[0]}; {_basis(result)}", result


def _basis(result: TestResult) -> str:
    without = f"{result.n_current:,} records without truth"
    match result.detail:
        case {"on_training_data": float(value)}:
            return "; ".join([f"{value:.4g} on the training data", *_remarks(result), without])
        case {"shares": dict(now), "shares_in_training": dict(before)}:
            moved = (f"{name} {before[name]:.1%} -> {share:.1%}" for name, share in now.items())
            return f"{', '.join(moved)}; {without}"
        case _:
            return without


def _remarks(result: TestResult) -> Iterator[str]:
    match result.detail:
        case {"apart": float(apart), "reweighted": float(value)} if apart > 1:
            yield f"{value:.4g} {BY_WEIGHTS}: {ASK}"
    match result.detail:
        case {"stretched_by": float(by), "realised_errors": int(n)}:
            yield f"interval x{by:.2g} by the errors of {n} window{'s' if n > 1 else ''} with truth"


def _compared(metric: EstimatedMetric, estimated: TestResult, realized: TestResult) -> Outcome:
    low, high = stated_interval(estimated)
    true_low, true_high = stated_interval(realized)
    apart = low > true_high or high < true_low
    gap = estimated.statistic - realized.statistic
    known = isinstance(estimated.detail.get("standard_error"), float)
    detail = {"in_standard_errors": standardised(estimated, realized.statistic)} if known else {}
    light = Check(metric.error_name, GROUND_TRUTH, ALL_TRAFFIC, Threshold(sys.float_info.max), 0)
    said = (
        f"estimated {estimated.statistic:.4g} ({low:.4g} to {high:.4g}), "
        f"by the truth {realized.statistic:.4g} ({true_low:.4g} to {true_high:.4g})"
    )
    reason = f"{light.name}: {said}: " + (f"the estimate does not hold; {WHY_NOT}" if apart else "they agree")
    result = TestResult(gap, None, estimated.n_current, realized.n_current, low - true_high, high - true_low, detail)
    return light, Verdict.WARNING if apart else Verdict.OK, reason, result


def _refutation(light: Finding) -> str:
    said = light.reason.partition(": ")[2].partition(": the estimate")[0]
    return f"not to be relied on: the truth of {light.window} contradicts it ({said}); {WHY_NOT}"
