"""The whole product in one process: every part real and built as in bootstrap, in a world that can fail."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import alerts.config
import alerts.plugins
from alerts import sending
from alerts.config import AlertsConfig
from alerts.errors import FailureReason, Retryable
from alerts.model import Receipt
from alerts.render.document import Message
from alerts.service import AlertService
from monitor.adapters.alert_relay import AlertRelay
from monitor.adapters.archive.folder import ArchiveFolder
from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.members import ArchivedSegments
from monitor.adapters.archive.writer import ParquetArchive
from monitor.adapters.codec import JsonCodec
from monitor.adapters.score_files import ScoreTables
from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.stores import SqlStores
from monitor.bootstrap.alerting import Teller
from monitor.domain.errors import TriggerFailed
from monitor.domain.ports import WindowReads
from monitor.domain.records import PartitionId
from monitor.domain.retraining import RetrainRequest
from monitor.domain.stream import Flush
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stream import shards
from monitor.stream.dead_letter_limit import DeadLetterLimit
from monitor.stream.shards import Shards
from monitor.usecases.archive import compact
from monitor.usecases.compare_candidate import CompareCandidate
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.ingest import Ingest, IngestSettings
from monitor.usecases.judging import Judge
from monitor.usecases.relay import Relay
from monitor.usecases.retrain import Retrain, RetrainParts
from monitor.usecases.retrain_facts import RetrainFacts
from monitor.usecases.verify_candidate import VerifyCandidate
from monitor.usecases.watch_promotion import WatchPromotion
from tests.simulation.database import Database
from tests.simulation.fates import Fates, LawBroken, Watched
from tests.simulation.scene import MODELS, POLICIES, ROUTES, RULES

FOLD_AT_ROWS = 16
"""Few, so that some rows are folded and some still wait when something happens."""

_SETTINGS = IngestSettings("", max_unsaved_records=60, dead_letters=DeadLetterLimit(None, 1, None))

_DECODE_AT = (1, 5, 1_000)
"""Some workers decode every poll, some several at once, some only what is to be saved: it must not matter."""


@dataclass(slots=True)
class Clocks:
    """The wall clock, which can jump, and the one that cannot."""

    wall: datetime
    seconds: float = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return self.wall

    def monotonic(self) -> float:
        """Seconds since some instant."""
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Both go on."""
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


class MailBox:
    """A channel that remembers every message it was sent, and refuses when told to."""

    name = "box"

    def __init__(self, fates: Fates) -> None:
        self.fates = fates
        self.sent: list[Message] = []
        self.refusals = 0

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Take the message; a crash may come between taking it and saying so."""
        self.fates.reach("send")
        if self.refusals:
            self.refusals -= 1
            raise Retryable(FailureReason.CONNECTION, detail="nobody answers")
        self.sent.append(message)
        self.fates.reach("sent")
        return Receipt({"number": str(len(self.sent))})


@dataclass(slots=True)
class Pipeline:
    """Trains when asked to; `running` are the jobs that were started and have not told how they ended."""

    started: list[str] = field(default_factory=list)
    running: dict[str, str] = field(default_factory=dict)
    refusals: int = 0
    resend_is_safe: bool = False

    def start(self, request: RetrainRequest, context: Mapping[str, object]) -> str | None:
        """Begin at once."""
        if self.refusals:
            self.refusals -= 1
            raise TriggerFailed("all machines are busy", retryable=True)
        self.started.append(request.key)
        self.running[request.key] = request.model
        return f"run-{len(self.started)}"


@dataclass(slots=True)
class Disk:
    """Where the archive is."""

    folder: Path
    is_full: bool = False

    @property
    def location(self) -> ArchiveLocation:
        """The folder, as the product knows it."""
        return ArchiveLocation(str(self.folder))


class _WitnessedStore:
    """The store, and somebody who looks whether every save that it took was that of the owner, at the place it left."""

    def __init__(self, database: Database) -> None:
        self._database, self._inner = database, database.stores.ingest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def flush(self, flushes: Sequence[Flush]) -> None:
        """Save, and look."""
        rows = self._database.rows("SELECT topic, partition, epoch, next_offset FROM progress")
        stood = {PartitionId(*row[:2]): row[2:] for row in rows}
        self._inner.flush(flushes)
        for flush in flushes:
            claim = flush.claim
            if stood[claim.partition] != (claim.epoch, flush.old_offset):
                raise LawBroken(
                    f"{claim.partition} stood in epoch and at offset {stood[claim.partition]}, and a save of epoch"
                    f" {claim.epoch} from offset {flush.old_offset} was taken"
                )


def build_ingest(source: object, database: Database, clocks: Clocks, disk: Disk, owner: str) -> Ingest:
    """A worker, every call of which to the world is a step."""
    watch = database.fates
    settings = replace(_SETTINGS, owner=owner, decode_at_records=_DECODE_AT[sum(owner.encode()) % len(_DECODE_AT)])
    return Ingest(
        watched_source(source, watch),
        Watched(_WitnessedStore(database), watch, {"flush": ("save", "saved")}),
        Watched(JsonCodec(), watch, {"decode": ("decode", "decoded")}),
        baselines=database.stores.baselines,
        models=MODELS,
        clock=clocks,
        settings=settings,
        archive=Watched(ParquetArchive(disk.location), watch, {"write": ("archive", "archived")}),
        monotonic=clocks.monotonic,
    )


def watched_source(source: object, fates: Fates) -> Any:
    """The source, every call of which is a step."""
    return Watched(source, fates, {"poll": ("poll", "polled"), "seek": ("seek", ""), "commit_hint": ("hint", "hinted")})


def build_evaluate(
    stores: SqlStores, fates: Fates, windows: WindowReads | None = None, store: object = None
) -> Evaluate:
    """An evaluation that looks for late records whenever it is called."""
    reads = windows or stores.windows
    judge = Judge(DRIFT_TESTS, PERFORMANCE_METRICS, reads, stores.baselines, "simulated", accounts=stores.accounts)
    return Evaluate(
        MODELS, RULES, judge, reads, Watched(store or stores.evaluations, fates, {"commit": ("judged", "")})
    )


def build_alerts(database: Database, clocks: Clocks, box: MailBox, owner: str) -> AlertService:
    """The alerts package on the same database."""
    return AlertService(lambda: writing(database.engine), _routes(), {"box": box}, clocks, owner=owner)


@cache
def _routes() -> AlertsConfig:
    return alerts.config.parse(ROUTES, alerts.plugins.discover())


def build_relay(database: Database, service: AlertService) -> Relay:
    """The relay, in batches small enough to be cut off."""
    sink = Watched(AlertRelay(service), database.fates, {"accept": ("accept", "accepted")})
    return Relay(database.stores.outbox, sink, batch=5)


def build_teller(database: Database, service: AlertService) -> Teller:
    """The dispatcher's work."""
    return Teller(service, database.engine)


def build_retrain(database: Database, clocks: Clocks, pipeline: Pipeline) -> Retrain:
    """The retraining knock; baselines of new versions are built by hand here."""
    stores, compare = database.stores, CompareCandidate(PERFORMANCE_METRICS)
    facts = RetrainFacts(
        MODELS,
        RULES,
        PERFORMANCE_METRICS,
        stores.records,
        stores.evaluations,
        stores.windows,
        holds=stores.holds,
        clock=clocks,
    )
    segments = ArchivedSegments(lambda: ArchiveLocation("nowhere"), stores.records)
    return Retrain(
        RetrainParts(
            models=MODELS,
            policies=POLICIES,
            triggers={"pipeline": Watched(pipeline, database.fates, {"start": ("start", "started")})},
            jobs=stores.jobs,
            holds=stores.holds,
            baselines=stores.baselines,
            build_candidate=lambda ref, place: "",
            facts=facts,
            verification=VerifyCandidate(stores.evaluations, stores.pairs, compare, ScoreTables(), segments),
            watching=WatchPromotion(stores.evaluations, stores.pairs, compare),
            parameters=lambda request, policy: {"policy": policy.name},
            clock=clocks,
        )
    )


def build_compaction(database: Database, disk: Disk) -> Callable[[], int]:
    """The knock that makes the archive's small files into one."""
    watch = database.fates
    manifest = Watched(database.stores.archive, watch, {"replace": ("list", "listed")})
    folder = Watched(ArchiveFolder(disk.location), watch, {"merge": ("merge", "merged"), "delete": ("", "deleted")})
    return lambda: compact(manifest, folder, list(MODELS.values()), database.stores.windows.progress())


@contextmanager
def on_stage(fates: Fates, disk: Disk) -> Iterator[None]:
    """While this lasts, steps inside the product's own functions are steps, and its threads run in order."""
    fold = Shards._fold

    def watched_fold(self: Shards, *about: Any) -> None:
        fates.reach("fold")
        fold(self, *about)

    def keep(_: int) -> None:  # instead of fsync: a process that dies loses nothing that the kernel has
        fates.reach("half archived")
        if disk.is_full and fates.actor:
            raise OSError(errno.ENOSPC, "No space left on device")

    with ExitStack() as stack:
        stack.enter_context(patch.object(shards, "FOLD_AT_ROWS", FOLD_AT_ROWS))
        stack.enter_context(patch.object(Shards, "_fold", watched_fold))
        stack.enter_context(patch.object(os, "fsync", keep))
        stack.enter_context(patch.object(sending, "Thread", _InOrder))
        yield


class _InOrder:
    """A thread that has run when `start` returns, so that the same seed is the same run."""

    def __init__(self, target: Callable[..., None], args: tuple[object, ...], name: str, daemon: bool) -> None:
        self._target, self._args = target, args

    def start(self) -> None:
        self._target(*self._args)
