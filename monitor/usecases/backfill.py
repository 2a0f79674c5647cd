"""Judge history: read files to their end, then judge every window that they complete, as the daemon would have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from monitor.domain.evaluation import DoneEvaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import EvaluationStore, Source, WindowReads
from monitor.domain.progress import ProgressTask
from monitor.domain.records import Joined
from monitor.domain.rules import Retirement, RuleState, Subject, Transition
from monitor.domain.stream import HISTORY_PREFIX, JoinSpan, PaneSpan, PaneSummary, PartitionProgress, Share, ShareSpan
from monitor.domain.time import Clock, duration_ms, to_ms
from monitor.domain.windows import Window
from monitor.usecases.ingest import Ingest
from monitor.usecases.ingest_report import StepReport


class FiniteSource(Source, Protocol):
    """A source that has an end."""

    @property
    def exhausted(self) -> bool:
        """Whether everything that was there has been delivered."""
        ...


@dataclass(slots=True)
class ReadTotals:
    """What became of the records of some files; `truths_ignored` are of models that take no ground truth.

    `truths_by_file` are both kinds of truths, by the file's path.
    """

    records: int = 0
    counted: int = 0
    late: int = 0
    duplicates: int = 0
    refused: int = 0
    truths: int = 0
    truths_ignored: int = 0
    truths_by_file: Counter[str] = field(default_factory=Counter)

    def add(self, report: StepReport) -> None:
        """Count one step."""
        self.records += report.records
        self.counted += report.counted.total()
        self.late += report.late.total()
        self.duplicates += report.duplicates.total()
        self.refused += report.refused.total()
        self.truths += report.truths
        self.truths_ignored += report.truths_ignored
        self.truths_by_file.update(report.truths_by_topic)

    def merge(self, other: "ReadTotals") -> None:
        """Count another worker's files."""
        self.records += other.records
        self.counted += other.counted
        self.late += other.late
        self.duplicates += other.duplicates
        self.refused += other.refused
        self.truths += other.truths
        self.truths_ignored += other.truths_ignored
        self.truths_by_file.update(other.truths_by_file)


def read_to_end(source: FiniteSource, ingest: Ingest, task: ProgressTask) -> ReadTotals:
    """Ingest everything, waiting for the database as long as it takes; the bar moves by records."""
    totals = ReadTotals()
    while not source.exhausted:
        report = ingest.step(0.0)
        totals.add(report)
        task.advance(report.records)
    while ingest.unsaved_records:
        report = ingest.drain()
        totals.add(report)
        task.advance(report.records)
    return totals


@dataclass(frozen=True, slots=True)
class FinishedReads:
    """The stream's state as it is when these files hold all there is: the pane of the newest record is complete.

    Windows that end later stay open: only records that are still to come could fill them.
    """

    reads: WindowReads
    model: MonitoredModel
    topics: frozenset[str]
    clock: Clock

    def progress(self) -> list[PartitionProgress]:
        """One partition that stands for all files, read to its end."""
        mine = [p for p in self.reads.progress() if p.partition.topic in self.topics and p.watermark_ms is not None]
        if not mine:
            return []
        newest = max(mine, key=lambda p: p.watermark_ms or 0)
        spec, now_ms = self.model.windows, to_ms(self.clock.now())
        pane_end_ms = spec.pane_start_ms(newest.watermark_ms or 0) + spec.slide_ms
        complete_ms = pane_end_ms + duration_ms(self.model.lateness)
        return [
            replace(
                newest,
                watermark_ms=complete_ms,
                highwater=newest.next_offset,
                updated_at_ms=now_ms,
                caught_up_at_ms=now_ms,
                owner=HISTORY_PREFIX,
            )
        ]

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """As stored."""
        return self.reads.panes(spans)

    def shares(self, spans: Sequence[ShareSpan]) -> list[Share]:
        """As stored."""
        return self.reads.shares(spans)

    def joined(self, span: JoinSpan) -> list[Joined]:
        """As stored."""
        return self.reads.joined(span)

    def predictions_count(self, ref: ModelRef, since_ms: int, until_ms: int) -> int:
        """As stored."""
        return self.reads.predictions_count(ref, since_ms, until_ms)


@dataclass(frozen=True, slots=True)
class QuietStore:
    """The evaluation store without consequences: nobody is told of history, and nothing is retrained because of it."""

    store: EvaluationStore

    def done(self, since_ms: Mapping[str, int]) -> list[DoneEvaluation]:
        """As stored."""
        return self.store.done(since_ms)

    def rule_states(self, *models: str) -> dict[Subject, RuleState]:
        """As stored."""
        return self.store.rule_states(*models)

    def standing(self) -> dict[Subject, RuleState]:
        """As stored."""
        return self.store.standing()

    def retire(self, retirement: Retirement) -> bool:
        """Save the end of a rule, and tell nobody."""
        return self.store.retire(replace(retirement, event=None))

    def commit(self, commit: EvaluationCommit) -> bool:
        """Save findings, states and transitions; drop alert events and retraining requests."""
        return self.store.commit(replace(commit, events=(), requests=()))

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        """As stored."""
        return self.store.findings(model, since, until, kind)

    def last_findings(self, check_name: str, before: Mapping[ModelRef, datetime]) -> dict[ModelRef, Finding]:
        """As stored."""
        return self.store.last_findings(check_name, before)

    def bad_windows(self, ref: ModelRef, check_name: str, since: datetime, until: datetime) -> list[Window]:
        """As stored."""
        return self.store.bad_windows(ref, check_name, since, until)

    def transitions(self, model: str | None = None) -> list[Transition]:
        """As stored."""
        return self.store.transitions(model)


def of_history(model: MonitoredModel) -> MonitoredModel:
    """The model without the checks of its reader, who is not behind because history is long ago."""
    return replace(model, stale_after=None, max_lag=None)
