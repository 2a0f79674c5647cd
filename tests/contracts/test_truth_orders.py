"""However truth comes (topic, files, HTTP, a table; late, twice, corrected, in any order, over crashes): one number."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from monitor.adapters.codec import JsonCodec
from monitor.adapters.files.source import FilesSource, Folder
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.record_log.identity import RecordIdentity
from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.record_log.polled import SqlPolledLog
from monitor.adapters.record_log.source import RecordLogSource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.errors import StoreUnavailable
from monitor.domain.partitions import PartitionId
from monitor.domain.ports import Source
from monitor.domain.stream import JoinSpan, TopicKind
from monitor.domain.submission import Message
from monitor.domain.time import format_instant, to_ms
from monitor.usecases.ingest import Ingest, IngestSettings
from tests.contracts.outcomes_table import MINUTE, NOON, PARTITION, Crashing, Outcomes
from tests.unit.usecases.ingest_rig import CHURN, ScriptedClock, baseline, message, models

N = 40
LABELS = ("yes", "no", "maybe")
HTTP = PartitionId("http:records", 0)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a prediction, and when it was known."""

    event_id: str
    label: str
    known: datetime

    def record(self) -> bytes:
        at = format_instant(self.known)
        record = {"type": "ground_truth", "event_id": self.event_id, "model": "churn", "event_time": at}
        return json.dumps({**record, "label": self.label}).encode()


@dataclass
class World:
    """Our database with predictions in it, and what may bring truth to it."""

    ours: Engine
    theirs_url: str
    folder: Path
    random: Random

    def fold(self, source: Source, *, to_end: bool = False) -> None:
        """A worker reads what there is; unless it is `to_end`, it is killed now and then before it has saved any."""
        stores = SqlStores.of(self.ours)
        settings = IngestSettings("me", flush_every=timedelta(days=1), max_future_skew=None, decode_at_records=1)
        clock, known = ScriptedClock(NOON), models()
        worker = Ingest(
            source, stores.ingest, JsonCodec(), baselines=stores.baselines, models=known, clock=clock, settings=settings
        )
        quiet = 0
        while quiet < 4:
            report = worker.step(0)
            quiet = 0 if report.records or report.claimed else quiet + 1
        if to_end or self.random.random() < 0.7:
            worker.drain()
        source.close()


Bring = Callable[[World, Sequence[Said]], None]


def by_topic(world: World, said: Sequence[Said]) -> None:
    """Three partitions; some messages twice."""
    log = MemoryLog()
    log.create("truth", 3, TopicKind.GROUND_TRUTH)
    for some in dealt(world.random, [*said, *world.random.choices(said, k=15)]):
        for one in some:
            log.append(PartitionId("truth", world.random.randrange(3)), [one.record()])
        world.fold(MemorySource(log))
    world.fold(MemorySource(log), to_end=True)


def by_files(world: World, said: Sequence[Said]) -> None:
    """A file at a time, as they are laid down."""
    folder = world.folder / "truth"
    folder.mkdir()
    for number, some in enumerate(dealt(world.random, [*said, *world.random.choices(said, k=15)])):
        (folder / f"{number:02}.jsonl").write_bytes(b"".join(one.record() + b"\n" for one in some))
        world.fold(FilesSource([Folder(folder, TopicKind.GROUND_TRUTH)], follow=False))
    world.fold(FilesSource([Folder(folder, TopicKind.GROUND_TRUTH)], follow=False), to_end=True)


def by_http(world: World, said: Sequence[Said]) -> None:
    """Requests, some sent again because their answer was lost."""
    log, identify = SqlRecordLog(world.ours, HTTP), RecordIdentity({"churn"}, 1_000_000)
    for some in dealt(world.random, said):
        sent = [Message(identify(one.record()), one.record()) for one in some]
        for _ in range(world.random.choice([1, 1, 2])):
            log.append(sent, [], None, 0)
        world.fold(RecordLogSource(world.ours, HTTP, "me"))
    world.fold(RecordLogSource(world.ours, HTTP, "me"), to_end=True)


def by_table_of_statements(world: World, said: Sequence[Said]) -> None:
    """A row for each statement, committed in any order."""
    outcomes = Outcomes(world.ours, world.theirs_url)
    for some in dealt(world.random, said):
        outcomes.add(*((one.event_id, one.label, one.known) for one in some))
        poll(world, outcomes, look_back=timedelta(days=2))
    settle(world, outcomes, look_back=timedelta(days=2))


def by_table_of_predictions(world: World, said: Sequence[Said]) -> None:
    """A row for each prediction, which is changed; commits are late by up to the look-back."""
    outcomes, rows = Outcomes(world.ours, world.theirs_url), set[str]()
    late = sorted(said, key=lambda one: one.known + world.random.random() * 9 * MINUTE)
    holds: dict[str, datetime] = {}
    for one in late:
        if holds.get(one.event_id, one.known) > one.known:
            continue  # the row says something newer already
        holds[one.event_id] = one.known
        if one.event_id in rows:
            outcomes.change(one.event_id, one.label, one.known)
        else:
            outcomes.add((one.event_id, one.label, one.known))
        rows.add(one.event_id)
        if world.random.random() < 0.2:
            poll(world, outcomes)
    settle(world, outcomes)


def poll(world: World, outcomes: Outcomes, look_back: timedelta = 10 * MINUTE) -> None:
    """A process that is killed at one save of three, and reads seven rows by a statement."""

    def dies() -> str:
        return world.random.choice(["", "", "", "", "before", "after"])

    outcomes.clock.at = NOON + timedelta(days=1)
    try:
        outcomes.poll(Crashing(SqlPolledLog(world.ours, PARTITION), dies), page=7, look_back=look_back)
    except StoreUnavailable:
        return
    world.fold(RecordLogSource(world.ours, PARTITION, "me", kind=TopicKind.GROUND_TRUTH))


def settle(world: World, outcomes: Outcomes, look_back: timedelta = 10 * MINUTE) -> None:
    """All of it, without trouble: one poll to end what was begun, and one that looks back."""
    for _ in range(2):
        outcomes.poll(look_back=look_back)
    world.fold(RecordLogSource(world.ours, PARTITION, "me", kind=TopicKind.GROUND_TRUTH), to_end=True)


def dealt(random: Random, said: Sequence[Said]) -> Iterator[list[Said]]:
    """In some other order, some at a time."""
    left = list(said)
    random.shuffle(left)
    while left:
        k = random.randint(1, 25)
        yield left[:k]
        left = left[k:]


def statements(random: Random) -> list[Said]:
    """Of every prediction none, one, or several; no two of one prediction at the same instant."""
    return [
        Said(f"e{n}", random.choice(LABELS), NOON + minute * MINUTE)
        for n in range(N)
        for minute in random.sample(range(60), random.choice([0, 1, 1, 2, 4]))
    ]


def expected(said: Sequence[Said]) -> dict[str, list[str]]:
    """The labels that hold, by what was predicted."""
    holds = {one.event_id: one.label for one in sorted(said, key=lambda one: one.known)}
    return {
        made: sorted(holds[f"e{n}"] for n in range(N) if f"e{n}" in holds and prediction(n) == made) for made in MADE
    }


MADE = ("yes", "no")


def prediction(number: int) -> str:
    return "yes" if number % 2 else "no"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    engine = create_engine(url)
    migrate(engine)
    stores, made = SqlStores.of(engine), baseline(CHURN)
    stores.baselines.put(made.id, made.ref, made.to_bytes(), made.describe())
    stores.baselines.promote(made.ref, made.id, None, "test")
    world = World(engine, url if request.param == "postgres" else f"sqlite:///{tmp_path / 't.db'}", tmp_path, Random(1))
    log = MemoryLog()
    log.create("log", 1)
    log.append(PartitionId("log", 0), [message(n, to_ms(NOON)) for n in range(N)])
    world.fold(MemorySource(log), to_end=True)
    yield world
    engine.dispose()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bring", [by_topic, by_files, by_http, by_table_of_statements, by_table_of_predictions])
def test_the_truth_that_holds_in_the_end_is_that_known_last(world: World, bring: Bring, seed: int) -> None:
    world.random = Random(seed)
    said = statements(world.random)

    bring(world, said)

    span = JoinSpan(CHURN, 0, 1 << 53)
    joined = SqlStores.of(world.ours).windows.joined(span)
    found = {made: sorted(one.label for one in joined if one.prediction == made) for made in MADE}
    assert found == expected(said)
