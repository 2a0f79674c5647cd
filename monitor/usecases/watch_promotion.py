"""After a promotion: is the new version at least as good as the old one was, on the windows that it serves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.findings import EvaluationKind, TestResult
from monitor.domain.models import ModelRef, MonitoredModel, truth_name
from monitor.domain.ports import PairReads
from monitor.domain.retraining import JobEnd, RetrainJob, RetrainPolicy
from monitor.domain.stream import JoinSpan
from monitor.domain.verification import JudgedRecord, VerifyPolicy
from monitor.domain.windows import Window
from monitor.rules.guard import serves_since
from monitor.stats.performance.metric import Judged, PerformanceMetric
from monitor.usecases.compare_candidate import CompareCandidate
from monitor.usecases.estimating import FindingReads


@dataclass(frozen=True, slots=True)
class WatchPromotion:
    """Compares the promoted version's first windows with the old version's last ones."""

    findings: FindingReads
    pairs: PairReads
    compare: CompareCandidate

    def verdict(self, model: MonitoredModel, job: RetrainJob, policy: RetrainPolicy) -> tuple[JobEnd, str] | None:
        """How the promotion turned out, with the reason; None while too few windows have their ground truth."""
        if not policy.watch_windows or model.ground_truth is None or job.candidate.version is None:
            return JobEnd.UNWATCHED, "nothing was set up to watch the new version by"
        before, after = self._windows(model, job, policy.watch_windows)
        if len(after) < policy.watch_windows:
            return None
        limits = policy.verify or VerifyPolicy()
        metric = self.compare.metrics[self.compare.names(model, limits)[0]]
        old = self._result(metric, model, ModelRef(model.name, job.request.version), before)
        new = self._result(metric, model, ModelRef(model.name, job.candidate.version), after)
        if old is None or new is None:
            return JobEnd.UNWATCHED, f"{metric.name} is not defined on the windows before and after"
        return _judged(metric, old, new, limits.tolerance, len(after))

    def _windows(self, model: MonitoredModel, job: RetrainJob, n: int) -> tuple[list[Window], list[Window]]:
        """The old version's last and the new version's first `n` windows with ground truth."""
        start = serves_since(job)
        found = self.findings.findings(model.name, kind=EvaluationKind.PERFORMANCE)
        old = {f.window for f in found if f.model.version == job.request.version and start and f.window.end <= start}
        new = {
            f.window for f in found if f.model.version == job.candidate.version and start and f.window.start >= start
        }
        return sorted(old)[-n:], sorted(new)[:n]

    def _result(
        self, metric: PerformanceMetric, model: MonitoredModel, ref: ModelRef, windows: Sequence[Window]
    ) -> TestResult | None:
        if not windows:
            return None
        since_ms, until_ms = windows[0].start_ms, max(window.end_ms for window in windows)
        span = JoinSpan(ref, since_ms, until_ms, truth_name(model.ground_truth))
        return metric.run(_rows(self.pairs.judged(span)), model.positive_label)


def _rows(records: Sequence[JudgedRecord]) -> Judged:
    return Judged.of([(one.prediction, one.score, one.label, one.scores) for one in records])


def _judged(
    metric: PerformanceMetric, old: TestResult, new: TestResult, tolerance: float, n: int
) -> tuple[JobEnd, str]:
    """By the interval of the difference of two independent numbers, from their own intervals (Zou & Donner 2008)."""
    better, worse = (new, old) if metric.higher_is_better else (old, new)
    gain = better.statistic - worse.statistic
    low = gain - math.hypot(better.statistic - _low(better), _high(worse) - worse.statistic)
    high = gain + math.hypot(_high(better) - better.statistic, worse.statistic - _low(worse))
    said = (
        f"{metric.name} {old.statistic:.4g} before, {new.statistic:.4g} in the first {n} windows of the new version:"
        f" gain {gain:+.4g} [{low:+.4g}, {high:+.4g}]"
    )
    if high < -tolerance:
        return JobEnd.WORSE, f"rollback suggested: {said}"
    return (JobEnd.HELPED if low > 0 else JobEnd.NO_WORSE), said


def _low(result: TestResult) -> float:
    return result.statistic if result.low is None else result.low


def _high(result: TestResult) -> float:
    return result.statistic if result.high is None else result.high
