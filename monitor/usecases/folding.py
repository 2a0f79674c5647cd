"""Fold rules over a judged window: what it changes, whom it tells, what it asks for."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import MonitoredModel
from monitor.domain.retraining import RetrainJob, RetrainRequest
from monitor.domain.rules import AlertEvent, Escalation, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.stream import PaneSpan, PaneSummary
from monitor.domain.time import MILLISECOND
from monitor.domain.windows import Window
from monitor.rules.conditions import evaluate, severity_of
from monitor.rules.explain import (
    Occasion,
    firing_event,
    identity,
    resolved_event,
    sample_line,
    weak_line,
    withdrawn_event,
)
from monitor.rules.fold import (
    Judged,
    advance,
    looks_at_single_windows,
    may_refold,
    refold,
    refold_since,
    was_folded,
)
from monitor.rules.job_events import job_words
from monitor.rules.leaves import asks_rules, in_order, kind_of, looks_back, of_subject, subjects
from monitor.rules.outcome import Around, Outcome
from monitor.rules.revision import Revised, revise
from monitor.stats.attribution.words import carried_by, divided_among
from monitor.usecases.due_windows import ServingVersions
from monitor.usecases.estimating import FindingReads, greyed
from monitor.usecases.judging import Judgement

_WITHDRAWN = "truth that came since does not bear it out"
_LATE = "raised late: the truth came after the rule had gone past this window"


class PaneReads(Protocol):
    """Who served when: the reads of windows offer it."""

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """Panes of all versions in the spans, by model, version and start."""
        ...


class JobReads(Protocol):
    """What became of requests for retraining: the ledger of jobs offers it."""

    def jobs(self, model: str | None = None) -> Sequence[RetrainJob]:
        """Jobs of the model, oldest first."""
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
        *,
        jobs: JobReads | None = None,
    ) -> None:
        self._rules = in_order(rules)
        by_name = {rule.name: rule for rule in rules}
        self._kinds = {rule.name: kind_of(rule, by_name, metric_names) for rule in rules}
        self._windows, self._store, self._link, self._jobs = windows, store, link, jobs

    def fold(self, model: MonitoredModel, judgement: Judgement, states: Mapping[Subject, RuleState]) -> Folded:
        """Move every rule of the model over the judged window, from where the states say that it stands."""
        folded, evaluation = Folded(), judgement.evaluation
        standing = (
            _Asked.of(rule, subject, states.get(subject, RuleState()), evaluation)
            for rule in self._rules
            if rule.applies_to(model.name) and self._kinds[rule.name] is evaluation.kind
            for subject in subjects(rule, model)
        )
        asked = [one for one in standing if one.is_moved or one.is_revised]
        if not asked:
            return folded
        seen = self._seen(model, judgement, [one.rule for one in asked])
        for one in asked:
            known = {**states, **folded.states}
            if one.is_moved:
                self._fold_rule(model, one, seen, judgement, known, folded)
            else:
                self._revise_rule(model, one, seen, judgement, known, folded)
        return folded

    def outcome(
        self, model: MonitoredModel, judgement: Judgement, states: Mapping[Subject, RuleState], rule: Rule
    ) -> Iterator[tuple[Subject, Outcome]]:
        """What the rule's condition says about the judged window, for each of its subjects; nothing is moved."""
        seen = self._seen(model, judgement, [rule])
        for subject in subjects(rule, model):
            one = _Asked(of_subject(rule, subject), subject, states.get(subject, RuleState()))
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
        one: "_Asked",
        seen: "_Seen",
        judgement: Judgement,
        states: Mapping[Subject, RuleState],
        folded: Folded,
    ) -> None:
        window, version = judgement.evaluation.window, judgement.evaluation.model.version
        rule, subject, state = one.rule, one.subject, one.state
        outcome = _outcome(one, seen, states, judgement.importances)
        if was_folded(state, window):
            since = refold_since(rule, state) or window.end
            _, judged = self._judged_since(model, rule, since, seen.findings, judgement)
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
        is_over = state.phase.is_active and not after.phase.is_active
        if after.phase is Phase.FIRING:
            folded.events.append(firing_event(rule, model, after, self._occasion(model, one, outcome, judgement)))
        elif is_over:
            occasion = self._occasion(model, one, outcome, judgement, is_over=True)
            folded.events.append(resolved_event(rule, model, state, occasion))
        if transition is not None and transition.after is Phase.FIRING and transition.before is not Phase.RECOVERING:
            folded.requests += _requests(rule, model, judgement, transition)

    def _revise_rule(  # noqa: PLR0917 - a rule, its state, what was seen, where it goes
        self,
        model: MonitoredModel,
        one: "_Asked",
        seen: "_Seen",
        judgement: Judgement,
        states: Mapping[Subject, RuleState],
        folded: Folded,
    ) -> None:
        """Truth of a window that the rule has gone past: withdraw what it does not bear out, raise what it shows."""
        window, state = judgement.evaluation.window, one.state
        since = min(state.since or window.end, window.end) - one.rule.hold - one.rule.keep
        told, known = self._judged_since(model, one.rule, since, seen.findings, judgement)
        change = revise(one.rule, one.subject, state, told, known)
        if change is None:
            return
        outcome = _outcome(one, seen, states, judgement.importances)
        if change.is_withdrawn:
            occasion = self._occasion(model, one, outcome, judgement, _WITHDRAWN, is_over=True)
            at, why = state.folded_to or window.end, f"withdrawn: {outcome.because}"
            folded.states[one.subject] = change.state
            folded.transitions.append(Transition(one.subject, state.phase, change.state.phase, at, window, why))
            folded.events.append(withdrawn_event(one.rule, model, state, occasion))
        elif change.late is not None:
            occasion = self._occasion(model, one, outcome, judgement, _LATE)
            _raise_late(model, one, change, judgement, occasion, folded)

    def _occasion(
        self,
        model: MonitoredModel,
        one: "_Asked",
        outcome: Outcome,
        judgement: Judgement,
        note: str = "",
        *,
        is_over: bool = False,
    ) -> Occasion:
        window = judgement.evaluation.window
        # what carries the drift of all rows says nothing of a number that Evidently made of some of them
        found = None if _is_of_evidently(model, outcome) else judgement.attribution(one.subject.segment)
        return Occasion(
            judgement.evaluation.model,
            window,
            outcome,
            self._link(model.name, window),
            self._retraining(model, one.rule, one.state, is_over=is_over),
            judgement.charts(finding.check.column for finding in outcome.causes),
            sample_line(judgement.evaluation, judgement.findings),
            one.subject.segment,
            note,
            "" if found is None else carried_by(found),
            "" if found is None else divided_among(found.divisions),
            "" if one.subject.segment else weak_line(judgement.findings),
        )

    def _retraining(self, model: MonitoredModel, rule: Rule, state: RuleState, *, is_over: bool) -> str:
        """How the job stands that the rule asked for since it fires; empty where it asks for none."""
        if not rule.retrain or not model.retraining:
            return ""
        known = self._jobs.jobs(model.name) if self._jobs and state.fired_at else ()
        asked = [
            job
            for job in known
            if job.request.rule == rule.name and job.request.at >= (state.fired_at or job.request.at)
        ]
        return job_words(asked[-1] if asked else None, is_over=is_over)

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


def _is_of_evidently(model: MonitoredModel, outcome: Outcome) -> bool:
    """Whether all that speaks for the condition are metrics of Evidently."""
    names = {spec.name for spec in model.evidently}
    return bool(outcome.causes) and all(finding.check.test in names for finding in outcome.causes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule as it is folded for one subject, where that stands, and what the judged window may do to it.

    Of late records nobody is told anew, unless they come inside the hold time; of late truth they are (`is_revised`),
    where the rule follows from the windows alone.
    """

    rule: Rule
    subject: Subject
    state: RuleState
    is_moved: bool = True
    is_revised: bool = False

    @classmethod
    def of(cls, rule: Rule, subject: Subject, state: RuleState, evaluation: Evaluation) -> "_Asked":
        """Of one of the subjects that the rule has a state for."""
        is_moved = not was_folded(state, evaluation.window) or may_refold(rule, state, evaluation.window)
        is_truth = evaluation.kind is EvaluationKind.PERFORMANCE
        return cls(of_subject(rule, subject), subject, state, is_moved, is_truth and looks_at_single_windows(rule))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The findings of the judged window, and what was seen beside it."""

    findings: Sequence[Finding]
    around: Around = field(default_factory=Around)


def _outcome(
    one: _Asked, seen: _Seen, states: Mapping[Subject, RuleState], importances: Mapping[str, float]
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
    step: Escalation, one: _Asked, findings: Sequence[Finding], importances: Mapping[str, float], around: Around
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


def _raise_late(  # noqa: PLR0917 - a rule, what changed, and how it is told
    model: MonitoredModel,
    one: _Asked,
    change: Revised,
    judgement: Judgement,
    occasion: Occasion,
    folded: Folded,
) -> None:
    late, window, rule, subject = change.late, judgement.evaluation.window, one.rule, one.subject
    if late is None:
        return
    why = f"late: {occasion.outcome.because}"
    began = Transition(subject, one.state.phase, Phase.FIRING, late.began, window, why)
    folded.transitions.append(began)
    fired = replace(change.state, fired_at=late.began)
    fired = replace(fired, labels=identity(rule, model, fired, subject.segment))
    folded.events.append(firing_event(rule, model, fired, occasion))
    if late.ended is None:
        folded.states[subject] = fired
        folded.requests += _requests(rule, model, judgement, began)
        return
    folded.transitions.append(Transition(subject, Phase.FIRING, Phase.INACTIVE, late.ended, window, why))
    folded.events.append(resolved_event(rule, model, fired, occasion, late.ended))


def _requests(rule: Rule, model: MonitoredModel, judgement: Judgement, transition: Transition) -> list[RetrainRequest]:
    version = judgement.evaluation.model.version
    if not rule.retrain or not version or model.predictions_of is not None:
        return []  # a reader that is behind is no reason to train any version, and a further truth has none of its own
    return [RetrainRequest(model.name, version, rule.name, transition.at, transition.why)]
