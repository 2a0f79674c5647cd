"""Protocols by which use cases reach the world; each has an in-memory use and a conformance kit in `testing/`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from monitor.domain.evaluation import DoneEvaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ModelRef
from monitor.domain.records import Joined, KeptLetter, LetterQuery, PartitionId, RawRecord, Truth, TruthTally
from monitor.domain.retraining import OperatorHold, RetrainJob, RetrainRequest, RunState
from monitor.domain.rules import AlertEvent, Retirement, RuleState, Subject, Transition
from monitor.domain.sequential import SequentialAlarm
from monitor.domain.stream import (
    ArchiveFile,
    Claim,
    Flush,
    Half,
    HalfKey,
    JoinSpan,
    PaneAccount,
    PaneSpan,
    PaneStatement,
    PaneSummary,
    PartitionProgress,
    Share,
    ShareSpan,
    TopicKind,
)
from monitor.domain.submission import Message, Receipt, Refusal, SubmissionKey
from monitor.domain.verification import JudgedRecord
from monitor.domain.windows import Window


class Source(Protocol):
    """Where records come from. Offsets name the *next* record; losing a partition loses nothing.

    Any exception out of a source means: close it and build a new one from the stored offsets.
    """

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """The partitions that this worker should read now; may change after any poll."""
        ...

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records of assigned partitions in offset order, empty when none came; SourceUnavailable on trouble.

        UnreadableRecords when the log itself is damaged there and everything before was delivered; after a seek past
        it the source may be used on.
        """
        ...

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Deliver from this offset next (None: from the configured start). Called for every newly claimed partition."""
        ...

    def highwater(self, partition: PartitionId) -> int | None:
        """The offset after the last record of the partition as last seen, None when not known yet."""
        ...

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Tell lag tools how far we are; never read back, failures are ignored."""
        ...

    def close(self) -> None:
        """Leave the group and release everything; may be called twice."""
        ...


class RecordLog(Protocol):
    """A durable log of our own, for records that no broker keeps. Every method is one transaction."""

    def backlog(self) -> int:
        """Number of records that are in the log and not folded yet; StoreUnavailable on trouble."""
        ...

    def append(
        self, messages: Sequence[Message], refusals: Sequence[Refusal], key: SubmissionKey | None, now_ms: int
    ) -> Receipt:
        """Keep what is not there yet; what the receipt accepts survives a power cut.

        A key that is known answers with its first receipt and keeps nothing; SubmissionRefused when it came with
        another content. StoreUnavailable when nothing could be kept.
        """
        ...

    def sweep(self, keep_after_ms: int, remember_after_ms: int) -> Mapping[str, int]:
        """Drop folded records received before the first instant, ids and keys received before the second, by table."""
        ...


class IngestStore(Protocol):
    """What a consuming worker needs of the database. Every method is one transaction; StoreUnavailable on trouble."""

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        """Raise the partition's epoch and say where to go on; whoever held it before is fenced from now on."""
        ...

    def flush(self, flushes: Sequence[Flush]) -> None:
        """Save all of it in one transaction, or nothing; Fenced (with the partition) when somebody is ahead of us."""
        ...

    def heartbeat(self, claim: Claim, caught_up_at_ms: int | None, highwater: int | None) -> None:
        """Note that the partition is being read and, if its end is reached, that it was so at this wall-clock time.

        None keeps what is known. Changes nothing when somebody else claimed the partition since.
        """
        ...


class HalfStore(Protocol):
    """What a worker asks about halves that wait (docs/decisions/0020); they are written by `IngestStore.flush`.

    Every method is one transaction; StoreUnavailable on trouble.
    """

    def waiting(self, partition: PartitionId) -> tuple[list[Half], int | None]:
        """The partition's waiting halves as its last flush left them, and the newest event time of its halves."""
        ...

    def requests_elsewhere(self, partition: PartitionId) -> list[tuple[HalfKey, Half]]:
        """For responses that wait in this partition: (response, request) where the request waits in another one."""
        ...

    def passed_ms(self, now_ms: int) -> int | None:
        """How far event time has come wherever halves are read: the least of the partitions that lag.

        The newest of all when none lags. A partition lags unless its end was seen within 30 s of `now_ms` (wall
        clock); one that nobody has read for a day holds nobody back. When no record has come to any for ten minutes,
        time passes with the wall clock from then on. None when no half was ever saved.
        """
        ...


class WindowReads(Protocol):
    """What the evaluation reads of the stream's state."""

    def progress(self) -> list[PartitionProgress]:
        """Every partition ever claimed."""
        ...

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:
        """Panes of all versions (segment: all traffic) in the spans, by model, version and start; a span a model.

        Truths are counted by the time of their prediction.
        """
        ...

    def shares(self, spans: Sequence[ShareSpan]) -> list[Share]:
        """Shares in the spans, each once, ordered by model, version, segment, pane, partition, epoch."""
        ...

    def joined(self, span: JoinSpan) -> list[Joined]:
        """The predictions of the span whose truth is known, by event id, each once.

        A pure function of the sets of predictions and statements, in whatever order and however often they came.
        """
        ...

    def predictions_count(self, ref: ModelRef, since_ms: int, until_ms: int) -> int:
        """How many predictions made in [since, until) are in the store, with or without truth; an id counts once."""
        ...


class AccountReads(Protocol):
    """What became of every record, pane by pane."""

    def accounts(self, model: str, since_ms: int, until_ms: int) -> list[PaneAccount]:
        """Panes of all versions that start in [since, until), by start and version.

        Refused records do not tell their version: theirs is empty.
        """
        ...

    def refused_of_no_model(self, since_ms: int, until_ms: int) -> dict[str, int]:
        """Refused records that belong to no known model, by reason, of the hours that start in [since, until)."""
        ...

    def statements(self, spans: Sequence[ShareSpan]) -> list[PaneStatement]:
        """What producers say of the panes in the spans (whatever their segment), by model, version and pane.

        Panes of which nobody says anything are not among them.
        """
        ...

    def duplicates(self, spans: Sequence[ShareSpan]) -> dict[tuple[ModelRef, int], int]:
        """Records that had been seen before, by model version and pane, of the panes in the spans that have any."""
        ...

    def volumes(self, model: str, spans_ms: Sequence[tuple[int, int]]) -> list[int | None]:
        """Records of all versions in the panes that start in [start, end), for each span.

        None where the model's first pane is later than that start: it was not there yet.
        """
        ...


class BaselineStore(Protocol):
    """Immutable baselines by content id, and which of them holds from when for which model version."""

    def put(self, baseline_id: str, ref: ModelRef, payload: bytes, summary: Mapping[str, object]) -> bool:
        """Store once; False when it was there. BaselineError when the version has another baseline already."""
        ...

    def get(self, baseline_id: str) -> bytes:
        """The payload; BaselineError when unknown."""
        ...

    def promote(self, ref: ModelRef, baseline_id: str, effective_from_ms: int | None, why: str) -> None:
        """From this event time on (None: always), windows of the version are compared with this baseline."""
        ...

    def timeline(self, model: str) -> list[tuple[str, int | None, str]]:
        """(version, effective from, baseline id) of a model's promotions, oldest first."""
        ...

    def timelines(self, models: Collection[str]) -> dict[str, list[tuple[str, int | None, str]]]:
        """The timeline of each of the models that have one."""
        ...

    def summaries(self, model: str | None = None) -> list[Mapping[str, object]]:
        """What is shown of the stored baselines: id, model, version, created, rows, columns, promoted."""
        ...


class EvaluationStore(Protocol):
    """Findings, rule states and transitions."""

    def done(self, since_ms: Mapping[str, int]) -> list[DoneEvaluation]:
        """The newest judged revision of every window that ends after its model's instant, model by model."""
        ...

    def rule_states(self, *models: str) -> dict[Subject, RuleState]:
        """Where every rule stands for these models."""
        ...

    def standing(self) -> dict[Subject, RuleState]:
        """Every rule that is not inactive, of all models: also of such as are not configured any more."""
        ...

    def retire(self, retirement: Retirement) -> bool:
        """Save the end of a rule in one transaction; False when it does not stand where it was found any more."""
        ...

    def commit(self, commit: EvaluationCommit) -> bool:
        """Save everything of one evaluation in one transaction; False when it is there already."""
        ...

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        """Findings of the newest revisions whose windows start in [since, until), by window and check."""
        ...

    def last_findings(self, check_name: str, before: Mapping[ModelRef, datetime]) -> dict[ModelRef, Finding]:
        """The check's finding, in its newest revision, about the last window that starts before the version's instant.

        Versions without one are left out.
        """
        ...

    def bad_windows(self, ref: ModelRef, check_name: str, since: datetime, until: datetime) -> list[Window]:
        """The windows that overlap [since, until) and of which the check's newest finding is bad, oldest first."""
        ...

    def transitions(self, model: str | None = None) -> list[Transition]:
        """Every recorded change of phase, oldest first."""
        ...


class AlarmStore(Protocol):
    """Alarms of sequential detectors; consuming workers add them with their offsets."""

    def unjudged(self, models: Collection[str], limit: int) -> list[SequentialAlarm]:
        """The first `limit` of these models that no finding tells of yet, by the event time their detector reached."""
        ...

    def raised(self, model: str, since_ms: int, until_ms: int) -> list[SequentialAlarm]:
        """Those whose detectors had reached [since, until), judged or not, in the same order."""
        ...

    def judged(self, alarms: Sequence[SequentialAlarm], at_ms: int) -> None:
        """Mark as judged; those that are marked stay as they are."""
        ...


class OutboxStore(Protocol):
    """Alert events that wait for the relay."""

    def pending(self, limit: int) -> list[tuple[int, AlertEvent]]:
        """(sequence number, event) in order."""
        ...

    def enqueue(self, events: Sequence[AlertEvent]) -> None:
        """Add events that no evaluation made (about retraining jobs)."""
        ...

    def relayed(self, sequence_numbers: Sequence[int]) -> None:
        """Mark as handed over."""
        ...


class JobStore(Protocol):
    """The retraining ledger. At most one open job a model, enforced by the database.

    The alert events about a change are saved with it, or not at all when the change is not.
    """

    def pending_requests(self, limit: int) -> list[tuple[int, RetrainRequest]]:
        """Requests that the guard has not seen, in order."""
        ...

    def ask(self, request: RetrainRequest) -> None:
        """Queue a request for the guard; one that was asked before is not queued again."""
        ...

    def settle_request(self, sequence: int, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> bool:
        """Record the guard's decision and the job in one transaction; False when another open job got there first."""
        ...

    def update(self, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> RetrainJob | None:
        """Replace the job's row by its next revision and keep the change in its history; the job as saved.

        None, and nothing saved, when it was changed since the revision given: whoever came first is right.
        MonitorError when the job is unknown, or would be a second open job of its model.
        """
        ...

    def get(self, key: str) -> RetrainJob | None:
        """The job with this key."""
        ...

    def jobs(self, model: str | None = None) -> list[RetrainJob]:
        """Every job, oldest first."""
        ...


class HoldStore(Protocol):
    """What operators hold, whatever alerts are silenced."""

    def holds(self, now: datetime) -> list[OperatorHold]:
        """Those that are not over, oldest first."""
        ...

    def ever(self) -> list[OperatorHold]:
        """All there were, oldest first."""
        ...

    def hold(self, hold: OperatorHold) -> None:
        """Add one."""
        ...

    def release(self, model: str, by: str, at: datetime) -> int:
        """End every hold that names the model exactly; how many there were."""
        ...


class PairReads(Protocol):
    """Predictions and their truth, record by record."""

    def judged(self, span: JoinSpan) -> list[JudgedRecord]:
        """The predictions of the span whose truth is known, by event id, each once: the latest made and known."""
        ...


class Records(Protocol):
    """What people look at when records were refused, and where raw rows are."""

    def dead_letters(self, limit: int, model: str | None = None) -> list[KeptLetter]:
        """The dead letters that were seen last, newest first."""
        ...

    def kept_letters(self, query: LetterQuery, limit: int) -> list[KeptLetter]:
        """Dead letters that match, by topic, partition and offset, the first `limit`."""
        ...

    def dead_letter_counts(self) -> dict[str, int]:
        """Number of dead letters by reason."""
        ...

    def archive(self, ref: ModelRef, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        """Archive files that hold event times in [since, until)."""
        ...

    def archived(self, model: str, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        """Archive files of all versions that hold event times in [since, until), by start and path."""
        ...

    def truth_count(self, model: str, since_ms: int) -> int:
        """Ids of a model with a statement of truth known since the instant (event time)."""
        ...


class TruthReads(Protocol):
    """What is stored of ground truth, for people who ask what was said of a prediction."""

    def tallies(self, model: str) -> list[TruthTally]:
        """What is stored of each kind of truth of a model, by name."""
        ...

    def statements(self, model: str, event_id: str) -> list[Truth]:
        """Every statement about one prediction, by name and in the order in which they hold: the last one counts."""
        ...


class ArchiveManifest(Protocol):
    """Which files of the archive hold which rows; consuming workers add to it."""

    def files(self, model: str, until_ms: int | None = None) -> list[ArchiveFile]:
        """A model's files that hold nothing from `until_ms` on (None: all), by version, start and path."""
        ...

    def models(self) -> list[str]:
        """Every model that has files, configured or not."""
        ...

    def replace(self, files: Sequence[ArchiveFile], merged: ArchiveFile) -> bool:
        """List one file in the place of others, in one transaction; False when one of them is no longer listed."""
        ...

    def forget(self, path: str) -> None:
        """Take a file from the list."""
        ...


class Retention(Protocol):
    """Forgetting what is older than people want to keep."""

    def sweep(self, model: str, records_before_ms: int, findings_before_ms: int, limit: int) -> Mapping[str, int]:
        """Delete at most `limit` rows of each table; the number of deleted rows by table. Call until nothing goes.

        Shares, predictions and truths go by event time, dead letters and relayed alert events by wall clock, all
        before `records_before_ms`; findings, evaluations and transitions whose windows ended before
        `findings_before_ms`.
        """
        ...


class Lease(Protocol):
    """A named right held by one process at a time; saves doubled work, correctness never rests on it."""

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew for so many seconds by the database's clock; False when somebody else has it."""
        ...


class AlertSink(Protocol):
    """Where alert events go: the alerts package, or a real Alertmanager."""

    def accept(self, events: Sequence[AlertEvent]) -> None:
        """Take the events; handing one over twice is harmless. Raises StoreUnavailable to be asked again."""
        ...


class RetrainTrigger(Protocol):
    """Starts a training pipeline.

    `resend_is_safe`: starting the same key again begins no second run. Without it the ledger asks at most once a job,
    unless TriggerFailed says that nothing began.
    """

    @property
    def resend_is_safe(self) -> bool:
        """Whether the pipeline knows the key again."""
        ...

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        """Ask for the run, with `request.key` as idempotency key; returns the pipeline's own id if it has one."""
        ...


@runtime_checkable
class FollowsRuns(Protocol):
    """A trigger that can also say where the run stands; others wait for the call-back alone."""

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        """The run of the request, by its id or else by its key; any exception means that nobody can say now."""
        ...


class RowReader(Protocol):
    """Tabular training data: CSV, Parquet, a folder of either, or a SQL query."""

    def batches(self) -> Iterable[Mapping[str, Sequence[object]]]:
        """Column name to values, batch by batch; the same columns in each."""
        ...
