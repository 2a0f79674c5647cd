"""Fold rules over findings that are there already: what they would have told. Nothing is stored and nobody is told."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.rules import (
    AlertEvent,
    CheckIsBad,
    Measured,
    Phase,
    Rule,
    RuleState,
    Severity,
    Subject,
    Transition,
    Trending,
)
from monitor.domain.stream import PaneSpan
from monitor.domain.windows import Window
from monitor.rules.explain import severity_in
from monitor.rules.leaves import leaves
from monitor.usecases.due_windows import ServingVersions
from monitor.usecases.estimating import FindingReads
from monitor.usecases.folding import PaneReads, RuleFolding
from monitor.usecases.judging import Judgement

FLAP_WINDOWS = 4
"""An alert that fires again within so many lengths of a window after its end has flapped."""

PORTION = timedelta(days=1)
"""Findings of windows that start within so long are in memory together."""

_KINDS = list(EvaluationKind)


@dataclass(frozen=True, slots=True)
class FindingsAtHand:
    """Findings in memory, as the store of evaluations offers them."""

    all: Sequence[Finding]

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        """Those whose windows start in [since, until)."""
        return [
            f
            for f in self.all
            if f.model.name == model
            and (since is None or f.window.start >= since)
            and (until is None or f.window.start < until)
            and kind in {None, f.kind}
        ]


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation: the window, where the rules that it moved stand afterwards, and what was told."""

    window: Window
    kind: EvaluationKind
    states: Mapping[Subject, RuleState]
    events: Sequence[AlertEvent]


@dataclass(frozen=True, slots=True)
class PastAlert:
    """One alert that would have been told: from where to where, how bad at its worst, why it began.

    `ends_at` is None where it fires at the end of the findings.
    """

    subject: Subject
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    why: str
    is_flap: bool = False


@dataclass(slots=True)
class Replayed:
    """What the rules would have said."""

    steps: list[Step] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    requests: int = 0
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    """Test, column and segment of every finding."""

    def unseen(self, rule: Rule) -> list[str]:
        """What the rule's condition asks for, where no finding of any of it was there: then nobody can know."""
        asked = [leaf for leaf in leaves(rule.when) if isinstance(leaf, CheckIsBad | Measured | Trending) and leaf.test]
        missing = [leaf for leaf in asked if not any(_is_about(leaf, *one) for one in self.seen)]
        return [_asked(leaf) for leaf in missing] if len(missing) == len(list(leaves(rule.when))) else []


class ReplayRules:
    """Folds rules over the findings of one model, as if every window had been judged once, in event time."""

    def __init__(
        self,
        rules: Sequence[Rule],
        metric_names: frozenset[str],
        panes: PaneReads,
        importances: Callable[[str], Mapping[str, float]] = lambda _baseline_id: {},
    ) -> None:
        """`importances` are those of a baseline, by its id."""
        self._rules, self._metric_names, self._panes, self._importances = rules, metric_names, panes, importances

    def run(self, model: MonitoredModel, reads: FindingReads, since: datetime, until: datetime) -> Replayed:
        """From inactive rules on, over the findings of windows that start in [since, until), a portion at a time."""
        folding = RuleFolding(self._rules, self._metric_names, self._panes, reads, lambda _model, _window: None)
        replayed, states = Replayed(), dict[Subject, RuleState]()
        while since < until:
            end = min(since + max(PORTION, model.windows.size), until)
            for judgement in self.judgements(model, reads.findings(model.name, since, end)):
                folded = folding.fold(model, judgement, states)
                states |= folded.states
                evaluation = judgement.evaluation
                checks = [finding.check for finding in judgement.findings]
                replayed.seen.update((check.test, check.column, check.segment) for check in checks)
                replayed.steps.append(Step(evaluation.window, evaluation.kind, folded.states, folded.events))
                replayed.transitions += folded.transitions
                replayed.requests += len(folded.requests)
            since = end
        return replayed

    def judgements(self, model: MonitoredModel, findings: Sequence[Finding]) -> Iterator[Judgement]:
        """The windows of the versions that served, by end and kind."""
        by_window: dict[tuple[Window, EvaluationKind], dict[str, list[Finding]]] = defaultdict(dict)
        for finding in findings:
            by_window[finding.window, finding.kind].setdefault(finding.model.version, []).append(finding)
        serving = self._serving(model, [window for window, _ in by_window])
        for (window, kind), by_version in sorted(by_window.items(), key=_in_event_time):
            version = serving.of(window)
            if version is None or version not in by_version:
                version = max(by_version, key=lambda one: (_records(by_version[one]), one))
            found = by_version[version]
            evaluation = Evaluation(ModelRef(model.name, version), window, kind, found[0].revision, _records(found))
            baseline_id = next((f.evidence.baseline_id for f in found if f.evidence.baseline_id), "")
            yield Judgement(evaluation, found, self._importances(baseline_id) if baseline_id else {})

    def _serving(self, model: MonitoredModel, windows: Sequence[Window]) -> ServingVersions:
        if not windows:
            return ServingVersions()
        since_ms, until_ms = min(one.start_ms for one in windows), max(one.end_ms for one in windows)
        return ServingVersions(self._panes.panes([PaneSpan(model.name, since_ms, until_ms, model.windows.slide_ms)]))


def past_alerts(replayed: Replayed, rules: Sequence[Rule], model: MonitoredModel) -> list[PastAlert]:
    """The alerts by start; one that began again soon after its end is a flap."""
    by_name = {rule.name: rule for rule in rules}
    open_now: dict[Subject, PastAlert] = {}
    over: list[PastAlert] = []
    reasons = {(t.subject, t.at, t.after): t.why for t in replayed.transitions}
    for step in replayed.steps:
        for subject, state in step.states.items():
            if state.phase.is_active and state.fired_at is not None:
                severity = severity_in(by_name[subject.rule], state)
                why = reasons.get((subject, state.fired_at, Phase.FIRING), "")
                before = open_now.get(subject) or PastAlert(subject, severity, state.fired_at, None, why)
                open_now[subject] = replace(before, severity=max(before.severity, severity, key=_rank))
            elif subject in open_now:
                over.append(replace(open_now.pop(subject), ends_at=step.window.end))
    return _with_flaps([*over, *open_now.values()], model)


def _with_flaps(alerts: Sequence[PastAlert], model: MonitoredModel) -> list[PastAlert]:
    by_subject: dict[Subject, list[PastAlert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda one: (one.starts_at, one.subject.rule, one.subject.segment)):
        by_subject[alert.subject].append(alert)
    soon = FLAP_WINDOWS * model.windows.size
    flapped = {
        id(later)
        for several in by_subject.values()
        for earlier, later in pairwise(several)
        if earlier.ends_at is not None and later.starts_at - earlier.ends_at <= soon
    }
    marked = [replace(one, is_flap=id(one) in flapped) for several in by_subject.values() for one in several]
    return sorted(marked, key=lambda one: (one.starts_at, one.subject.rule, one.subject.segment))


def _is_about(leaf: CheckIsBad | Measured | Trending, test: str, column: str, segment: str) -> bool:
    return leaf.test == test and leaf.column in {None, column} and leaf.segment in {None, segment}


def _asked(leaf: CheckIsBad | Measured | Trending) -> str:
    of = f"({leaf.column})" if leaf.column else ""
    return f"{leaf.test}{of}" + (f" [{leaf.segment}]" if leaf.segment else "")


def _in_event_time(
    item: tuple[tuple[Window, EvaluationKind], Mapping[str, Sequence[Finding]]],
) -> tuple[datetime, int, datetime]:
    window, kind = item[0]
    return window.end, _KINDS.index(kind), window.start


def _records(findings: Sequence[Finding]) -> int:
    return max((f.result.n_current for f in findings if f.result is not None), default=0)


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)
