"""Runs a script: the log, the group, the processes, and the laws that are looked after at every line."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from monitor.domain.errors import SourceUnavailable, StoreUnavailable
from monitor.domain.retraining import JobOutcome
from monitor.usecases.ingest import Ingest
from tests.simulation import product
from tests.simulation.database import Database
from tests.simulation.fates import Crashed, Fates, LawBroken
from tests.simulation.group import Group, GroupSource
from tests.simulation.product import Clocks, Disk, MailBox, Pipeline
from tests.simulation.scene import MINUTE, PARTITIONS, START
from tests.simulation.script import PROCESSES, WORKERS, Action, What
from tests.simulation.traffic import Producers

_FULL_FOR = 4
"""Lines for which a full disk stays full, at most."""

_PATIENCE = 60


@dataclass(slots=True)
class Member:
    """A worker process with its client."""

    source: GroupSource
    worker: Ingest


class World:
    """The product and everything around it. `judged` is called after every evaluation run."""

    def __init__(self, folder: Path) -> None:
        self.fates = Fates()
        self.database = Database(self.fates)
        self.producers = Producers()
        self.group = Group(self.producers.log, WORKERS)
        self.clocks, self.disk = Clocks(START), Disk(folder)
        self.box, self.pipeline = MailBox(self.fates), Pipeline()
        self.troubles: Counter[str] = Counter()
        self.judged: Callable[[], None] = lambda: None
        self._full_lines = self._built = 0
        self._latest = START
        self._frozen: set[int] = set()
        self.group.deal(0)
        self.members = [self._member(k) for k in range(WORKERS)]
        self._start("judge")
        self._start("teller")
        self._start("retrainer")
        self._start("archivist")

    # --- processes

    def _member(self, k: int) -> Member:
        source = GroupSource(self.group)
        source.mine = self.group.dealt[k]
        return Member(source, product.build_ingest(source, self.database, self.clocks, self.disk, self._name("worker")))

    def _start(self, kind: str) -> None:
        """Begin a process anew, with nothing in its memory."""
        if kind == "judge":
            self.evaluate = product.build_evaluate(self.database.stores, self.fates)
            self.second_evaluate = product.build_evaluate(self.database.stores, self.fates)
        elif kind == "archivist":
            self.compact = product.build_compaction(self.database, self.disk)
        elif kind == "retrainer":
            self.retrain = product.build_retrain(self.database, self.clocks, self.pipeline)
        else:
            service = product.build_alerts(self.database, self.clocks, self.box, self._name("teller"))
            self.relay = product.build_relay(self.database, service)
            self.teller = product.build_teller(self.database, service)

    def _name(self, kind: str) -> str:
        self._built += 1
        return f"{kind}-{self._built}"

    def _play(self, actor: str, call: Callable[[], object]) -> object:
        """Let a process do something; trouble with the database is waited for, death is followed by a new process."""
        try:
            with self.fates.playing(actor):
                return call()
        except StoreUnavailable:
            self.troubles[actor] += 1
        except Crashed:
            self.troubles[actor] += 1
            self._start("teller" if actor == "relay" else actor)
        return None

    def work(self, k: int) -> None:
        """One step of a worker."""
        member = self.members[k]
        try:
            with self.fates.playing(f"worker {k}"):
                member.worker.step(0)
        except Crashed:
            self.members[k] = self._member(k)
        except SourceUnavailable:
            self._rebuild(k)
        self.clocks.pass_by(0.4)

    def _rebuild(self, k: int) -> None:
        member = self.members[k]
        source = GroupSource(self.group)
        source.mine = self.group.dealt[k]
        member.source = source
        member.worker.use(product.watched_source(source, self.fates))

    def _leave(self, k: int) -> None:
        try:
            with self.fates.playing(f"worker {k}"):
                self.members[k].worker.close()
        except (Crashed, SourceUnavailable):
            pass
        self.members[k] = self._member(k)

    # --- a script

    def act(self, action: Action) -> None:
        """One line."""
        self._full_lines -= 1
        if self._full_lines == 0:
            self._make_room()
        if action.what in _OF_PRODUCERS:
            _OF_PRODUCERS[action.what](self.producers, PARTITIONS[action.who % len(PARTITIONS)], action.much)
            self.clocks.wall = max(self.clocks.wall, self.producers.newest())
        else:
            _OF_WORLD[action.what](self, action)

    def _crash(self, action: Action) -> None:
        def die() -> None:
            raise Crashed(action.at)

        self.fates.arm(PROCESSES[action.who % len(PROCESSES)], action.at, action.much, die)

    def _stall(self, action: Action) -> None:
        who = action.who % (WORKERS + 1)
        self.fates.arm(PROCESSES[who], action.at, action.much, lambda: self._meanwhile(who))

    def _meanwhile(self, frozen: int) -> None:
        """A process is frozen for long: those that are awake are dealt its partitions; then it goes on, unknowing."""
        if frozen == WORKERS:
            self._play("second judge", lambda: self.second_evaluate.run_once(self.clocks.now()))
            return
        self._frozen.add(frozen)
        awake = [k for k in range(WORKERS) if k not in self._frozen]
        self.group.deal(1, awake)
        for k in awake:
            self.members[k].source.mine = self.group.dealt[k]
        for k in awake * 4:
            if k not in self._frozen:
                self.work(k)
        self._frozen.discard(frozen)
        self.group.deal(0)

    def _rebalance(self, action: Action) -> None:
        self.group.deal(action.much)
        for member, mine in zip(self.members, self.group.dealt, strict=True):
            member.source.mine = mine

    def _zombie(self, action: Action) -> None:
        self.group.deal(action.much)
        for member, mine in zip(self.members, self.group.dealt, strict=True):
            member.source.mine = tuple(dict.fromkeys((*mine, *member.source.mine)))

    def _jump(self, action: Action) -> None:
        """Ahead by minutes or hours, or back; never before what was written, or records would come from the future."""
        by = action.much * 10 * MINUTE if action.who else -action.much * 20 * MINUTE
        self._latest = max(self._latest, self.clocks.wall)
        self.clocks.wall = max(self.clocks.wall + by, self.producers.newest())

    def _fill(self, action: Action) -> None:
        self._full_lines = action.much % _FULL_FOR + 1
        self.disk.is_full = True
        self.database.fill()

    def _make_room(self) -> None:
        self.disk.is_full = False
        self.database.make_room()

    def judge(self) -> None:
        """One evaluation run."""
        self._play("judge", lambda: self.evaluate.run_once(self.clocks.now()))
        self.judged()

    def tell(self) -> None:
        """One round of the dispatcher."""
        self._play("teller", self.teller.advance)
        self.clocks.pass_by(7)

    def hand_over(self) -> object:
        """One batch of the relay."""
        return self._play("relay", self.relay.run_once)

    def knock_for_retraining(self) -> None:
        """One round of the retraining guard."""
        self._play("retrainer", self.retrain.run_once)

    def knock_for_compaction(self) -> None:
        """One round over the archive."""
        self._play("archivist", self.compact)

    def _answer(self, action: Action) -> None:
        key = next(iter(self.pipeline.running), None)
        if key is None:
            return
        outcome = JobOutcome(key, succeeded=bool(action.much % 3), model_version="9")
        if self._play("retrainer", lambda: self.retrain.finish(outcome)) is not None:
            del self.pipeline.running[key]

    # --- and afterwards

    def come_to_rest(self) -> None:
        """Peace, until everything that was written is read, judged and told."""
        self.fates.disarm()
        self.database.refusals, self.database.answer_is_lost = 0, False
        self.box.refusals = self.pipeline.refusals = 0
        self._make_room()
        self.clocks.wall = max(self.clocks.wall, self._latest)
        self._rebalance(Action(What.REBALANCE, 0, 0))
        self._until(self._is_read, self._work_on, "records were never read")
        self.judge()
        self._until(self._is_told, self._tell_on, "alert events or messages wait for ever")

    def _until(self, is_done: Callable[[], bool], go_on: Callable[[], None], otherwise: str) -> None:
        for _ in range(_PATIENCE):
            go_on()
            if is_done():
                return
        raise LawBroken(otherwise)

    def _work_on(self) -> None:
        for member in self.members:
            member.source.fails = False
        self.clocks.pass_by(20)
        for k in range(WORKERS):
            self.work(k)

    def _is_read(self) -> bool:
        saved = {(topic, number): offset for topic, number, offset in self.database.rows(_SAVED)}
        ends = {(p.topic, p.partition): len(records) for p, records in self.producers.log.records.items() if records}
        return all(saved.get(partition) == end for partition, end in ends.items())

    def _tell_on(self) -> None:
        self.clocks.pass_by(61)
        self.knock_for_retraining()
        while self.hand_over():
            pass
        self.tell()

    def _is_told(self) -> bool:
        (waiting,) = self.database.rows(_WAITING)[0]
        return not waiting


_SAVED = "SELECT topic, partition, next_offset FROM progress"
_WAITING = (
    "SELECT (SELECT count(*) FROM outbox WHERE relayed_at_ms IS NULL)"
    " + (SELECT count(*) FROM retrain_requests WHERE settled_at_ms IS NULL)"
    " + (SELECT count(*) FROM alerts_events WHERE outcome IS NULL)"
    " + (SELECT count(*) FROM alerts_deliveries WHERE state NOT IN ('sent', 'dead'))"
    " + (SELECT count(*) FROM alerts_told WHERE decision LIKE 'collecting%' OR decision LIKE 'waiting%')"
)

_OF_PRODUCERS: dict[What, Callable[..., None]] = {
    What.WRITE: Producers.write,
    What.LATE: Producers.write_late,
    What.AGAIN: Producers.write_again,
    What.NONSENSE: Producers.write_nonsense,
    What.TRUTH: Producers.write_truth,
    What.LEAP: lambda producers, _, much: producers.leap(timedelta(minutes=4 * much)),
    What.DRIFT: lambda producers, *_: producers.change(),
}


def _steps(world: World, action: Action) -> None:
    for _ in range(action.much % 5 + 1):
        world.work(action.who % WORKERS)


def _set_fails(world: World, action: Action) -> None:
    world.members[action.who % WORKERS].source.fails = True


def _set_refusals(world: World, action: Action) -> None:
    world.database.refusals = action.much


def _set_lost(world: World, action: Action) -> None:
    def lose() -> None:
        world.database.answer_is_lost = True

    process = PROCESSES[action.who % len(PROCESSES)]
    world.fates.arm(process, "save" if process.startswith("worker") else "commit", action.much, lose)


def _set_mute(world: World, action: Action) -> None:
    world.box.refusals = action.much % 3 + 1


def _set_busy(world: World, action: Action) -> None:
    world.pipeline.refusals = action.much % 2 + 1


_OF_WORLD: dict[What, Callable[[World, Action], object]] = {
    What.WORK: _steps,
    What.CRASH: World._crash,
    What.STALL: World._stall,
    What.LEAVE: lambda world, action: world._leave(action.who % WORKERS),
    What.REBALANCE: World._rebalance,
    What.ZOMBIE: World._zombie,
    What.REDELIVER: lambda world, action: world.members[action.who % WORKERS].source.rewind(action.much),
    What.SOURCE_FAILS: _set_fails,
    What.WAIT: lambda world, action: world.clocks.pass_by(action.much),
    What.CLOCK: World._jump,
    What.REFUSE: _set_refusals,
    What.LOSE: _set_lost,
    What.FULL: World._fill,
    What.JUDGE: lambda world, _: world.judge(),
    What.RELAY: lambda world, _: world.hand_over(),
    What.TELL: lambda world, _: world.tell(),
    What.MUTE: _set_mute,
    What.RETRAIN: lambda world, _: world.knock_for_retraining(),
    What.TRIGGER_FAILS: _set_busy,
    What.COMPACT: lambda world, _: world.knock_for_compaction(),
    What.ANSWER: World._answer,
}
