"""Fold rules over a judged window: what it changes, whom it tells, what it asks for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import EvaluationStore, WindowReads
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PaneSpan
from monitor.domain.windows import Window
from monitor.rules.conditions import Outcome, evaluate, watches_performance, watches_stream
from monitor.rules.explain import Occasion, firing_event, identity, resolved_event, sample_line, withdrawn_event
from monitor.rules.fold import Judged, advance, may_refold, refold, refold_since, was_folded
from monitor.rules.revision import Revised, revise
from monitor.usecases.due_windows import ServingVersions
from monitor.usecases.estimating import greyed
from monitor.usecases.judging import Judgement

_WITHDRAWN = "truth that came since does not bear it out"
_LATE = "raised late: the truth came after the rule had gone past this window"
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
        standing = [
            (rule, states.get(Subject(rule.name, model.name), RuleState()))
            for rule in self._rules
            if rule.applies_to(model.name) and self._kind_of(rule) is evaluation.kind
        ]
        # of late records nobody is told anew, unless they come inside the hold time; of late truth they are
        moved = [one for one in standing if _moves(*one, evaluation)]
        revised = standing if evaluation.kind is EvaluationKind.PERFORMANCE else ()
        findings = self._seen_together(judgement) if moved or revised else ()
        for rule, state in standing:
            if (rule, state) in moved:
                self._fold_rule(model, rule, state, findings, judgement, folded)
            elif revised:
                self._revise_rule(model, rule, state, findings, judgement, folded)
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
            since = refold_since(rule, state) or window.end
            _, judged = self._judged_since(model, rule, since, findings, judgement)
            after, transition = refold(rule, subject, state, judged)
        else:
            after, transition = advance(rule, subject, state, outcome, window)
        if after.phase.is_active:
            after = replace(after, labels=identity(rule, model))
        if after == state:
            return
        folded.states[subject] = after
        occasion = self._occasion(model, rule, outcome, judgement)
        if transition is not None:
            folded.transitions.append(transition)
        if after.phase is Phase.FIRING:
            folded.events.append(firing_event(rule, model, after, occasion))
        elif state.phase.is_active and not after.phase.is_active:
            folded.events.append(resolved_event(rule, model, state, occasion))
        if transition is not None and transition.after is Phase.FIRING and transition.before is not Phase.RECOVERING:
            folded.requests += _requests(rule, model, judgement, transition)

    def _revise_rule(  # noqa: PLR0917 - a rule, its state, what was seen, where it goes
        self,
        model: MonitoredModel,
        rule: Rule,
        state: RuleState,
        findings: Sequence[Finding],
        judgement: Judgement,
        folded: Folded,
    ) -> None:
        """Truth of a window that the rule has gone past: withdraw what it does not bear out, raise what it shows."""
        window, subject = judgement.evaluation.window, Subject(rule.name, model.name)
        since = min(state.since or window.end, window.end) - rule.hold - rule.keep
        told, known = self._judged_since(model, rule, since, findings, judgement)
        change = revise(rule, subject, state, told, known)
        if change is None:
            return
        outcome = evaluate(rule.when, findings, judgement.importances)
        if change.is_withdrawn:
            occasion = self._occasion(model, rule, outcome, judgement, _WITHDRAWN)
            at, why = state.folded_to or window.end, f"withdrawn: {outcome.because}"
            folded.states[subject] = change.state
            folded.transitions.append(Transition(subject, state.phase, change.state.phase, at, window, why))
            folded.events.append(withdrawn_event(rule, model, state, occasion))
        elif change.late is not None:
            occasion = self._occasion(model, rule, outcome, judgement, _LATE)
            _raise_late(model, rule, state, change, judgement, occasion, folded)

    def _occasion(
        self, model: MonitoredModel, rule: Rule, outcome: Outcome, judgement: Judgement, note: str = ""
    ) -> Occasion:
        evaluation = judgement.evaluation
        return Occasion(
            evaluation.model,
            evaluation.window,
            outcome,
            self._link(model.name, evaluation.window),
            _REQUESTED if rule.retrain and model.retraining else "",
            judgement.charts(finding.check.column for finding in outcome.causes),
            sample_line(evaluation, judgement.findings),
            note,
        )

    def _judged_since(
        self,
        model: MonitoredModel,
        rule: Rule,
        since: datetime,
        findings: Sequence[Finding],
        judgement: Judgement,
    ) -> tuple[list[Judged], list[Judged]]:
        """Outcomes of the serving versions' windows since then, before this judgement and with it.

        Those of other windows are by their newest revisions.
        """
        window = judgement.evaluation.window
        since = min(since, window.end)
        by_window: dict[Window, dict[str, list[Finding]]] = {}
        for finding in greyed(self._store.findings(model.name, since - model.windows.size)):
            if finding.window.end >= since:
                by_window.setdefault(finding.window, {}).setdefault(finding.model.version, []).append(finding)
        serving = self._serving(model, by_window)
        seen: dict[Window, Sequence[Finding]] = {
            one: by_version.get(serving.of(one) or next(iter(by_version)), []) for one, by_version in by_window.items()
        }
        windows = sorted({*seen, window}, key=lambda one: one.end)
        before, after = (
            [(one, evaluate(rule.when, of.get(one, ()), judgement.importances)) for one in windows]
            for of in (seen, {**seen, window: findings})
        )
        return before, after

    def _serving(self, model: MonitoredModel, windows: Collection[Window]) -> ServingVersions:
        """Who served in these windows, which may lie further back than what is read to find what is due."""
        if not windows:
            return ServingVersions()
        since_ms, until_ms = min(one.start_ms for one in windows), max(one.end_ms for one in windows)
        return ServingVersions(self._windows.panes([PaneSpan(model.name, since_ms, until_ms, model.windows.slide_ms)]))


def _moves(rule: Rule, state: RuleState, evaluation: Evaluation) -> bool:
    return not was_folded(state, evaluation.window) or may_refold(rule, state, evaluation.window)


def _raise_late(  # noqa: PLR0917 - a rule, what changed, and how it is told
    model: MonitoredModel,
    rule: Rule,
    state: RuleState,
    change: Revised,
    judgement: Judgement,
    occasion: Occasion,
    folded: Folded,
) -> None:
    late, window, subject = change.late, judgement.evaluation.window, Subject(rule.name, model.name)
    if late is None:
        return
    why = f"late: {occasion.outcome.because}"
    began = Transition(subject, state.phase, Phase.FIRING, late.began, window, why)
    folded.transitions.append(began)
    fired = replace(change.state, fired_at=late.began, labels=identity(rule, model))
    folded.events.append(firing_event(rule, model, fired, occasion))
    if late.ended is None:
        folded.states[subject] = fired
        folded.requests += _requests(rule, model, judgement, began)
        return
    folded.transitions.append(Transition(subject, Phase.FIRING, Phase.INACTIVE, late.ended, window, why))
    folded.events.append(resolved_event(rule, model, fired, occasion, late.ended))


def _requests(rule: Rule, model: MonitoredModel, judgement: Judgement, transition: Transition) -> list[RetrainRequest]:
    version = judgement.evaluation.model.version
    if not rule.retrain or not version:  # a reader that is behind is no reason to train any version
        return []
    return [RetrainRequest(model.name, version, rule.name, transition.at, transition.why)]
