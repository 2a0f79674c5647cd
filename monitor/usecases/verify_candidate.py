"""Verification: the answer about a candidate, and when the next look at it is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from monitor.domain.errors import BaselineError
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef, MonitoredModel, truth_name
from monitor.domain.ports import PairReads
from monitor.domain.retraining import RetrainJob
from monitor.domain.stream import JoinSpan
from monitor.domain.time import format_duration
from monitor.domain.verification import Answer, Comparison, JudgedRecord, Verification, VerifyPolicy
from monitor.domain.windows import Window
from monitor.usecases.compare_candidate import ALL, HOLDOUT, CompareCandidate, Pair, SegmentReads, compare_segments
from monitor.usecases.estimating import FindingReads

_RISK = 0.05
Scores = Mapping[str, tuple[str, float | None]]
"""Event id -> (prediction, score)."""


class ScoreFiles(Protocol):
    """Files of the pipeline and of the operator; BaselineError says what is wrong with one."""

    def scores(self, place: str) -> Mapping[str, Scores]:
        """Predictions by version."""
        ...

    def holdout(self, place: str) -> Mapping[str, str]:
        """Event id -> true label of the frozen records."""
        ...


@dataclass(frozen=True, slots=True)
class VerifyCandidate:
    """Looks at a candidate beside its champion, the version that the request was about."""

    findings: FindingReads
    pairs: PairReads
    compare: CompareCandidate
    files: ScoreFiles
    segments: SegmentReads

    def windows(self, model: MonitoredModel, job: RetrainJob) -> list[Window]:
        """The champion's windows with ground truth that no training data of the candidate can reach into."""
        since = job.candidate.trained_until or job.request.at
        found = self.findings.findings(model.name, since, kind=EvaluationKind.PERFORMANCE)
        return sorted({one.window for one in found if one.model.version == job.request.version})

    def look(self, model: MonitoredModel, job: RetrainJob, policy: VerifyPolicy, now: datetime) -> Verification | None:
        """The answer when a look is due (enough new windows, or the deadline), else None."""
        windows, before = self.windows(model, job), job.candidate.verification
        looks, due_at = (before.looks, before.next_look) if before else (0, policy.windows)
        is_over = now - (job.candidate.since or job.changed_at) >= policy.deadline
        is_last = is_over and not (before and before.is_final)
        if len(windows) < due_at and not is_last:
            return None
        report = replace(self.report(model, job, policy), looks=looks + 1, is_final=is_over)
        report = replace(report, next_look=policy.windows * 2**report.looks)
        return _at_the_end(report, policy) if is_over and report.answer is Answer.WAIT else report

    def report(self, model: MonitoredModel, job: RetrainJob, policy: VerifyPolicy) -> Verification:
        """How things stand now, with the confidence of the next look; changes nothing."""
        before = job.candidate.verification
        looks = before.looks if before else 0
        confidence, windows = 1 - _RISK / 2 ** (looks + 1), self.windows(model, job)
        notes: list[str] = []
        pairs = self._pairs(model, job, windows, notes)
        names = self.compare.names(model, policy)
        found = self.compare.of(model, names, pairs, ALL, confidence)
        ref = ModelRef(model.name, job.request.version)
        found += compare_segments(self.compare, self.segments, model, ref, names[0], pairs, confidence, notes)
        found += self._on_holdout(model, job, policy, names, confidence, notes)
        answer, because = judge_candidate(found, policy)
        return Verification(
            answer,
            because,
            champion=job.request.version,
            candidate=job.candidate.version or "",
            windows=len(windows),
            pairs=len(pairs),
            confidence=confidence,
            comparisons=tuple(found),
            notes=tuple(notes),
            looks=looks,
            next_look=policy.windows * 2**looks,
        )

    # --- what is compared

    def _pairs(self, model: MonitoredModel, job: RetrainJob, windows: Sequence[Window], notes: list[str]) -> list[Pair]:
        if not windows or job.candidate.version is None:
            return []
        since_ms, until_ms = windows[0].start_ms, max(window.end_ms for window in windows)
        span = JoinSpan(ModelRef(model.name, job.request.version), since_ms, until_ms, truth_name(model.ground_truth))
        champion = self.pairs.judged(span)
        beside = self.pairs.judged(replace(span, ref=ModelRef(model.name, job.candidate.version)))
        shadow = {one.event_id: one for one in beside}
        scored = self._scored(job, notes).get(job.candidate.version, {})
        pairs = [(one, other) for one in champion if (other := shadow.get(one.event_id) or _as(one, scored))]
        notes += _where_from(pairs, shadow, len(champion))
        return pairs

    def _scored(self, job: RetrainJob, notes: list[str]) -> Mapping[str, Scores]:
        if job.candidate.scores is None:
            return {}
        try:
            return self.files.scores(job.candidate.scores)
        except BaselineError as error:
            notes.append(f"the scores of the call-back are left out: {error}")
            return {}

    def _on_holdout(  # noqa: PLR0917 - what is compared, and how
        self,
        model: MonitoredModel,
        job: RetrainJob,
        policy: VerifyPolicy,
        names: Sequence[str],
        confidence: float,
        notes: list[str],
    ) -> list[Comparison]:
        if policy.holdout is None:
            return []
        try:
            truths, scored = self.files.holdout(policy.holdout), self._scored(job, [])
        except BaselineError as error:
            notes.append(f"no hold-out: {error}")
            return []
        of_champion = scored.get(job.request.version, {})
        of_candidate = scored.get(job.candidate.version or "", {})
        both = sorted(truths.keys() & of_champion.keys() & of_candidate.keys())
        if len(both) < len(truths):
            notes.append(f"{len(both):,} of the hold-out's {len(truths):,} records were scored by both versions")
        pairs = [(_record(i, of_champion[i], truths[i]), _record(i, of_candidate[i], truths[i])) for i in both]
        return self.compare.of(model, names, pairs, HOLDOUT, confidence)


def judge_candidate(found: Sequence[Comparison], policy: VerifyPolicy) -> tuple[Answer, str]:
    """The answer and its reason, from comparisons of which the first decides and no other may be surely worse."""
    first = found[0]
    if first.gain is None or first.low is None or first.high is None:
        return Answer.WAIT, f"{first.metric} cannot be compared on {first.n:,} pairs"
    said = f"{first.metric} {_words(first)}"
    if first.n < policy.min_truth:
        return Answer.WAIT, f"{first.n:,} pairs with ground truth, {policy.min_truth:,} are needed; so far {said}"
    for one in found:
        if one.metric == first.metric and one.high is not None and one.high < -policy.tolerance:
            return Answer.REJECT, f"surely worse: {one.metric} on {one.scope} {_words(one)}"
    if not policy.not_worse and first.high <= 0:
        return Answer.REJECT, f"surely no better: {said}"
    bar = -policy.tolerance if policy.not_worse else 0.0
    if first.low > bar:
        return Answer.PROMOTE, f"{'surely not worse' if policy.not_worse else 'surely better'}: {said}"
    return Answer.WAIT, f"not decided: {said}"


def _at_the_end(report: Verification, policy: VerifyPolicy) -> Verification:
    waited = format_duration(policy.deadline)
    if report.pairs < policy.min_truth:
        why = f"{report.because}; no more came within {waited}: a person decides"
        return replace(report, because=why)
    return replace(report, answer=Answer.REJECT, because=f"not shown to be better within {waited}: {report.because}")


def _words(one: Comparison) -> str:
    return (
        f"{one.champion:.4g} -> {one.candidate:.4g}, gain {one.gain:+.4g} [{one.low:+.4g}, {one.high:+.4g}]"
        f" on {one.n:,} pairs"
    )


def _as(champion: JudgedRecord, scored: Scores) -> JudgedRecord | None:
    found = scored.get(champion.event_id)
    return None if found is None else replace(champion, prediction=found[0], score=found[1])


def _record(event_id: str, scored: tuple[str, float | None], label: str) -> JudgedRecord:
    return JudgedRecord(event_id, 0, scored[0], scored[1], label)


def _where_from(pairs: Sequence[Pair], shadow: Mapping[str, JudgedRecord], n: int) -> list[str]:
    if not n:
        return []
    by_shadow = sum(champion.event_id in shadow for champion, _ in pairs)
    scored = len(pairs) - by_shadow
    said = f"{len(pairs):,} of the champion's {n:,} judged predictions have one of the candidate"
    return [f"{said}: {by_shadow:,} from the stream, {scored:,} scored by the pipeline"]
