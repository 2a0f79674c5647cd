"""Rules looked at without moving them: what they would have told, and why they fire or do not. Only reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from monitor.bootstrap.app import App
from monitor.bootstrap.evaluating import window_reads
from monitor.bootstrap.incidents import marked_incidents
from monitor.domain.errors import ConfigError
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import MonitoredModel
from monitor.domain.rules import Rule, RuleState, Subject
from monitor.domain.time import MILLISECOND
from monitor.domain.windows import Window
from monitor.rules.leaves import subjects
from monitor.rules.outcome import Outcome
from monitor.rules.weighing import weigh
from monitor.stats.baseline import Baseline
from monitor.usecases.folding import RuleFolding
from monitor.usecases.judging import Judgement
from monitor.usecases.match_incidents import Matched, match_incidents
from monitor.usecases.replay_rules import PastAlert, Replayed, ReplayRules, past_alerts


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the rules would have told of one model, how many windows that rests on, and what people said of the time.

    Windows that start in [since, until) were asked for; `stored` is from the start of the first window whose findings
    are stored to the end of the last, None where none are.
    """

    model: MonitoredModel
    rules: Sequence[Rule]
    replayed: Replayed
    alerts: Sequence[PastAlert]
    matched: Matched
    since: datetime
    until: datetime
    stored: Window | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One rule of one subject: where it stands, and what its condition says of the newest judged window.

    Without a judged window, `window` and `outcome` are None. `not_judged` is why the window does not count, if so.
    """

    rule: Rule
    subject: Subject
    state: RuleState
    window: Window | None
    version: str
    outcome: Outcome | None
    not_judged: str


def rehearse(app: App, rules: Sequence[Rule], model: str, since: datetime, until: datetime) -> Rehearsal:
    """Fold the rules over the model's stored findings of windows that start in [since, until)."""
    monitored = model_of(app, model)
    watching = [rule for rule in rules if rule.applies_to(model)]
    replayed = _replay(app, watching).run(monitored, app.stores.evaluations, since, until)
    past = past_alerts(replayed, watching, monitored)
    names = {rule.name: rule.alertname or rule.name for rule in watching}
    matched = match_incidents(past, marked_incidents(app, model), names, since, until)
    return Rehearsal(monitored, watching, replayed, past, matched, since, until, _stored(app, model))


def _stored(app: App, model: str) -> Window | None:
    windows = [one.window for one in app.stores.evaluations.done({model: 0})]
    return Window(min(one.start for one in windows), max(one.end for one in windows)) if windows else None


def standings(app: App, model: str, rule: str | None) -> Iterator[Standing]:
    """How the rules of a model stand, each with the outcome of its condition; ConfigError for unknown names."""
    monitored = model_of(app, model)
    watching = [one for one in app.settings.rules if one.applies_to(model)]
    chosen = [one for one in watching if rule in {None, one.name}]
    if rule is not None and not chosen:
        known = ", ".join(one.name for one in watching) or "none"
        raise ConfigError(f"no rule {rule!r} watches {model!r}", hint=f"its rules: {known}")
    states = app.stores.evaluations.rule_states(model)
    newest = _newest(app, monitored, watching)
    folding = RuleFolding(
        watching, frozenset(app.metrics), window_reads(app), app.stores.evaluations, lambda _model, _window: None
    )
    for one in chosen:
        judgement = newest.get(folding.kind(one))
        if judgement is None:
            yield from _unjudged(one, monitored, states)
            continue
        window, version = judgement.evaluation.window, judgement.evaluation.model.version
        for subject, outcome in folding.outcome(monitored, judgement, states, one):
            state = states.get(subject, RuleState())
            weighed = weigh(one, state.memory, outcome, window, version)[1]
            why_not = weighed.because if outcome in weighed.parts else ""
            yield Standing(one, subject, state, window, version, outcome, why_not)


def model_of(app: App, name: str) -> MonitoredModel:
    """The configured model; ConfigError when there is none of this name."""
    if name not in app.settings.judged:
        known = ", ".join(sorted(app.settings.judged)) or "none"
        raise ConfigError(f"no model {name!r} is configured", hint=f"known: {known}")
    return app.settings.judged[name]


def _replay(app: App, rules: Sequence[Rule]) -> ReplayRules:
    @cache
    def importances(baseline_id: str) -> Mapping[str, float]:
        return Baseline.from_bytes(app.stores.baselines.get(baseline_id)).importances

    return ReplayRules(rules, frozenset(app.metrics), window_reads(app), importances)


def _newest(app: App, model: MonitoredModel, rules: Sequence[Rule]) -> Mapping[EvaluationKind, Judgement]:
    """The newest judged window of each kind, of the version that served."""
    done = app.stores.evaluations.done({model.name: 0})
    found: dict[EvaluationKind, Judgement] = {}
    for kind in EvaluationKind:
        windows = sorted({one.window for one in done if one.kind is kind}, key=lambda w: (w.end, w.start))
        if windows:
            start = windows[-1].start
            stored = app.stores.evaluations.findings(model.name, start, start + MILLISECOND, kind)
            of_window = [f for f in stored if f.window == windows[-1]]
            for judgement in _replay(app, rules).judgements(model, of_window):
                found[kind] = judgement
    return found


def _unjudged(rule: Rule, model: MonitoredModel, states: Mapping[Subject, RuleState]) -> Iterator[Standing]:
    for subject in subjects(rule, model):
        yield Standing(rule, subject, states.get(subject, RuleState()), None, "", None, "")
