"""A whole consuming worker on a log in memory and a real database in memory, for tests of ingest."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.baselines import SqlBaselineStore
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.tables import metadata
from monitor.adapters.sql.windows import SqlWindowReads
from monitor.domain.errors import StoreUnavailable
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel, Segment
from monitor.domain.ports import IngestStore, Source
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim, Flush, PartitionProgress, Share, ShareSpan, TopicKind
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.ingest import ArchiveWriter, Ingest, IngestSettings

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
START_MS = 1_793_520_000_000  # 2026-11-01T08:00:00Z
MINUTE_MS = 60_000
PANE_MS = 10 * MINUTE_MS
CHURN, FRAUD = ModelRef("churn", "1"), ModelRef("fraud", "2")
TOPIC = "log"


def partition(number: int = 0) -> PartitionId:
    return PartitionId(TOPIC, number)


def models(**settings: object) -> dict[str, MonitoredModel]:
    """Two models with panes of ten minutes; churn has a segment and waits for ground truth."""
    windows = WindowSpec(timedelta(minutes=20), timedelta(minutes=10))
    lateness, retention = timedelta(minutes=2), timedelta(hours=1)
    policy = GroundTruthPolicy(timedelta(hours=1), 0.5, timedelta(days=1))
    known = {"segments": (Segment("pro", "plan", "pro"),), "ground_truth": policy, **settings}
    return {
        "churn": MonitoredModel("churn", windows, lateness, retention, **known),  # type: ignore[arg-type]
        "fraud": MonitoredModel("fraud", windows, lateness, retention),
    }


def baseline(ref: ModelRef, seed: int = 0) -> Baseline:
    chance = np.random.default_rng(seed)
    plans = [("pro", "basic")[k] for k in chance.integers(0, 2, 400)]
    columns: dict[str, Column] = {
        "age": NumericColumn(chance.normal(40, 10, 400)),
        "plan": CategoricalColumn(plans),
        "score": NumericColumn(chance.random(400)),
    }
    return Baseline.build(ref, columns)


def message(number: int, event_time_ms: int, ref: ModelRef = CHURN, **changes: object) -> bytes:
    """A record whose values follow from its number."""
    chance = np.random.default_rng(number)
    record = {
        "event_id": f"e{number}",
        "model": ref.name,
        "model_version": ref.version,
        "event_time": event_time_ms,
        "features": {"age": float(chance.normal(40, 12)), "plan": ("pro", "basic", "new")[number % 3]},
        "prediction": "yes" if number % 2 else "no",
        "score": float(chance.random()),
        **changes,
    }
    return json.dumps(record).encode()


class ScriptedClock:
    """The present, as told."""

    def __init__(self, now: datetime = NOW) -> None:
        self.present = now

    def now(self) -> datetime:
        return self.present


class Ticks:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class ShakyStore:
    """The store, as long as it is not told to refuse: `refusals` calls fail, half of them after they took effect."""

    def __init__(self, store: IngestStore) -> None:
        self.store = store
        self.refusals = 0
        self.after_effect = False
        self.calls: Counter[str] = Counter()
        self.heartbeats: list[tuple[int | None, int | None]] = []

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        self._call("claim")
        return self.store.claim(partition, kind, owner)

    def flush(self, flushes: Sequence[Flush]) -> None:
        if self.refusals and self.after_effect:
            self.store.flush(flushes)
        self._call("flush")
        self.store.flush(flushes)

    def heartbeat(self, claim: Claim, caught_up_at_ms: int | None, highwater: int | None) -> None:
        self._call("heartbeat")
        self.heartbeats.append((caught_up_at_ms, highwater))
        self.store.heartbeat(claim, caught_up_at_ms, highwater)

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("the database is restarting")


@dataclass
class Rig:
    """The log and the database outlive every worker."""

    partitions: int = 1
    kind: TopicKind = TopicKind.INFERENCE
    models: dict[str, MonitoredModel] = field(default_factory=models)
    clock: ScriptedClock = field(default_factory=ScriptedClock)
    ticks: Ticks = field(default_factory=Ticks)

    def __post_init__(self) -> None:
        self.engine = create_engine("sqlite://")
        metadata.create_all(self.engine)  # what the migrations make, in less time
        self.log = MemoryLog()
        self.log.create(TOPIC, self.partitions, self.kind)
        self.store = ShakyStore(SqlIngestStore(self.engine))
        self.baselines = SqlBaselineStore(self.engine)
        self.reads = SqlWindowReads(self.engine)

    def promote(self, made: Baseline, from_ms: int | None = None) -> None:
        self.baselines.put(made.id, made.ref, made.to_bytes(), made.describe())
        self.baselines.promote(made.ref, made.id, from_ms, "test")

    def worker(
        self,
        source: Source | None = None,
        archive: ArchiveWriter | None = None,
        store: IngestStore | None = None,
        owner: str = "me",
        **settings: object,
    ) -> Ingest:
        """Unless told otherwise, it decodes every poll."""
        chosen = IngestSettings(owner, **{"decode_at_records": 1, **settings})  # type: ignore[arg-type]
        return Ingest(
            source or MemorySource(self.log),
            store or self.store,
            JsonCodec(),
            baselines=self.baselines,
            models=self.models,
            clock=self.clock,
            settings=chosen,
            archive=archive,
            monotonic=self.ticks,
        )

    def progress(self) -> dict[PartitionId, PartitionProgress]:
        return {one.partition: one for one in self.reads.progress()}

    def shares(self, ref: ModelRef = CHURN, segment: str = "") -> list[Share]:
        return self.reads.shares([ShareSpan(ref, segment, 0, 2**53)])

    def counted(self, ref: ModelRef = CHURN, segment: str = "") -> dict[int, int]:
        """Records by pane, in panes since START_MS."""
        found: Counter[int] = Counter()
        for share in self.shares(ref, segment):
            found[(share.key.pane_start_ms - START_MS) // PANE_MS] += share.n
        return dict(found)

    def merged(self, known: Mapping[str, Baseline]) -> dict[tuple[ModelRef, str, int, str], tuple[int, bytes]]:
        """(n, profile) of every pane, merged over partitions and epochs."""
        found: dict[tuple[ModelRef, str, int, str], tuple[int, ModelProfile | None]] = {}
        for ref in (CHURN, FRAUD):
            for segment in ("", "pro"):
                for share in self.shares(ref, segment):
                    at = (ref, segment, share.key.pane_start_ms, share.key.baseline_id)
                    n, profile = found.get(at, (0, None))
                    if share.payload:
                        part = ModelProfile.from_bytes(share.payload, known[share.key.baseline_id].layouts)
                        profile = part if profile is None else profile.merge(part)
                    found[at] = (n + share.n, profile)
        return {at: (n, b"" if profile is None else profile.content()) for at, (n, profile) in found.items()}


def run_to_end(rig: Rig, worker: Ingest, steps: int = 10) -> None:
    """Enough steps of a second to read and save a small log."""
    for _ in range(steps):
        worker.step(0)
        rig.ticks.seconds += 1
