"""Judge what is due, fold the rules over it, and save both with the alert events that follow."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import AlarmStore, EvaluationStore, WindowReads
from monitor.domain.rules import Rule, RuleState, Subject, Transition
from monitor.domain.sequential import SequentialAlarm
from monitor.domain.stream import PaneSpan, PartitionProgress
from monitor.domain.time import from_ms, to_ms
from monitor.domain.windows import Window
from monitor.schedule.closing import closes_until_ms
from monitor.usecases.due_windows import Closing, DueModel, ServingVersions, due_windows
from monitor.usecases.folding import Folded, JobReads, RuleFolding
from monitor.usecases.judging import FindBefore, Judge, Judgement
from monitor.usecases.sequential import by_minute, judge_minute, minute_until
from monitor.usecases.stored_windows import Wanted, in_portions, rests_on_shares
from monitor.usecases.watching import evaluation_of, watch
from monitor.usecases.whole_model import CHECK_NAME, Before

_PAUSE = 5
"""A sweep begins so many times its own duration after the one before began."""

ALARMS_AT_ONCE = 1_000
"""So many alarms of sequential detectors are judged in one run; the next goes on."""

MODELS_AT_ONCE = 100
"""For so many models the database is asked at once what is due, and their panes are in memory together."""


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
        monotonic: Callable[[], float] = time.monotonic,
        link: Callable[[str, Window], str | None] = lambda _model, _window: None,
        alarms: AlarmStore | None = None,
        jobs: JobReads | None = None,
    ) -> None:
        self._models, self._judge, self._windows, self._store = models, judge, windows, store
        self._folding = RuleFolding(rules, judge.metric_names, windows, store, link, jobs=jobs)
        self._spread = spread
        self._sweep_every, self._monotonic = sweep_every, monotonic
        self._sweep_took = timedelta(0)
        self._swept_at: datetime | None = None
        self._closed_to: dict[str, int] = {}
        self._watched: dict[str, Window] = {}
        self._alarms = alarms
        self._quiet: dict[str, Window] = {}

    def run_once(self, now: datetime) -> EvaluateReport:
        """Judge everything that is due as of `now`; the present is only noted in the evidence.

        A model none of whose windows has closed since the last run is asked for late records and late truth once every
        `sweep_every` only, so that knocking every second costs thousands of quiet models nothing; and more seldom when
        that takes long, as where millions of predictions wait for truth: a fifth of the time at most. The database is
        read for `MODELS_AT_ONCE` models in a few queries, and so are shares, for as many windows as fit into memory.
        """
        report, began_s = EvaluateReport(), self._monotonic()
        progress = self._windows.progress()
        sweep = self._is_to_sweep(now)
        for model in self._models.values():
            self._watch(model, progress, now, report)
        self._judge_alarms(progress, now, report)
        closing = self._closing(progress, everything=sweep)
        while batch := list(islice(closing, MODELS_AT_ONCE)):
            self._run(batch, progress, now, report)
            self._closed_to |= {model.name: _windows_closed(model, until_ms) for model, until_ms in batch}
        if sweep:
            self._swept_at = now
            self._sweep_took = timedelta(seconds=self._monotonic() - began_s)
        return report

    def _watch(
        self, model: MonitoredModel, progress: Sequence[PartitionProgress], now: datetime, report: EvaluateReport
    ) -> None:
        """Once a minute, whether the stream is read: kept when it is not, or when a rule changes its mind about it."""
        findings = watch(model, progress, now, self._judge.code_version)
        if not findings or self._watched.get(model.name) == findings[0].window:
            return
        self._watched[model.name] = findings[0].window
        judgement = Judgement(evaluation_of(findings), findings)
        states = self._store.rule_states(model.name)
        folded = self._folding.fold(model, judgement, states)
        if folded.transitions or _remembers(folded, states) or any(finding.verdict.is_bad for finding in findings):
            self._commit(judgement, folded, states, now, report)

    def _judge_alarms(self, progress: Sequence[PartitionProgress], now: datetime, report: EvaluateReport) -> None:
        """What sequential detectors raised since, and the end of what rules on them have told.

        Alarms of models that are not ours are left to those whose they are: a backfill judges one model at a time.
        """
        watched = {name: model for name, model in self._models.items() if model.sequential}
        if self._alarms is None or not watched:
            return
        unjudged = self._alarms.unjudged(watched, ALARMS_AT_ONCE)
        for (ref, window), alarms in by_minute(unjudged).items():
            self._judge_minute(self._alarms, watched[ref.name], ref, window, now, report)
            self._alarms.judged(alarms, to_ms(now))
        if len(unjudged) == ALARMS_AT_ONCE:
            return  # there may be more, of minutes that are not quiet
        for model in watched.values():
            self._quieten(model, progress, now, report)

    def _judge_minute(  # noqa: PLR0917 - whose minute, and where it goes
        self,
        alarms: AlarmStore,
        model: MonitoredModel,
        ref: ModelRef,
        window: Window,
        now: datetime,
        report: EvaluateReport,
    ) -> None:
        """All alarms of the minute together, in a new revision if some are new."""
        of_all = alarms.raised(model.name, window.start_ms, window.end_ms)
        raised = [alarm for alarm in of_all if alarm.key.version == ref.version]
        mine = (ref, window, EvaluationKind.SEQUENTIAL)
        done = [
            one
            for one in self._store.done({model.name: window.end_ms - 1})
            if (one.model, one.window, one.kind) == mine
        ]
        if any(one.mark >= len(raised) for one in done):
            return
        revision = max((one.revision + 1 for one in done), default=0)
        judgement = self._of_minute(model, ref, window, revision, raised, now)
        states = self._store.rule_states(model.name)
        serves = self._serving(model, window) in {None, ref.version}
        folded = self._folding.fold(model, judgement, states) if serves else Folded()
        self._commit(judgement, folded, states, now, report)

    def _quieten(
        self, model: MonitoredModel, progress: Sequence[PartitionProgress], now: datetime, report: EvaluateReport
    ) -> None:
        """Once a minute of event time in which nothing was raised: kept when a rule changes its mind about it."""
        until_ms = closes_until_ms(model, progress)
        if until_ms is None or self._quiet.get(model.name) == (window := minute_until(until_ms)):
            return
        self._quiet[model.name] = window
        states = self._store.rule_states(model.name)
        judgement = self._of_minute(model, ModelRef(model.name, ""), window, 0, (), now)
        folded = self._folding.fold(model, judgement, states)
        if folded.transitions or _remembers(folded, states):
            self._commit(judgement, folded, states, now, report)

    def _of_minute(  # noqa: PLR0917 - what a judgement is about
        self,
        model: MonitoredModel,
        ref: ModelRef,
        window: Window,
        revision: int,
        alarms: Sequence[SequentialAlarm],
        now: datetime,
    ) -> Judgement:
        baseline = self._judge.baseline_at(ref, window.start_ms)
        return judge_minute(model, ref, window, revision, alarms, baseline, now, self._judge.code_version)

    def _serving(self, model: MonitoredModel, window: Window) -> str | None:
        """The version that serves in the panes around a minute."""
        slide_ms = model.windows.slide_ms
        first, end = window.start_ms // slide_ms * slide_ms, window.end_ms
        panes = self._windows.panes([PaneSpan(model.name, first, end, slide_ms)])
        return ServingVersions(panes).of(Window(from_ms(first), window.end))

    def _is_to_sweep(self, now: datetime) -> bool:
        """Whether the last sweep is long ago, or lies ahead of a clock that was set back."""
        pause = max(self._sweep_every, _PAUSE * self._sweep_took) if self._sweep_every else timedelta(0)
        return self._swept_at is None or not timedelta(0) <= now - self._swept_at < pause

    def _closing(
        self, progress: Sequence[PartitionProgress], *, everything: bool
    ) -> Iterator[tuple[MonitoredModel, int]]:
        """The models that may have something due."""
        for model in self._models.values():
            until_ms = closes_until_ms(model, progress)
            if until_ms is None:
                continue
            if everything or self._closed_to.get(model.name) != _windows_closed(model, until_ms):
                yield model, until_ms

    def _run(
        self,
        closing: Sequence[Closing],
        progress: Sequence[PartitionProgress],
        now: datetime,
        report: EvaluateReport,
    ) -> None:
        found = {
            one.model.name: one for one in due_windows(closing, progress, self._windows, self._store, self._spread)
        }
        if not found:
            return
        states = self._store.rule_states(*found)
        wanted = ((one.model, evaluation) for one in found.values() for evaluation in one.evaluations)
        for portion in in_portions(wanted):
            stored = self._judge.read(portion)
            for judgement in self._judge.judge_all(portion, stored, now, self._before(portion)):
                self._evaluate(found[judgement.evaluation.model.name], judgement, states, now, report)

    # --- one evaluation

    def _before(self, portion: Sequence[Wanted]) -> FindBefore:
        """Where the check of the whole model stood at the end of the window before: its state is in that finding.

        Read at once for the first window of each version; a later one goes on from what the portion saves meanwhile.
        """
        firsts: dict[ModelRef, datetime] = {}
        for model, evaluation in portion:
            if _has_state(model, evaluation):
                firsts.setdefault(evaluation.model, evaluation.window.start)
        ahead = self._store.last_findings(CHECK_NAME, firsts)

        def before(model: MonitoredModel, evaluation: Evaluation) -> Before:
            ref, start = evaluation.model, evaluation.window.start
            if not _has_state(model, evaluation):
                return Before()
            found = ahead if firsts[ref] == start else self._store.last_findings(CHECK_NAME, {ref: start})
            return Before.of(found.get(ref))

        return before

    def _evaluate(
        self,
        of: DueModel,
        judgement: Judgement,
        states: dict[Subject, RuleState],
        now: datetime,
        report: EvaluateReport,
    ) -> None:
        """Fold and commit; versions that do not serve are recorded, and move no rule.

        `states` follow what is committed, by this process or by another that was faster.
        """
        evaluation = judgement.evaluation
        serves = of.serving.of(evaluation.window) in {None, evaluation.model.version}
        folded = self._folding.fold(of.model, judgement, states) if serves else Folded()
        self._commit(judgement, folded, states, now, report)

    def _commit(
        self,
        judgement: Judgement,
        folded: Folded,
        states: dict[Subject, RuleState],
        now: datetime,
        report: EvaluateReport,
    ) -> None:
        model = judgement.evaluation.model.name
        commit = EvaluationCommit(
            judgement.evaluation,
            judgement.findings,
            folded.states,
            folded.transitions,
            folded.events,
            folded.requests,
            to_ms(now),
        )
        if not self._store.commit(commit):
            states |= self._store.rule_states(model)
            return
        states |= folded.states
        report.judged[model] += 1
        report.verdicts.update(finding.verdict.value for finding in judgement.findings)
        report.transitions += folded.transitions
        report.requests += len(folded.requests)


def _remembers(folded: Folded, states: Mapping[Subject, RuleState]) -> bool:
    """Whether a rule remembers more than before, as votes, which must not be lost though nothing else happened."""
    return any(state.memory != states.get(subject, RuleState()).memory for subject, state in folded.states.items())


def _has_state(model: MonitoredModel, evaluation: Evaluation) -> bool:
    """Whether judging the window goes on from a state."""
    return model.alarm_budget is not None and rests_on_shares(evaluation)


def _windows_closed(model: MonitoredModel, until_ms: int) -> int:
    """A number that grows whenever another window of the model has closed."""
    return until_ms // model.windows.slide_ms
