"""A consuming worker as a thread of the test: the real loop, source, codec and store, on a database in memory."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from monitor.adapters.kafka.confluent_source import ConfluentSource
from monitor.adapters.kafka.settings import KafkaSettings
from monitor.adapters.kafka.source import KafkaSource
from monitor.adapters.sql.records import SqlRecords
from monitor.adapters.telemetry import Telemetry
from monitor.domain.errors import RejectReason
from monitor.domain.ports import Source
from monitor.domain.records import PartitionId
from monitor.domain.stream import TopicKind
from monitor.shells.workers.consume import Backoff, Consume
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Pulse
from monitor.usecases.ingest import Ingest
from monitor.usecases.ingest_report import StepReport
from tests.unit.usecases.ingest_rig import CHURN, FRAUD, Rig

SESSION_MS = 6_000
CLIENTS = (KafkaSource, ConfluentSource)
Client = type[KafkaSource] | type[ConfluentSource]

_names = count(1)


def topic_name(about: str) -> str:
    """A topic that no other test has."""
    return f"{about}-{next(_names)}"


def settings(bootstrap: str, topic: str, version: tuple[int, int] | None = None) -> KafkaSettings:
    """One group a topic."""
    return KafkaSettings(
        bootstrap,
        {topic: TopicKind.INFERENCE},
        group=f"g-{topic}",
        session_timeout_ms=SESSION_MS,
        api_version=version,
        bootstrap_timeout_ms=5_000,
    )


class Noting:
    """The use case, with every report kept."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest = ingest
        self.reports: list[StepReport] = []

    def step(self, timeout_s: float) -> StepReport:
        self.reports.append(self.ingest.step(timeout_s))
        return self.reports[-1]

    def drain(self) -> StepReport:
        return self.ingest.drain()

    def use(self, source: Source) -> None:
        self.ingest.use(source)


class Worker(threading.Thread):
    """Runs until it is asked to `leave`. `sources` are all it has built, `reports` all of its steps."""

    def __init__(self, rig: Rig, build: Callable[[], Source], owner: str = "me", **limits: Any) -> None:
        super().__init__(daemon=True, name=owner)
        self._rig, self._build, self._owner, self._limits = rig, build, owner, limits
        self._asked = threading.Event()
        self._noting: Noting | None = None
        self.sources: list[Source] = []
        self.telemetry = Telemetry()
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        def build_source() -> Source:
            self.sources.append(self._build())
            return self.sources[-1]

        def build_consumer(source: Source) -> Noting:
            self._noting = Noting(self._rig.worker(source, owner=self._owner, **self._limits))
            return self._noting

        backoff = Backoff(np.random.default_rng(1).random, longest_s=2.0)
        gauges = Gauges(self.telemetry, Pulse(time.monotonic))
        try:
            Consume(build_source, build_consumer, backoff, gauges).run(self._asked)
        except Exception as error:  # noqa: BLE001 - raised in the test's own thread by `leave`
            self.error = error

    @property
    def reports(self) -> list[StepReport]:
        return [] if self._noting is None else list(self._noting.reports)

    @property
    def unsaved(self) -> int:
        return 0 if self._noting is None else self._noting.ingest.unsaved_records

    @property
    def assigned(self) -> set[PartitionId]:
        return set(self.sources[-1].assigned()) if self.sources else set()

    def vanish(self) -> None:
        """End without a save, as by a crash; only that the group learns of it at once."""
        if self._noting is not None:
            self._noting.drain = StepReport  # type: ignore[method-assign]
        self.leave()

    def leave(self) -> None:
        """Save, leave the group, end."""
        self._asked.set()
        self.join(30)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def new_rig() -> Rig:
    """A database that lives in real time."""
    return Rig(ticks=time.monotonic)  # type: ignore[arg-type]


def counted(rig: Rig) -> int:
    """Saved records."""
    return sum(sum(rig.counted(ref).values()) for ref in (CHURN, FRAUD))


def letters(rig: Rig) -> dict[int, RejectReason]:
    """Saved dead letters of the first partition, by offset."""
    return {kept.letter.offset: kept.letter.reason for kept in SqlRecords(rig.engine).dead_letters(100_000)}


def read_by_partition(rig: Rig) -> Counter[int]:
    """Saved offsets."""
    return Counter({at.partition: progress.next_offset or 0 for at, progress in rig.progress().items()})


def eventually(holds: Callable[[], bool], seconds: float = 45.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not (now := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return now
