"""Fold rules over a judged window: what it changes, whom it tells, what it asks for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import EvaluationStore, WindowReads
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PaneSpan
from monitor.domain.windows import Window
from monitor.rules.conditions import Outcome, evaluate, watches_performance, watches_stream
from monitor.rules.explain import Occasion, firing_event, identity, resolved_event, sample_line
from monitor.rules.fold import advance, may_refold, refold, refold_since, was_folded
from monitor.usecases.due_windows import ServingVersions
from monitor.usecases.estimating import greyed
from monitor.usecases.judging import Judgement

_REQUESTED = "A retraining job is requested; the model's policy decides."


@dataclass(slots=True)
class Folded:
    """What follows from one judged window: where rules stand now, and what is to be told and asked for."""

    states: dict[Subject, RuleState] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)
    requests: list[RetrainRequest] = field(default_factory=list)


class RuleFolding:
    """Folds the configured rules. The database is asked only when more than the judged window must be seen."""

    def __init__(
        self,
        rules: Sequence[Rule],
        metric_names: frozenset[str],
        windows: WindowReads,
        store: EvaluationStore,
        link: Callable[[str, Window], str | None],
    ) -> None:
        self._rules, self._metric_names = rules, metric_names
        self._windows, self._store, self._link = windows, store, link

    def fold(self, model: MonitoredModel, judgement: Judgement, states: Mapping[Subject, RuleState]) -> Folded:
        """Move every rule of the model over the judged window, from where the states say that it stands."""
        folded, evaluation = Folded(), judgement.evaluation
        moved = [
            (rule, state)
            for rule in self._rules
            if rule.applies_to(model.name) and self._kind_of(rule) is evaluation.kind
            # of a late revision nobody is told anew, unless it comes inside the hold time
            if not was_folded(state := states.get(Subject(rule.name, model.name), RuleState()), evaluation.window)
            or may_refold(rule, state, evaluation.window)
        ]
        findings = self._seen_together(judgement) if moved else ()
        for rule, state in moved:
            self._fold_rule(model, rule, state, findings, judgement, folded)
        return folded

    def _kind_of(self, rule: Rule) -> EvaluationKind:
        """A rule on performance is folded when truth has come, windows later than the rules on drift alone."""
        if watches_stream(rule.when):
            return EvaluationKind.STREAM
        watches = watches_performance(rule.when, self._metric_names)
        return EvaluationKind.PERFORMANCE if watches else EvaluationKind.DRIFT

    def _seen_together(self, judgement: Judgement) -> Sequence[Finding]:
        """The window's findings of both kinds: rules may combine drift with performance."""
        evaluation = judgement.evaluation
        if evaluation.kind is not EvaluationKind.PERFORMANCE:
            return judgement.findings
        window = evaluation.window
        stored = self._store.findings(
            evaluation.model.name, window.start, window.start + timedelta(milliseconds=1), EvaluationKind.DRIFT
        )
        same = [f for f in stored if f.model == evaluation.model and f.window == window]
        return greyed([*same, *judgement.findings])

    def _fold_rule(  # noqa: PLR0917 - a rule, its state, what was seen, where it goes
        self,
        model: MonitoredModel,
        rule: Rule,
        state: RuleState,
        findings: Sequence[Finding],
        judgement: Judgement,
        folded: Folded,
    ) -> None:
        window = judgement.evaluation.window
        subject = Subject(rule.name, model.name)
        outcome = evaluate(rule.when, findings, judgement.importances)
        if was_folded(state, window):
            judged = self._judged_since(model, rule, state, findings, judgement)
            after, transition = refold(rule, subject, state, judged)
        else:
            after, transition = advance(rule, subject, state, outcome, window)
        if after.phase.is_active:
            after = replace(after, labels=identity(rule, model))
        if after == state:
            return
        folded.states[subject] = after
        charts = judgement.charts(finding.check.column for finding in outcome.causes)
        link = self._link(model.name, window)
        retraining = _REQUESTED if rule.retrain and model.retraining else ""
        sample = sample_line(judgement.evaluation, judgement.findings)
        occasion = Occasion(judgement.evaluation.model, window, outcome, link, retraining, charts, sample)
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
        for finding in greyed(self._store.findings(model.name, since - model.windows.size)):
            if finding.window.end >= since:
                by_window.setdefault(finding.window, {}).setdefault(finding.model.version, []).append(finding)
        serving = self._serving(model, by_window)
        seen: dict[Window, Sequence[Finding]] = {
            one: by_version.get(serving.of(one) or next(iter(by_version)), []) for one, by_version in by_window.items()
        }
        seen[window] = findings
        windows = sorted(seen, key=lambda one: one.end)
        return [(one, evaluate(rule.when, seen[one], judgement.importances)) for one in windows]

    def _serving(self, model: MonitoredModel, windows: Collection[Window]) -> ServingVersions:
        """Who served in these windows, which may lie further back than what is read to find what is due."""
        if not windows:
            return ServingVersions()
        since_ms, until_ms = min(one.start_ms for one in windows), max(one.end_ms for one in windows)
        return ServingVersions(self._windows.panes([PaneSpan(model.name, since_ms, until_ms, model.windows.slide_ms)]))


def _requests(rule: Rule, model: MonitoredModel, judgement: Judgement, transition: Transition) -> list[RetrainRequest]:
    version = judgement.evaluation.model.version
    if not rule.retrain or not version:  # a reader that is behind is no reason to train any version
        return []
    return [RetrainRequest(model.name, version, rule.name, transition.at, transition.why)]
