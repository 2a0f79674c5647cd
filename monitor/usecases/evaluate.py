"""Judge what is due, fold the rules over it, and save both with the alert events that follow."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.domain.evaluation import DoneEvaluation, Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import EvaluationStore, WindowReads
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PaneSummary, PartitionProgress
from monitor.domain.time import duration_ms, to_ms
from monitor.domain.windows import Window
from monitor.rules.conditions import Outcome, evaluate, watches_performance
from monitor.rules.explain import Occasion, firing_event, resolved_event
from monitor.rules.fold import advance, may_refold, refold, refold_since, was_folded
from monitor.schedule.closing import closes_until_ms
from monitor.schedule.due import due
from monitor.usecases.judging import Judge, Judgement

_REQUESTED = "A retraining job is requested; the model's policy decides."


@dataclass(slots=True)
class EvaluateReport:
    """What one run did: windows judged by model, findings by verdict, events by rule."""

    judged: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    transitions: list[Transition] = field(default_factory=list)
    requests: int = 0

    @property
    def windows(self) -> int:
        """Number of windows judged."""
        return self.judged.total()


@dataclass(slots=True)
class _Folded:
    states: dict[Subject, RuleState] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)
    requests: list[RetrainRequest] = field(default_factory=list)


class Evaluate:
    """The evaluation of all models; one run at a time. Correct however often, late or doubled it is called."""

    def __init__(
        self,
        models: Mapping[str, MonitoredModel],
        rules: Sequence[Rule],
        judge: Judge,
        windows: WindowReads,
        store: EvaluationStore,
        *,
        spread: timedelta = timedelta(0),
        sweep_every: timedelta = timedelta(0),
        link: Callable[[str, Window], str | None] = lambda _model, _window: None,
    ) -> None:
        self._models, self._rules, self._judge = models, rules, judge
        self._windows, self._store, self._spread, self._link = windows, store, spread, link
        self._sweep_every = sweep_every
        self._swept_at: datetime | None = None
        self._closed_to: dict[str, int] = {}

    def run_once(self, now: datetime) -> EvaluateReport:
        """Judge everything that is due as of `now`; the present is only noted in the evidence.

        A model none of whose windows has closed since the last run is asked for late records and late truth once every
        `sweep_every` only, so that knocking every second costs thousands of quiet models nothing.
        """
        report = EvaluateReport()
        progress = self._windows.progress()
        sweep = self._swept_at is None or now - self._swept_at >= self._sweep_every
        for model in self._models.values():
            until_ms = closes_until_ms(model, progress)
            if until_ms is None:
                continue
            closed_to = until_ms // model.windows.slide_ms
            if not sweep and self._closed_to.get(model.name) == closed_to:
                continue
            for evaluation in self._due(model, progress, until_ms):
                self._evaluate(model, evaluation, now, report)
            self._closed_to[model.name] = closed_to
        if sweep:
            self._swept_at = now
        return report

    # --- what is due

    def _due(self, model: MonitoredModel, progress: Sequence[PartitionProgress], until_ms: int) -> list[Evaluation]:
        reach_ms = _reach_ms(model)
        # the clock may have closed windows of a silent stream that is far behind it, and still accepts what is to come
        known_ms = min([until_ms, *(p.watermark_ms for p in progress if p.watermark_ms is not None)])
        done = self._done(model, known_ms, reach_ms)
        since_ms = min(known_ms, max(d.window.end_ms for d in done)) - reach_ms if done else 0
        panes: list[PaneSummary] = self._windows.panes(model.name, since_ms, until_ms, model.windows.slide_ms)
        # a window whose first panes lie before the look-back was judged long ago; without them it would seem to shrink
        first_ms = since_ms if done else None
        found = due([model], progress, panes, done, self._spread)
        return [e for e in found if first_ms is None or e.window.start_ms >= first_ms]

    def _done(self, model: MonitoredModel, known_ms: int, reach_ms: int) -> list[DoneEvaluation]:
        recent = self._store.done(model.name, known_ms - 2 * reach_ms)
        if not recent:
            recent = self._store.done(model.name, 0)
        return recent

    # --- one evaluation

    def _evaluate(self, model: MonitoredModel, evaluation: Evaluation, now: datetime, report: EvaluateReport) -> None:
        judgement = self._judge.judge(model, evaluation, now)
        folded = self._fold(model, judgement) if self._serves(model, evaluation) else _Folded()
        commit = EvaluationCommit(
            evaluation,
            judgement.findings,
            folded.states,
            folded.transitions,
            folded.events,
            folded.requests,
            to_ms(now),
        )
        if self._store.commit(commit):
            report.judged[model.name] += 1
            report.verdicts.update(finding.verdict.value for finding in judgement.findings)
            report.transitions += folded.transitions
            report.requests += len(folded.requests)

    def _serves(self, model: MonitoredModel, evaluation: Evaluation) -> bool:
        """Whether the version has most of the window's records: rules follow what serves, the others are recorded."""
        return self._serving(model, evaluation.window) in {None, evaluation.model.version}

    def _serving(self, model: MonitoredModel, window: Window) -> str | None:
        """The version that most of the window's records belong to (of equals the last by name), None of none."""
        by_version: Counter[str] = Counter()
        for pane in self._windows.panes(model.name, window.start_ms, window.end_ms, model.windows.slide_ms):
            by_version[pane.version] += pane.n
        return max(by_version, key=lambda version: (by_version[version], version), default=None)

    def _fold(self, model: MonitoredModel, judgement: Judgement) -> _Folded:
        folded = _Folded()
        states = self._store.rule_states(model.name)
        findings = self._seen_together(judgement)
        for rule in self._rules:
            if rule.applies_to(model.name) and self._kind_of(rule) is judgement.evaluation.kind:
                subject = Subject(rule.name, model.name)
                self._fold_rule(model, rule, states.get(subject, RuleState()), findings, judgement, folded)
        return folded

    def _kind_of(self, rule: Rule) -> EvaluationKind:
        """A rule on performance is folded when truth has come, windows later than the rules on drift alone."""
        watches = watches_performance(rule.when, self._judge.metric_names)
        return EvaluationKind.PERFORMANCE if watches else EvaluationKind.DRIFT

    def _seen_together(self, judgement: Judgement) -> Sequence[Finding]:
        """The window's findings of both kinds: rules may combine drift with performance."""
        evaluation = judgement.evaluation
        if evaluation.kind is EvaluationKind.DRIFT:
            return judgement.findings
        window = evaluation.window
        stored = self._store.findings(
            evaluation.model.name, window.start, window.start + timedelta(milliseconds=1), EvaluationKind.DRIFT
        )
        same = [f for f in stored if f.model == evaluation.model and f.window == window]
        return [*same, *judgement.findings]

    def _fold_rule(  # noqa: PLR0917 - a rule, its state, what was seen, where it goes
        self,
        model: MonitoredModel,
        rule: Rule,
        state: RuleState,
        findings: Sequence[Finding],
        judgement: Judgement,
        folded: _Folded,
    ) -> None:
        window = judgement.evaluation.window
        subject = Subject(rule.name, model.name)
        outcome = evaluate(rule.when, findings, judgement.importances)
        if not was_folded(state, window):
            after, transition = advance(rule, subject, state, outcome, window)
        elif may_refold(rule, state, window):
            judged = self._judged_since(model, rule, state, findings, judgement)
            after, transition = refold(rule, subject, state, judged)
        else:
            return  # a late revision is recorded; nobody is told anew
        if after == state:
            return
        folded.states[subject] = after
        charts = judgement.charts(finding.check.column for finding in outcome.causes)
        link = self._link(model.name, window)
        retraining = _REQUESTED if rule.retrain and model.retraining else ""
        occasion = Occasion(judgement.evaluation.model, window, outcome, link, retraining, charts)
        if transition is not None:
            folded.transitions.append(transition)
        if after.phase is Phase.FIRING:
            folded.events.append(firing_event(rule, model, after, occasion))
        elif state.phase.is_active and not after.phase.is_active:
            folded.events.append(resolved_event(rule, model, state, occasion))
        if transition is not None and transition.after is Phase.FIRING and transition.before is not Phase.RECOVERING:
            folded.requests += _requests(rule, model, judgement, transition)

    def _judged_since(
        self, model: MonitoredModel, rule: Rule, state: RuleState, findings: Sequence[Finding], judgement: Judgement
    ) -> list[tuple[Window, Outcome]]:
        """Outcomes of the serving versions' windows that a rule is folded over again, by their newest revisions."""
        window = judgement.evaluation.window
        since = min(refold_since(rule, state) or window.end, window.end)
        by_window: dict[Window, dict[str, list[Finding]]] = {}
        for finding in self._store.findings(model.name, since - model.windows.size):
            if finding.window.end >= since:
                by_window.setdefault(finding.window, {}).setdefault(finding.model.version, []).append(finding)
        seen: dict[Window, Sequence[Finding]] = {
            one: by_version.get(self._serving(model, one) or next(iter(by_version)), [])
            for one, by_version in by_window.items()
        }
        seen[window] = findings
        windows = sorted(seen, key=lambda one: one.end)
        return [(one, evaluate(rule.when, seen[one], judgement.importances)) for one in windows]


def _requests(rule: Rule, model: MonitoredModel, judgement: Judgement, transition: Transition) -> list[RetrainRequest]:
    if not rule.retrain:
        return []
    version = judgement.evaluation.model.version
    return [RetrainRequest(model.name, version, rule.name, transition.at, transition.why)]


def _reach_ms(model: MonitoredModel) -> int:
    """How far back a window may still change: late records, late truth, and the window's own length."""
    truth = model.ground_truth
    late = max([model.retention, *([truth.wait + truth.horizon] if truth else [])])
    return duration_ms(late) + duration_ms(model.lateness) + 2 * model.windows.size_ms
