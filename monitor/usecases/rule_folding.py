"""One judged window through all rules of its model: new states, transitions, alert events, requests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.findings import Finding
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import AlertEvent, Chart, Phase, Rule, RuleState, Subject, Transition
from monitor.domain.windows import Window
from monitor.rules.conditions import Outcome, evaluate
from monitor.rules.explain import Occasion, firing_event, resolved_event
from monitor.rules.fold import advance, may_refold, refold, refold_since, was_folded

History = Callable[[datetime], Sequence[tuple[Window, Sequence[Finding]]]]
"""Findings of the windows that end at or after an instant, in order, with the newest revisions."""


@dataclass(slots=True)
class Folded:
    """What the rules made of one window; `states` holds the changed ones alone."""

    states: dict[Subject, RuleState] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)
    requests: list[RetrainRequest] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A window of the version that serves, with its findings and what is needed to explain them."""

    model: MonitoredModel
    ref: ModelRef
    window: Window
    findings: Sequence[Finding]
    importances: Mapping[str, float]
    draw: Callable[[Sequence[Finding]], tuple[Chart, ...]]
    history: History
    link: str | None = None


def fold_rules(rules: Sequence[Rule], states: Mapping[Subject, RuleState], judged: JudgedWindow) -> Folded:
    """Move every rule that watches the model by this window. A pure function but for `history`, which may read."""
    folded = Folded()
    for rule in rules:
        if rule.applies_to(judged.model.name):
            subject = Subject(rule.name, judged.model.name)
            _fold_one(rule, subject, states.get(subject, RuleState()), judged, folded)
    return folded


def _fold_one(rule: Rule, subject: Subject, before: RuleState, judged: JudgedWindow, folded: Folded) -> None:
    outcome = evaluate(rule.when, judged.findings, judged.importances)
    if outcome.holds is None:
        return
    if not was_folded(before, judged.window):
        after, transition = advance(rule, subject, before, outcome, judged.window)
    elif may_refold(rule, before, judged.window):
        after, transition = refold(rule, subject, before, _outcomes(rule, before, judged))
    else:
        return  # a late revision: the finding is recorded, nobody is told
    if after != before:
        folded.states[subject] = after
    if transition is not None:
        folded.transitions.append(transition)
    _tell(rule, before, after, outcome, judged, folded)


def _outcomes(rule: Rule, state: RuleState, judged: JudgedWindow) -> list[tuple[Window, Outcome]]:
    since = refold_since(rule, state) or judged.window.end
    found = dict(judged.history(min(since, judged.window.end)))
    found[judged.window] = judged.findings
    windows = sorted(found, key=lambda window: window.end)
    return [(window, evaluate(rule.when, found[window], judged.importances)) for window in windows]


def _tell(
    rule: Rule, before: RuleState, after: RuleState, outcome: Outcome, judged: JudgedWindow, folded: Folded
) -> None:  # fmt: skip
    starts = after.phase is Phase.FIRING and not before.phase.is_active
    request = RetrainRequest(judged.ref.name, judged.ref.version, rule.name, judged.window.end, outcome.because)
    if starts and rule.retrain:
        folded.requests.append(request)
    asked = f"asked for (job {request.key})" if starts and rule.retrain else ""
    occasion = Occasion(judged.ref, judged.window, outcome, judged.link, asked)
    if after.phase.is_active:
        charts = judged.draw(outcome.causes)
        occasion = Occasion(judged.ref, judged.window, outcome, judged.link, asked, charts)
        folded.events.append(firing_event(rule, judged.model, after, occasion))
    elif before.phase.is_active:
        folded.events.append(resolved_event(rule, judged.model, before, occasion))
