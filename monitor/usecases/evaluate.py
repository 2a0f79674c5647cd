"""Judge what is due: shares to findings to transitions and alert events, one transaction a window."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.errors import MonitorError, StoreUnavailable
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.ports import BaselineStore, EvaluationStore, WindowReads
from monitor.domain.rules import Chart, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PartitionProgress, Share
from monitor.domain.time import duration_ms, to_ms
from monitor.domain.windows import Window
from monitor.rules.charts import drift_chart
from monitor.schedule.closing import closes_until_ms
from monitor.schedule.due import due
from monitor.stats.baseline import Baseline
from monitor.stats.drift_test import DriftTest
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stream.timeline import Promotion
from monitor.usecases.judging import (
    Bench,
    drift_findings,
    failed_finding,
    no_baseline_finding,
    performance_findings,
    silence_finding,
)
from monitor.usecases.model_checks import ModelChecks
from monitor.usecases.model_panes import ModelPanes
from monitor.usecases.rule_folding import Folded, JudgedWindow, fold_rules
from monitor.usecases.window_content import WindowContent, compared_with, window_content

_MAX_CHARTS = 3
_CHUNK_PANES = 64
"""Shares of so many panes are read at once: enough to save queries, few enough to fit in memory."""

_NOTHING_BEFORE_MS = -1

Link = Callable[[ModelRef, Window], str | None]


@dataclass(frozen=True, slots=True)
class EvaluateReport:
    """What one run did, in the order of the windows; `is_complete` is False when another process was at it, too."""

    evaluations: tuple[Evaluation, ...] = ()
    findings: tuple[Finding, ...] = ()
    transitions: tuple[Transition, ...] = ()
    events: int = 0
    requests: int = 0
    is_complete: bool = True

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Number of findings by verdict."""
        return Counter(finding.verdict for finding in self.findings)


@dataclass(slots=True)
class _Tally:
    evaluations: list[Evaluation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    events: int = 0
    requests: int = 0
    is_complete: bool = True

    def add(self, commit: EvaluationCommit) -> None:
        self.evaluations.append(commit.evaluation)
        self.findings += commit.findings
        self.transitions += commit.transitions
        self.events += len(commit.events)
        self.requests += len(commit.requests)

    def report(self) -> EvaluateReport:
        return EvaluateReport(
            tuple(self.evaluations),
            tuple(self.findings),
            tuple(self.transitions),
            self.events,
            self.requests,
            self.is_complete,
        )


@dataclass(slots=True)
class _Run:
    """One model in one run."""

    model: MonitoredModel
    now: datetime
    panes: ModelPanes
    timeline: Sequence[Promotion]
    states: dict[Subject, RuleState]
    shares: Mapping[tuple[str, str], Mapping[int, list[Share]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Findings of one evaluation, and what they were made from where there was a baseline."""

    findings: list[Finding]
    baseline: Baseline | None = None
    content: WindowContent | None = None


class Evaluate:
    """The evaluation of all models. Any number of processes may run it: what one has committed, others skip.

    `tests` and `metrics` are the drift tests and performance metrics by name, `link` gives the address of a window's
    report. Raises StoreUnavailable when the database cannot serve: what was committed until then stays. Not
    thread-safe: it keeps baselines and bound checks at hand.
    """

    def __init__(
        self,
        models: Mapping[str, MonitoredModel],
        rules: Sequence[Rule],
        tests: Mapping[str, DriftTest],
        metrics: Mapping[str, PerformanceMetric],
        *,
        windows: WindowReads,
        baselines: BaselineStore,
        store: EvaluationStore,
        code_version: str,
        link: Link = lambda _ref, _window: None,
    ) -> None:
        self._models, self._rules, self._link = models, rules, link
        self._checks = ModelChecks(tests, metrics)
        self._windows, self._store, self._baseline_store = windows, store, baselines
        self._code_version = code_version
        self._baselines: dict[str, Baseline] = {}
        self._settled_ms: dict[str, int] = {}

    def run_once(self, now: datetime) -> EvaluateReport:
        """Judge every window that is due, model by model, oldest first. `now` is only written down."""
        tally = _Tally()
        progress = self._windows.progress()
        for model in self._models.values():
            self._run_model(model, progress, now, tally)
        return tally.report()

    def _run_model(
        self, model: MonitoredModel, progress: Sequence[PartitionProgress], now: datetime, tally: _Tally
    ) -> None:
        closed_ms = closes_until_ms(model, progress)
        if closed_ms is None:
            return
        since_ms = self._since_ms(model, closed_ms)
        spec = model.windows
        done = self._store.done(model.name, since_ms - spec.slide_ms - 1)
        floor_ms = max(0, since_ms - spec.size_ms)
        panes = self._windows.panes(model.name, floor_ms, closed_ms, spec.slide_ms)
        found = [e for e in due([model], progress, panes, done) if e.window.end_ms > since_ms]
        if found:
            timeline = self._baseline_store.timeline(model.name)
            states = self._store.rule_states(model.name)  # after `done`: see _evaluate
            run = _Run(model, now, ModelPanes(spec, panes, floor_ms), timeline, states)
            if not self._evaluate_all(run, found, tally):
                tally.is_complete = False
                return
        self._settled_ms[model.name] = closed_ms

    def _since_ms(self, model: MonitoredModel, closed_ms: int) -> int:
        """Every window that ends before this instant is settled: judged, and beyond any revision."""
        truth = model.ground_truth
        waits = [model.retention, *([truth.wait, truth.horizon] if truth else [])]
        horizon_ms = closed_ms - duration_ms(max(waits)) - model.windows.size_ms
        if model.name in self._settled_ms:
            return min(self._settled_ms[model.name], horizon_ms)
        judged = self._store.done(model.name, horizon_ms)
        return horizon_ms if any(d.kind is EvaluationKind.DRIFT for d in judged) else _NOTHING_BEFORE_MS

    def _evaluate_all(self, run: _Run, found: Sequence[Evaluation], tally: _Tally) -> bool:
        for chunk in _chunks(found, _CHUNK_PANES * run.model.windows.slide_ms):
            run.shares = self._read_shares(run.model, chunk)
            for evaluation in chunk:
                commit = self._evaluate(run, evaluation)
                if not self._store.commit(commit):
                    return False  # another process came first: our rule states are old, the next run starts from its
                run.states.update(commit.states)
                tally.add(commit)
        return True

    def _read_shares(
        self, model: MonitoredModel, chunk: Sequence[Evaluation]
    ) -> dict[tuple[str, str], dict[int, list[Share]]]:
        filled = [e for e in chunk if e.kind is EvaluationKind.DRIFT and e.mark]
        found: dict[tuple[str, str], dict[int, list[Share]]] = {}
        for ref in sorted({e.model for e in filled}):
            since_ms = min(e.window.start_ms for e in filled if e.model == ref)
            until_ms = max(e.window.end_ms for e in filled if e.model == ref)
            for segment in (ALL_TRAFFIC, *(one.name for one in model.segments)):
                by_pane = found.setdefault((ref.version, segment), {})
                for share in self._windows.shares(ref, segment, since_ms, until_ms):
                    by_pane.setdefault(share.key.pane_start_ms, []).append(share)
        return found

    def _evaluate(self, run: _Run, evaluation: Evaluation) -> EvaluationCommit:
        bench = Bench(evaluation, self._code_version, run.now)
        judged = self._judge(run, bench)
        folded = Folded()
        if run.panes.serving(evaluation.window, evaluation.model.version) == evaluation.model.version:
            folded = fold_rules(self._rules, run.states, self._to_fold(run, evaluation, judged))
        return EvaluationCommit(
            evaluation,
            judged.findings,
            folded.states,
            folded.transitions,
            folded.events,
            folded.requests,
            to_ms(run.now),
        )

    def _judge(self, run: _Run, bench: Bench) -> _Judged:
        evaluation = bench.evaluation
        try:
            if evaluation.kind is EvaluationKind.PERFORMANCE:
                return _Judged(list(self._performance(run, bench)))
            judged = self._drift(run, bench) if evaluation.mark else _Judged([])
        except StoreUnavailable:
            raise
        except MonitorError as error:
            judged = _Judged([failed_finding(bench, str(error))])
        silence = silence_finding(bench, run.model, run.panes.quiet(evaluation.window), evaluation.mark)
        if silence is not None:
            judged.findings.append(silence)
        return judged

    def _drift(self, run: _Run, bench: Bench) -> _Judged:
        evaluation = bench.evaluation
        shares = _of_window(run, evaluation)
        baseline_id = compared_with(shares[ALL_TRAFFIC], run.timeline)
        if baseline_id is None:
            return _Judged(
                [no_baseline_finding(bench, evaluation.model, evaluation.mark, has_baseline=bool(run.timeline))]
            )
        baseline = self._baseline(baseline_id)
        checks = self._checks.of_drift(run.model, baseline_id, baseline)
        content = window_content({s: shares[s] for s in (ALL_TRAFFIC, *checks)}, baseline_id, baseline)
        return _Judged(list(drift_findings(bench, checks, baseline, baseline_id, content)), baseline, content)

    def _performance(self, run: _Run, bench: Bench) -> Iterator[Finding]:
        ref, window = bench.evaluation.model, bench.evaluation.window
        rows = self._windows.joined(ref, window.start_ms, window.end_ms)
        count = self._windows.predictions_count(ref, window.start_ms, window.end_ms)
        checks = self._checks.of_performance(run.model)
        return performance_findings(bench, checks, rows, count, run.model.positive_label)

    def _baseline(self, baseline_id: str) -> Baseline:
        if baseline_id not in self._baselines:
            self._baselines[baseline_id] = Baseline.from_bytes(self._baseline_store.get(baseline_id))
        return self._baselines[baseline_id]

    def _to_fold(self, run: _Run, evaluation: Evaluation, judged: _Judged) -> JudgedWindow:
        ref, window = evaluation.model, evaluation.window
        findings = judged.findings
        if evaluation.kind is EvaluationKind.PERFORMANCE:  # a rule may join both kinds over one window
            found = self._store.findings(ref.name, window.start, window.start + run.model.windows.slide, _DRIFT)
            findings = findings + [f for f in found if f.model == ref and f.window == window]
        return JudgedWindow(
            model=run.model,
            ref=ref,
            window=window,
            findings=findings,
            importances=judged.baseline.importances if judged.baseline else {},
            draw=lambda causes: _charts(causes, judged),
            history=lambda since: self._history(run, since),
            link=self._link(ref, window),
        )

    def _history(self, run: _Run, since: datetime) -> list[tuple[Window, list[Finding]]]:
        by_window: dict[Window, list[Finding]] = {}
        for finding in self._store.findings(run.model.name, since - run.model.windows.size):
            serving = run.panes.serving(finding.window, finding.model.version)
            if finding.window.end >= since and finding.model.version == serving:
                by_window.setdefault(finding.window, []).append(finding)
        return sorted(by_window.items())


_DRIFT = EvaluationKind.DRIFT


def _of_window(run: _Run, evaluation: Evaluation) -> dict[str, list[Share]]:
    window, slide_ms = evaluation.window, run.model.windows.slide_ms
    panes = range(window.start_ms, window.end_ms, slide_ms)
    segments = (ALL_TRAFFIC, *(one.name for one in run.model.segments))
    return {
        segment: [
            share for pane in panes for share in run.shares.get((evaluation.model.version, segment), {}).get(pane, ())
        ]
        for segment in segments
    }


def _charts(causes: Sequence[Finding], judged: _Judged) -> tuple[Chart, ...]:
    if judged.baseline is None or judged.content is None:
        return ()
    charts: dict[tuple[str, str], Chart] = {}
    for cause in causes:
        check = cause.check
        current = judged.content.profiles.get(check.segment)
        if current is None or check.column not in current.columns or (check.segment, check.column) in charts:
            continue
        title = check.column + (f" [{check.segment}]" if check.segment else "")
        baseline = judged.baseline.profiles(check.segment)[check.column]
        chart = drift_chart(title, baseline, current.columns[check.column])
        if chart is not None:
            charts[check.segment, check.column] = chart
        if len(charts) == _MAX_CHARTS:
            break
    return tuple(charts.values())


def _chunks(evaluations: Sequence[Evaluation], span_ms: int) -> Iterator[list[Evaluation]]:
    """Runs of evaluations whose windows lie within a span of event time (one at least), in their order."""
    chunk: list[Evaluation] = []
    for evaluation in evaluations:
        if chunk and evaluation.window.end_ms - chunk[0].window.start_ms > span_ms:
            yield chunk
            chunk = []
        chunk.append(evaluation)
    if chunk:
        yield chunk
