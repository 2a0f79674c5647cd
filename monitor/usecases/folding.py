"""Fold rules over a judged window: what it changes, whom it tells, what it asks for."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, Escalation, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PaneSpan, PaneSummary
from monitor.domain.time import MILLISECOND
from monitor.domain.windows import Window
from monitor.rules.conditions import evaluate, severity_of
from monitor.rules.explain import Occasion, firing_event, identity, resolved_event, sample_line
from monitor.rules.fold import advance, may_refold, refold, refold_since, was_folded
from monitor.rules.leaves import asks_rules, in_order, kind_of, looks_back, of_subject, subjects
from monitor.rules.outcome import Around, Outcome
from monitor.usecases.due_windows import ServingVersions
from monitor.usecases.estimating import FindingReads, greyed
from monitor.usecases.judging import Judgement

_REQUESTED = "A retraining job is requested; the model's policy decides."


class PaneReads(Protocol):
    """Who served when: the reads of windows offer it."""

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """Panes of all versions in the spans, by model, version and start."""
        ...


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
        windows: PaneReads,
        store: FindingReads,
        link: Callable[[str, Window], str | None],
    ) -> None:
        self._rules = in_order(rules)
        by_name = {rule.name: rule for rule in rules}
        self._kinds = {rule.name: kind_of(rule, by_name, metric_names) for rule in rules}
        self._windows, self._store, self._link = windows, store, link

    def fold(self, model: MonitoredModel, judgement: Judgement, states: Mapping[Subject, RuleState]) -> Folded:
        """Move every rule of the model over the judged window, from where the states say that it stands."""
        folded, evaluation = Folded(), judgement.evaluation
        moved = [
            _Moved(of_subject(rule, subject), subject, state)
            for rule in self._rules
            if rule.applies_to(model.name) and self._kinds[rule.name] is evaluation.kind
            for subject in subjects(rule, model)
            # of a late revision nobody is told anew, unless it comes inside the hold time
            if not was_folded(state := states.get(subject, RuleState()), evaluation.window)
            or may_refold(rule, state, evaluation.window)
        ]
        if not moved:
            return folded
        seen = self._seen(model, judgement, [one.rule for one in moved])
        for one in moved:
            self._fold_rule(model, one, seen, judgement, {**states, **folded.states}, folded)
        return folded

    def outcome(
        self, model: MonitoredModel, judgement: Judgement, states: Mapping[Subject, RuleState], rule: Rule
    ) -> Iterator[tuple[Subject, Outcome]]:
        """What the rule's condition says about the judged window, for each of its subjects; nothing is moved."""
        seen = self._seen(model, judgement, [rule])
        for subject in subjects(rule, model):
            one = _Moved(of_subject(rule, subject), subject, states.get(subject, RuleState()))
            yield subject, _outcome(one, seen, states, judgement.importances)

    def kind(self, rule: Rule) -> EvaluationKind:
        """The evaluations that the rule is folded over."""
        return self._kinds[rule.name]

    def _seen(self, model: MonitoredModel, judgement: Judgement, rules: Sequence[Rule]) -> "_Seen":
        findings = self._seen_together(judgement)
        back = max(map(looks_back, rules))
        if not back:
            return _Seen(findings)
        window, ref = judgement.evaluation.window, judgement.evaluation.model
        stored = self._store.findings(model.name, window.start - back * model.windows.size, window.start + MILLISECOND)
        earlier = [f for f in greyed(stored) if f.window != window or f.model != ref]
        serving = self._serving(model, {f.window for f in earlier if f.window != window})
        past = [f for f in earlier if f.window != window and serving.of(f.window) in {None, f.model.version}]
        kept = {id(f) for f in past}
        return _Seen(findings, Around(past, [f for f in earlier if id(f) not in kept]))

    def _seen_together(self, judgement: Judgement) -> Sequence[Finding]:
        """The window's findings of both kinds: rules may combine drift with performance."""
        evaluation = judgement.evaluation
        if evaluation.kind is not EvaluationKind.PERFORMANCE:
            return judgement.findings
        window = evaluation.window
        stored = self._store.findings(
            evaluation.model.name, window.start, window.start + MILLISECOND, EvaluationKind.DRIFT
        )
        same = [f for f in stored if f.model == evaluation.model and f.window == window]
        return greyed([*same, *judgement.findings])

    def _fold_rule(  # noqa: PLR0917 - a rule, its state, what was seen, where it goes
        self,
        model: MonitoredModel,
        one: "_Moved",
        seen: "_Seen",
        judgement: Judgement,
        states: Mapping[Subject, RuleState],
        folded: Folded,
    ) -> None:
        window, version = judgement.evaluation.window, judgement.evaluation.model.version
        rule, subject, state = one.rule, one.subject, one.state
        outcome = _outcome(one, seen, states, judgement.importances)
        if was_folded(state, window):
            judged = self._judged_since(model, rule, state, seen.findings, judgement)
            after, transition = refold(rule, subject, state, judged)
        else:
            after, transition = advance(rule, subject, state, outcome, window, version)
        if after.phase.is_active:
            after = replace(after, labels=identity(rule, model, after, subject.segment))
        if after == state:
            return
        folded.states[subject] = after
        if after.folded_to == state.folded_to and transition is None:
            return  # only remembered: the window told nothing
        if transition is not None:
            folded.transitions.append(transition)
            outcome = replace(outcome, because=transition.why)
        occasion = self._occasion(model, one, outcome, judgement)
        if after.phase is Phase.FIRING:
            folded.events.append(firing_event(rule, model, after, occasion))
        elif state.phase.is_active and not after.phase.is_active:
            folded.events.append(resolved_event(rule, model, state, occasion))
        if transition is not None and transition.after is Phase.FIRING and transition.before is not Phase.RECOVERING:
            folded.requests += _requests(rule, model, judgement, transition)

    def _occasion(self, model: MonitoredModel, one: "_Moved", outcome: Outcome, judgement: Judgement) -> Occasion:
        window = judgement.evaluation.window
        return Occasion(
            judgement.evaluation.model,
            window,
            outcome,
            self._link(model.name, window),
            _REQUESTED if one.rule.retrain and model.retraining else "",
            judgement.charts(finding.check.column for finding in outcome.causes),
            sample_line(judgement.evaluation, judgement.findings),
            one.subject.segment,
        )

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


@dataclass(frozen=True, slots=True)
class _Moved:
    """A rule as it is folded for one subject, and where that stands."""

    rule: Rule
    subject: Subject
    state: RuleState


@dataclass(frozen=True, slots=True)
class _Seen:
    """The findings of the judged window, and what was seen beside it."""

    findings: Sequence[Finding]
    around: Around = field(default_factory=Around)


def _outcome(
    one: _Moved, seen: _Seen, states: Mapping[Subject, RuleState], importances: Mapping[str, float]
) -> Outcome:
    """What the rule's condition says, and how bad it is; limits for the end count where the alert fires."""
    rule, state = one.rule, one.state
    around = replace(seen.around, firing=_firing(rule, one.subject, states))
    said = evaluate(rule.when, seen.findings, importances, around, firing=state.phase.is_active)
    if not rule.escalations:
        return said
    steps = [(step.severity, _step(step, one, seen.findings, importances, around)) for step in rule.escalations]
    severity, why = severity_of(steps, rule.severity)
    if why is None:
        return said
    return replace(said, severity=severity, escalated=f"{severity}: {why.because}")


def _step(
    step: Escalation, one: _Moved, findings: Sequence[Finding], importances: Mapping[str, float], around: Around
) -> Outcome:
    stands = one.state.memory.severity is step.severity
    return evaluate(step.when, findings, importances, around, firing=stands)


def _firing(rule: Rule, subject: Subject, states: Mapping[Subject, RuleState]) -> dict[str, bool]:
    """Whether the rules that this one asks for fire: for its own segment, where they are folded by segment, too."""
    firing: dict[str, bool] = {}
    for name in asks_rules(rule):
        stand = {s.segment: state for s, state in states.items() if s.rule == name and s.model == subject.model}
        of = [stand[subject.segment]] if subject.segment in stand else list(stand.values())
        if of:
            firing[name] = any(state.phase.is_active for state in of)
    return firing


def _requests(rule: Rule, model: MonitoredModel, judgement: Judgement, transition: Transition) -> list[RetrainRequest]:
    version = judgement.evaluation.model.version
    if not rule.retrain or not version:  # a reader that is behind is no reason to train any version
        return []
    return [RetrainRequest(model.name, version, rule.name, transition.at, transition.why)]
