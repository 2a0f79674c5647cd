"""Judge one window of one model version: shares to profile, profile to results, results to findings."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from monitor.domain.checks import Check, Threshold
from monitor.domain.errors import BaselineError, MonitorError, StoreUnavailable
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ColumnSpec, GroundTruthPolicy, ModelRef, MonitoredModel, Task
from monitor.domain.ports import AccountReads, BaselineStore, WindowReads
from monitor.domain.rules import Chart
from monitor.domain.stream import JoinSpan
from monitor.domain.time import MILLISECOND, format_instant
from monitor.domain.windows import Window
from monitor.rules.conditions import RECORDS, TRUTH_COVERAGE
from monitor.rules.explain import WEAK_SEGMENTS
from monitor.stats.attribution.attribution import Attribution
from monitor.stats.baseline import Baseline
from monitor.stats.estimation import CHANGES, ESTIMATE_ERRORS
from monitor.stats.performance.metric import PerformanceMetric, is_proposed
from monitor.stats.performance.odd_labels import no_class
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.proposals import AnyTest
from monitor.stats.row_test import JointRows
from monitor.stats.window_test import WindowData
from monitor.stream.timeline import baseline_at
from monitor.usecases.attributing import Sides, with_attribution
from monitor.usecases.baseline_age import baseline_age
from monitor.usecases.changes import are_explainable, explained
from monitor.usecases.compared import Compared, compared_ahead
from monitor.usecases.coverage import with_coverage
from monitor.usecases.estimating import NO_TRUTH, compare, estimate, past_truth
from monitor.usecases.evidently_checks import EvidentlyRuns, NoEvidently, evidently_outcomes
from monitor.usecases.find_segments import FindSegments
from monitor.usecases.group_fairness import TruthByGroup, selection_outcomes
from monitor.usecases.model_checks import MetricCheck, ModelChecks
from monitor.usecases.naive_error import asks_for_scale, scaled
from monitor.usecases.outcomes import Outcome, run_checks
from monitor.usecases.realized import WindowTruth, known_by_ms, measure, truth_coverage
from monitor.usecases.references import History, References
from monitor.usecases.serving import serving
from monitor.usecases.stored_windows import StoredWindows, Wanted, read_windows, segments_of
from monitor.usecases.volume import Traffic
from monitor.usecases.weak_segments import weak_segments
from monitor.usecases.whole_model import Before, judge_model
from monitor.usecases.window_content import compared_with, merged, window_content

BASELINE = "baseline"
SET_UP = "checks"
"""Checks that every model has, beside those on traffic: there is a baseline, and the other checks fit it."""

NOTHING_BEFORE = Before()

FindBefore = Callable[[MonitoredModel, Evaluation], Before]
"""Where the window before left the check of the whole model."""


class RowReads(Protocol):
    """Where raw rows are kept."""

    def joint(  # noqa: PLR0917 - which rows, of what, compared with what
        self,
        model: MonitoredModel,
        ref: ModelRef,
        window: Window,
        segment: str,
        baseline_id: str,
        schema: Sequence[ColumnSpec],
    ) -> JointRows | str:
        """Rows of the baseline and of the window; in words why they cannot be had."""
        ...


class NoRows:
    """Where nothing is kept."""

    def joint(self, *_: object) -> JointRows | str:
        """There is nothing to compare."""
        return "raw rows are not at hand here"


def _nothing_before(_model: MonitoredModel, _evaluation: Evaluation) -> Before:
    return NOTHING_BEFORE


@dataclass(frozen=True, slots=True)
class Judgement:
    """The findings of one evaluation, and what is at hand to explain them."""

    evaluation: Evaluation
    findings: list[Finding]
    importances: Mapping[str, float] = field(default_factory=dict)
    sides: Sides | None = None

    def charts(self, columns: Iterable[str], most: int = 3) -> tuple[Chart, ...]:
        """Pictures of the first columns that can be drawn, then of those that carry the drift."""
        return () if self.sides is None else self.sides.charts(columns, most)

    def attribution(self, segment: str = ALL_TRAFFIC) -> Attribution | None:
        """What the drift of all traffic, or of a segment, is made of; None where no profile was compared."""
        return None if self.sides is None else self.sides.attribution(segment)


class Judge:
    """Judges evaluations of any model; keeps baselines and their bound checks at hand. Not thread-safe."""

    def __init__(
        self,
        tests: Mapping[str, AnyTest],
        metrics: Mapping[str, PerformanceMetric],
        windows: WindowReads,
        baselines: BaselineStore,
        code_version: str,
        *,
        accounts: AccountReads | None = None,
        findings: History | None = None,
        fairness: TruthByGroup | None = None,
        rows: RowReads | None = None,
        segments: FindSegments | None = None,
        evidently: EvidentlyRuns | None = None,
    ) -> None:
        """Without `accounts` a window is compared neither with the weeks before nor with what was served.

        Without `findings` estimates of performance are not held against the truth; without `fairness` groups are not
        compared by the truth; without `rows` tests of raw rows say that there are none, and metrics of Evidently do
        without `evidently`; without `segments` bad performance is put down to no slice.
        """
        self._checks = ModelChecks(tests, metrics)
        self.metric_names = frozenset({*metrics, TRUTH_COVERAGE, *ESTIMATE_ERRORS, *CHANGES, WEAK_SEGMENTS})
        self._windows, self._store, self.code_version = windows, baselines, code_version
        self._traffic, self._accounts, self._findings = Traffic(accounts), accounts, findings
        self._references, self._fairness, self._rows = References(findings), fairness, rows or NoRows()
        self._segments = segments
        self._evidently = evidently or NoEvidently()
        self._baselines: dict[str, Baseline] = {}

    def read(self, wanted: Iterable[Wanted]) -> StoredWindows:
        """What the database holds of windows that are judged next, of however many models."""
        return read_windows(wanted, self._windows, self._store, self._accounts)

    def judge_all(
        self, portion: Sequence[Wanted], stored: StoredWindows, now: datetime, before: FindBefore = _nothing_before
    ) -> Iterator[Judgement]:
        """What `judge` says of each, in their order, with what they have in common worked out once.

        Each is judged when it is asked for: what the one before it led to may be saved by then. `stored` was read for
        them; `before` finds where the window before left the check of the whole model.
        """
        ahead = compared_ahead(portion, lambda model, one: self._compared(model, one, stored, before(model, one)))
        for place, (model, evaluation) in enumerate(portion):
            compared = ahead.pop(place, None)
            came_before = before(model, evaluation) if compared is None else compared.before
            yield self.judge(model, evaluation, stored, now, came_before, compared)

    def judge(  # noqa: PLR0917 - a window, what came before it, and what is known of it
        self,
        model: MonitoredModel,
        evaluation: Evaluation,
        stored: StoredWindows,
        now: datetime,
        before: Before = NOTHING_BEFORE,
        compared: Compared | None = None,
    ) -> Judgement:
        """All findings of the evaluation; a check that breaks is a failed finding and harms no other.

        `stored` was read for this evaluation, perhaps among others; `before` is where the window before left the check
        of the whole model; `compared` is what `judge_all` knows of it already.
        """
        judgement = self._judgement(model, evaluation, stored, now, before, compared)
        if evaluation.kind is not EvaluationKind.DRIFT:
            return judgement
        said = stored.statements_of(evaluation.model, evaluation.window)
        return replace(judgement, findings=with_coverage(judgement.findings, evaluation, said, model.low_coverage))

    def _judgement(  # noqa: PLR0917 - as above
        self,
        model: MonitoredModel,
        evaluation: Evaluation,
        stored: StoredWindows,
        now: datetime,
        before: Before,
        compared: Compared | None,
    ) -> Judgement:
        try:
            if evaluation.mark == 0 and evaluation.kind is EvaluationKind.DRIFT:
                return Judgement(evaluation, self._came(model, evaluation, self._no_evidence(now)))
            if evaluation.kind is EvaluationKind.PERFORMANCE:
                return self._performance(model, evaluation, now)
            compared = compared or self._compared(model, evaluation, stored, before)
            if compared is None:
                return self._without_baseline(model, evaluation, now)
            return self._drift(model, evaluation, stored, now, compared)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one model must not starve the others
            why = str(error) if isinstance(error, MonitorError) else f"{type(error).__name__}: {error}"
            return self._impossible(model, evaluation, why, now)

    # --- drift

    def _compared(
        self, model: MonitoredModel, evaluation: Evaluation, stored: StoredWindows, before: Before
    ) -> Compared | None:
        """The window beside its baseline; None where there is none."""
        shares = {name: stored.shares_of(evaluation.model, name, evaluation.window) for name in segments_of(model)}
        baseline_id = compared_with(shares[ALL_TRAFFIC], stored.timelines.get(model.name, ()))
        if baseline_id is None:
            return None
        baseline = self._baseline(baseline_id)
        content = window_content(shares, baseline_id, baseline)
        drift = self._checks.of_model(model, baseline_id, baseline)
        checks = self._checks.of_drift(model, baseline_id, baseline)
        return Compared(baseline_id, baseline, content, drift, checks, before)

    def _drift(
        self, model: MonitoredModel, evaluation: Evaluation, stored: StoredWindows, now: datetime, compared: Compared
    ) -> Judgement:
        baseline_id, baseline, content = compared.baseline_id, compared.baseline, compared.content
        evidence = Evidence(baseline_id, content.digest, content.offsets, self.code_version, format_instant(now))
        findings, coverage = self._traffic.findings(model, evaluation, evidence), content.coverage
        sides = Sides(baseline, content.profiles, model.segments, model.min_records)
        if compared.drift is not None:
            of_model = judge_model(
                model, compared.drift, evaluation, content.profiles, evidence, compared.before, coverage, compared.said
            )
            findings.append(with_attribution(of_model, sides))
        ref, window, schema = evaluation.model, evaluation.window, baseline.schema

        def read_rows(segment: str) -> JointRows | str:
            return self._rows.joint(model, ref, window, segment, baseline_id, schema)

        for segment, bound in compared.checks.items():
            profile = content.profiles.get(segment)
            duplicates = stored.duplicates_of(evaluation.model, evaluation.window) if not segment else None
            data = None if profile is None else WindowData(profile, duplicates)
            outcomes = run_checks(bound, segment, baseline, data, partial(read_rows, segment), compared.results)
            findings += _findings(evaluation, outcomes, evidence, coverage)
        of_evidently = evidently_outcomes(model, self._evidently, read_rows)
        findings += _findings(evaluation, of_evidently, evidence, coverage)
        for what, bound in self._checks.of_references(model, baseline_id, baseline).items():
            outcomes = self._references.run(bound, what, evaluation, stored, content, baseline_id, baseline)
            findings += _findings(evaluation, outcomes, evidence, coverage)
        findings += _findings(evaluation, selection_outcomes(model, content.profiles), evidence, coverage)
        estimates = self._estimates(model, evaluation, baseline, content.profiles)
        findings += _findings(evaluation, estimates, evidence, coverage)
        findings += _findings(
            evaluation, baseline_age(model.max_baseline_age, baseline, evaluation.window), evidence, coverage
        )
        served = serving(self._checks.of_serving(model), content.profiles, evaluation.mark, evaluation.window)
        findings += _findings(evaluation, served, evidence, coverage)
        return Judgement(evaluation, findings, baseline.importances, sides)

    def _estimates(
        self,
        model: MonitoredModel,
        evaluation: Evaluation,
        baseline: Baseline,
        profiles: Mapping[str, ModelProfile],
    ) -> list[Outcome]:
        past = NO_TRUTH
        if model.ground_truth is not None and baseline.outcomes is not None:
            horizon = model.ground_truth.horizon
            past = past_truth(self._findings, evaluation.model, evaluation.window, horizon)
        return estimate(self._checks.of_estimates(model), baseline, profiles, past)

    def baseline_at(self, ref: ModelRef, at_ms: int) -> Baseline | None:
        """What records of this event time are compared with; None where there is nothing, or nobody can read it."""
        baseline_id = baseline_at(self._store.timeline(ref.name), ref.version, at_ms)
        try:
            return None if baseline_id is None else self._baseline(baseline_id)
        except BaselineError:
            return None

    def _baseline(self, baseline_id: str) -> Baseline:
        if baseline_id not in self._baselines:
            self._baselines[baseline_id] = Baseline.from_bytes(self._store.get(baseline_id))
        return self._baselines[baseline_id]

    # --- what needs no profile

    def _without_baseline(self, model: MonitoredModel, evaluation: Evaluation, now: datetime) -> Judgement:
        evidence, ref = self._no_evidence(now), evaluation.model
        check = Check(BASELINE, RECORDS, ALL_TRAFFIC, Threshold(0.0, below=True), 1)
        command = f"driftline baseline build --model {ref.name} --version {ref.version} FILE"
        reason = f"{evaluation.mark:,} records, but no baseline to compare them with: build one with `{command}`"
        finding = _finding(evaluation, check, Verdict.INSUFFICIENT_DATA, reason, None, evidence)
        return Judgement(evaluation, [*self._came(model, evaluation, evidence), finding])

    def _came(self, model: MonitoredModel, evaluation: Evaluation, evidence: Evidence) -> list[Finding]:
        """What is known of a window without its profile: whether records came, and how many."""
        served = serving(self._checks.of_serving(model), {}, evaluation.mark, evaluation.window)
        found = self._traffic.findings(model, evaluation, evidence)
        return [*found, *_findings(evaluation, served, evidence, None)]

    def _impossible(self, model: MonitoredModel, evaluation: Evaluation, why: str, now: datetime) -> Judgement:
        check = Check(SET_UP, RECORDS, ALL_TRAFFIC, Threshold(0.0, below=True), 0)
        evidence = self._no_evidence(now)
        finding = _finding(evaluation, check, Verdict.FAILED, f"the checks cannot be run: {why}", None, evidence)
        is_drift = evaluation.kind is EvaluationKind.DRIFT
        came = self._traffic.findings(model, evaluation, evidence) if is_drift else []
        return Judgement(evaluation, [*came, finding])

    def _no_evidence(self, now: datetime) -> Evidence:
        return Evidence("", "", {}, self.code_version, format_instant(now))

    # --- performance

    def _performance(self, model: MonitoredModel, evaluation: Evaluation, now: datetime) -> Judgement:
        truth = self._truth(model, evaluation)
        digest = hashlib.blake2b(repr([row[:3] for row in truth.rows]).encode(), digest_size=16).hexdigest()
        evidence = Evidence("", digest, {}, self.code_version, format_instant(now))
        judged = truth.judged
        checks = self._metric_checks(model, evaluation)
        odd = no_class(judged, model.positive_label)
        outcomes = [measure(one, judged, model.positive_label, odd) for one in checks]
        findings = _findings(evaluation, outcomes, evidence, truth.coverage)
        if model.ground_truth is not None:
            outcomes = [
                truth_coverage(model.ground_truth, truth, _said_by_truth(model, checks)),
                *self._lights(evaluation, findings),
            ]
            findings += _findings(evaluation, outcomes, evidence, truth.coverage)
            found = self._changes(model, evaluation, truth, findings)
            findings += _findings(evaluation, found, evidence, truth.coverage)
            fair = self._fairness.outcomes(model, _span(model.ground_truth, evaluation)) if self._fairness else []
            findings += _findings(evaluation, fair, evidence, truth.coverage)
            weak = weak_segments(self._segments, model, evaluation, findings) if self._segments else []
            findings += _findings(evaluation, weak, evidence, truth.coverage)
        return Judgement(evaluation, findings)

    def _metric_checks(self, model: MonitoredModel, evaluation: Evaluation) -> Sequence[MetricCheck]:
        """The model's metrics, with what the version's baseline knows of them."""
        checks = self._checks.of_performance(model)
        if not asks_for_scale(checks):
            return checks
        baseline_id = baseline_at(
            self._store.timeline(model.recorded_as), evaluation.model.version, evaluation.window.start_ms
        )
        return checks if baseline_id is None else scaled(checks, self._baseline(baseline_id).naive_error)

    def _truth(self, model: MonitoredModel, evaluation: Evaluation) -> WindowTruth:
        """The window's predictions with the truth that was known in time."""
        window, ref, policy = evaluation.window, evaluation.model, model.ground_truth
        if policy is None:
            return WindowTruth((), 0)
        predicted = self._windows.predictions_count(ref, window.start_ms, window.end_ms)
        return WindowTruth(self._windows.joined(_span(policy, evaluation)), predicted)

    def _changes(
        self, model: MonitoredModel, evaluation: Evaluation, truth: WindowTruth, realized: Iterable[Finding]
    ) -> list[Outcome]:
        """Where the changes of its metrics come from; the window's profile is read where there may be one."""
        known = {f.check.test: f.result for f in realized if f.result is not None}
        timeline = self._store.timelines({model.name}).get(model.name, ())
        if not are_explainable(known) or not timeline or self._baseline(timeline[-1][2]).tried is None:
            return []
        came = replace(evaluation, kind=EvaluationKind.DRIFT, mark=1)
        stored = read_windows([(model, came)], self._windows, self._store)
        shares = stored.shares_of(evaluation.model, ALL_TRAFFIC, evaluation.window)
        baseline_id = compared_with(shares, timeline)
        if baseline_id is None:
            return []
        baseline = self._baseline(baseline_id)
        profile = merged(shares, baseline_id, baseline)
        return explained(baseline, profile, [row.label for row in truth.rows], known)

    def _lights(self, evaluation: Evaluation, realized: Iterable[Finding]) -> list[Outcome]:
        """The window's estimates against its truth."""
        if self._findings is None:
            return []
        window = evaluation.window
        stored = self._findings.findings(
            evaluation.model.name, window.start, window.start + MILLISECOND, EvaluationKind.DRIFT
        )
        of_window = [f for f in stored if f.model == evaluation.model and f.window == window]
        known = {f.check.test: f.result for f in realized if f.result is not None}
        return compare(of_window, known)


def _said_by_truth(model: MonitoredModel, checks: Iterable[MetricCheck]) -> Task | None:
    """The model's task, where the truth says what the model predicts: a thumb does not."""
    compares = any(model.task in one.metric.tasks and is_proposed(one.metric) for one in checks)
    return model.task if compares else None


def _span(policy: GroundTruthPolicy, evaluation: Evaluation) -> JoinSpan:
    window = evaluation.window
    return JoinSpan(evaluation.model, window.start_ms, window.end_ms, policy.name, known_by_ms(window, policy))


def _finding(  # noqa: PLR0917 - the parts of a finding
    evaluation: Evaluation,
    check: Check,
    verdict: Verdict,
    reason: str,
    result: TestResult | None,
    evidence: Evidence,
) -> Finding:
    e = evaluation
    return Finding(e.model, check, e.window, e.revision, verdict, reason, result, evidence, e.kind)


def _findings(
    evaluation: Evaluation, outcomes: Iterable[Outcome], evidence: Evidence, coverage: float | None
) -> list[Finding]:
    ref, window, revision, kind = evaluation.model, evaluation.window, evaluation.revision, evaluation.kind
    return [
        Finding(ref, check, window, revision, verdict, reason, result, evidence, kind, coverage)
        for check, verdict, reason, result in outcomes
    ]
