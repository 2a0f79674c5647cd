"""The proof: a plan happens to consumers of a known log on real servers; then the result is compared."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from kafka import KafkaAdminClient
from kafka.admin import NewPartitions

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import progress
from monitor.testing.servers import KafkaBroker
from tests.chaos.events import MAX_BYTES, MODEL_FILES, Known, baselines, events
from tests.chaos.fleet import Fleet, Unfinished
from tests.chaos.outcome import lost_and_doubled, outcome
from tests.chaos.plan import FIRST, Action, What
from tests.chaos.producer import Writer

SESSION_S = 6
ASLEEP_S = SESSION_S + 8.0
PARTITIONS = 4
DATABASE_VARIABLE = "CHAOS_DATABASE_URL"

_MONITOR = """\
database: {{url: {{env: {variable}}}}}
source:
  kind: kafka
  bootstrap_servers: ["{bootstrap}"]
  topics: {{mixed: [{topic}]}}
  group: {group}
  client: {client}
  session_timeout: {session}s
  discover_every: 2s
stream: {{max_message_bytes: {max_bytes}B}}
http: {{enabled: false}}
logging: {{format: json}}
"""


class Restartable(Protocol):
    """The database server, as far as the plan needs it."""

    def restart(self) -> None:
        """Stop and start again."""


@dataclass(frozen=True)
class Stage:
    """Servers, two empty databases (of the chaos and of the clean pass), and a folder of this run alone."""

    broker: KafkaBroker
    database: Restartable
    url: str
    clean_url: str
    folder: Path
    topic: str = "chaos"
    client: str = "kafka-python"
    patience_s: float = 300.0


def run(
    stage: Stage, plan: Sequence[Action], total: int, seconds: float, progress: Callable[[str], None]
) -> dict[str, float | int | str]:
    """Carry out the plan while `total` events are written, and say what came of it."""
    known, began = Known(), time.monotonic()
    stage.broker.create_topic(stage.topic, PARTITIONS)
    prepare(stage.url)
    writer = Writer(
        stage.broker.bootstrap_servers, stage.topic, PARTITIONS, events(total, known), total, total / seconds
    )
    fleet = fleet_of(stage, "chaos", stage.url)
    try:
        for slot in FIRST:
            fleet.start(slot)
        writer.start()
        happened = _Chaos(stage, fleet, writer, progress).carry_out(plan)
        _come_to_rest(stage, fleet, writer, progress)
    finally:
        fleet.kill_all()
    chaos_s = time.monotonic() - began
    progress(f"everything is read after {chaos_s:.0f} s; now one clean pass")
    _clean_pass(stage, writer.written)
    compared, said = _compare(stage, known, progress), fleet.said()
    return {
        "events": writer.written.total(),
        "kills": happened[What.KILL],
        "lost": compared.pop("lost"),
        "doubled": compared.pop("doubled"),
        "fenced": said["fenced"],
        "revived": fleet.revived,
        **compared,
        "stops": happened[What.STOP] + happened[What.STOP_AT_SAVE],
        "broker_restarts": happened[What.RESTART_BROKER] + happened[What.KILL_BROKER],
        "database_restarts": happened[What.RESTART_DATABASE],
        "partitions": writer.partitions,
        "claims": said["claimed"],
        "source_rebuilds": said["source_unavailable"],
        "client": stage.client,
        "seconds": round(time.monotonic() - began),
    }


def succeeded(figures: Mapping[str, float | int | str]) -> bool:
    """Whether nothing was lost or doubled and everything equals the clean pass."""
    return figures["lost"] == figures["doubled"] == 0 and bool(figures["equal"])


class _Chaos:
    """Carries out a plan; what happens to servers happens beside what happens to consumers, as it would."""

    def __init__(self, stage: Stage, fleet: Fleet, writer: Writer, progress: Callable[[str], None]) -> None:
        self._stage, self._fleet, self._writer, self._progress = stage, fleet, writer, progress
        self._partitions = PARTITIONS

    def carry_out(self, plan: Sequence[Action]) -> dict[What, int]:
        """All of it, in its time; how often each thing happened."""
        happened = dict.fromkeys(What, 0)
        began = time.monotonic()
        with ThreadPoolExecutor(1) as operator:
            server_work: list[Future[None]] = []
            for action in plan:
                time.sleep(max(0.0, began + action.at_s - time.monotonic()))
                self._fleet.revive()
                if action.slot >= 0:
                    self._to_consumer(action)
                else:
                    server_work.append(operator.submit(self._to_server, action.what))
                happened[action.what] += 1
                self._tell(action, happened, began)
            for work in server_work:
                work.result()
        return happened

    def _to_consumer(self, action: Action) -> None:
        fleet, slot = self._fleet, action.slot
        match action.what:
            case What.KILL:
                fleet.kill(slot)
                fleet.start(slot)
            case What.STOP | What.STOP_AT_SAVE:
                fleet.stop(slot, at_save=action.what is What.STOP_AT_SAVE)
            case What.WAKE:
                fleet.wake(slot)
            case What.LEAVE:
                fleet.leave(slot)
            case What.JOIN:
                fleet.start(slot)

    def _to_server(self, what: What) -> None:
        broker = self._stage.broker
        match what:
            case What.RESTART_BROKER:
                broker.restart()
            case What.KILL_BROKER:
                broker.kill9()
                broker.start()
            case What.RESTART_DATABASE:
                self._stage.database.restart()
            case What.ADD_PARTITION:
                self._partitions += 1
                with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)) as admin:
                    admin.create_partitions({self._stage.topic: NewPartitions(self._partitions)})
                self._writer.use(self._partitions)

    def _tell(self, action: Action, happened: Mapping[What, int], began: float) -> None:
        if action.what is not What.KILL or happened[What.KILL] % 10 == 0:
            at_s, whom = time.monotonic() - began, f" (consumer {action.slot})" if action.slot >= 0 else ""
            written = self._writer.written.total()
            self._progress(f"{at_s:4.0f} s, {happened[What.KILL]} kills, {written:,} written: {action.what}{whom}")


def prepare(url: str) -> None:
    """Tables and baselines in an empty database."""
    engine = create_engine(url)
    migrate(engine)
    stores = SqlStores.of(engine)
    for made in baselines():
        stores.baselines.put(made.id, made.ref, made.to_bytes(), made.describe())
        stores.baselines.promote(made.ref, made.id, None, "chaos")
    engine.dispose()


def fleet_of(stage: Stage, group: str, url: str) -> Fleet:
    """A group of consumers with a configuration and a database of its own."""
    folder = stage.folder / group
    (folder / "etc" / "models").mkdir(parents=True)
    text = _MONITOR.format(
        variable=DATABASE_VARIABLE, bootstrap=stage.broker.bootstrap_servers, topic=stage.topic,
        group=f"{stage.topic}-{group}", client=stage.client, session=SESSION_S, max_bytes=MAX_BYTES,
    )  # fmt: skip
    (folder / "etc" / "monitor.yaml").write_text(text)
    for name, model in MODEL_FILES.items():
        (folder / "etc" / "models" / f"{name}.yaml").write_text(model)
    return Fleet(folder / "etc", folder, {DATABASE_VARIABLE: url})


def _come_to_rest(stage: Stage, fleet: Fleet, writer: Writer, progress: Callable[[str], None]) -> None:
    """Until every event is written and read, then all leave in good order."""
    writer.may_finish.set()
    writer.join(stage.patience_s)
    if writer.is_alive() or writer.errors:
        raise Unfinished(f"the producer failed: {writer.errors[:3] or 'it is still writing'}")
    progress(f"{writer.written.total():,} events are written; waiting until they are read")
    wait_until_read(stage, stage.url, writer.written, fleet)
    fleet.leave_all()
    if set(fleet.codes) - {0, -signal.SIGTERM}:  # the latter: asked before it had begun to listen
        raise Unfinished(f"exit codes {dict(fleet.codes)} of consumers that were asked to stop\n{fleet.last_words()}")


def _clean_pass(stage: Stage, written: Mapping[int, int]) -> None:
    prepare(stage.clean_url)
    fleet = fleet_of(stage, "clean", stage.clean_url)
    try:
        fleet.start(0)
        wait_until_read(stage, stage.clean_url, written, fleet)
        fleet.leave_all()
    finally:
        fleet.kill_all()


def wait_until_read(stage: Stage, url: str, written: Mapping[int, int], fleet: Fleet) -> None:
    """Until everything written is saved as read; Unfinished when patience ends."""
    engine, end = create_engine(url), time.monotonic() + stage.patience_s
    statement = sa.select(progress.c.partition, progress.c.next_offset)
    while True:
        with engine.connect() as connection:
            reached = {row.partition: row.next_offset for row in connection.execute(statement) if row.next_offset}
        if reached == dict(written):
            break
        fleet.revive()
        if time.monotonic() > end:
            raise Unfinished(f"read up to {reached} of {dict(written)}\n{fleet.last_words()}")
        time.sleep(0.5)
    engine.dispose()


def _compare(stage: Stage, known: Known, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    by_id = {made.id: made for made in baselines()}
    chaos, clean = (outcome(url, by_id) for url in (stage.url, stage.clean_url))
    lost, doubled = lost_and_doubled(known, chaos)
    if differing := chaos.differing(clean):
        progress(f"differs from the clean pass: {', '.join(differing)}")
    return {
        "lost": lost,
        "doubled": doubled,
        "equal": not differing,
        "profiles": len(chaos.profiles),
        "dead_letters": len(chaos.letters),
        "alarms": len(chaos.alarms),
    }
