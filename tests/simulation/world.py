"""A log, a database and two workers of a consumer group, to which a script happens."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from monitor.adapters.memory.source import MemoryLog
from monitor.adapters.sql.records import SqlRecords
from monitor.adapters.sql.tables import dead_letters, predictions, shares, truths
from monitor.domain.errors import MonitorError, SourceUnavailable
from monitor.domain.models import ModelRef
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stream.dead_letter_limit import DeadLetterLimit
from monitor.usecases.ingest import Ingest
from tests.simulation.script import Action, Script, What
from tests.unit.usecases.ingest_rig import CHURN, FRAUD, MINUTE_MS, START_MS, TOPIC, Rig, baseline, message

PARTITIONS = 3
_PATIENCE = 200
BASELINES = {made.id: made for made in (baseline(CHURN, 1), baseline(ModelRef("churn", "2"), 2), baseline(FRAUD, 3))}
NO_LIMIT = DeadLetterLimit(None, 1, None)


class LawBroken(AssertionError):
    """Something was lost, doubled or made up."""


class GroupSource:
    """A member of a group as Kafka clients are: it keeps its position in partitions that leave and come back."""

    def __init__(self, log: MemoryLog, max_records: int) -> None:
        self.log, self.max_records = log, max_records
        self.positions: dict[PartitionId, int] = {}
        self.mine: tuple[PartitionId, ...] = ()
        self.is_closed = False

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        return {partition: self.log.kinds[partition.topic] for partition in self.mine}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        if self.is_closed:
            raise SourceUnavailable("closed")
        polled = {}
        for partition in self.mine:
            at = self.positions.get(partition, 0)
            found = self.log.records[partition][at : at + self.max_records]
            if found:
                polled[partition] = found
                self.positions[partition] = found[-1].offset + 1
        return polled

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        self.positions[partition] = offset or 0

    def rewind(self, records: int) -> None:
        self.positions = {partition: max(0, at - records) for partition, at in self.positions.items()}

    def highwater(self, partition: PartitionId) -> int | None:
        return len(self.log.records[partition])

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        return

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Member:
    source: GroupSource
    worker: Ingest


class World:
    """Runs a script, checking after every action that each saved record is in exactly one place."""

    def __init__(self) -> None:
        self.rig = Rig(PARTITIONS, TopicKind.MIXED)
        for made in BASELINES.values():
            self.rig.promote(made, START_MS + 30 * MINUTE_MS if made.ref.version == "2" and made.ref != FRAUD else None)
        self.partitions = [PartitionId(TOPIC, number) for number in range(PARTITIONS)]
        self.members = [self._member(k) for k in range(2)]
        self.now_minute = 0.0
        self.written = 0
        self._deal(0)

    def _member(self, number: int) -> Member:
        source = GroupSource(self.rig.log, max_records=7)
        worker = self.rig.worker(source, owner=f"worker-{number}", max_unsaved_records=60, dead_letters=NO_LIMIT)
        return Member(source, worker)

    def run(self, script: Script) -> None:
        """All of it, then peace until everything is saved."""
        for action in script:
            self._act(action)
            self._check_saved(str(action))
        self._come_to_rest()
        self._check_saved("the end")

    def _act(self, action: Action) -> None:
        member = self.members[action.who % len(self.members)]
        match action.what:
            case What.APPEND | What.LATE | What.NONSENSE:
                self._write(action)
            case What.STEP:
                self._steps(member, action.much % 4 + 1)
            case What.PAUSE:
                self.rig.ticks.seconds += action.much
            case What.CRASH:
                fresh = self._member(action.who)
                fresh.source.mine = member.source.mine
                self.members[action.who % len(self.members)] = fresh
            case What.REBALANCE:
                self._deal(action.much)
            case What.ZOMBIE:
                before = [one.source.mine for one in self.members]
                self._deal(action.much)
                for one, mine in zip(self.members, before, strict=True):
                    one.source.mine = tuple(dict.fromkeys((*one.source.mine, *mine)))
            case What.DUPLICATE:
                member.source.rewind(action.much)
            case What.STORE_REFUSES | What.ANSWER_LOST:
                self.rig.store.refusals = action.much % 5 + 1
                self.rig.store.after_effect = action.what is What.ANSWER_LOST

    def _deal(self, turn: int) -> None:
        for k, member in enumerate(self.members):
            dealt = [p for p in self.partitions if (p.partition * (turn % 3) + turn) % len(self.members) == k]
            member.source.mine = tuple(dealt)

    def _steps(self, member: Member, number: int) -> None:
        for _ in range(number):
            member.worker.step(0)
            self.rig.ticks.seconds += 0.4

    def _write(self, action: Action) -> None:
        values = []
        for _ in range(action.much):
            self.written += 1
            values.append(self._message(action.what, self.written))
        self.rig.log.append(self.partitions[action.who % PARTITIONS], values)

    def _message(self, what: What, number: int) -> bytes | None:
        self.now_minute = min(self.now_minute + (number * 7 % 10) / 40, 230)
        back = number * 37 % 90 if what is What.LATE else number * 13 % 4
        at_ms = START_MS + int((self.now_minute - back) * MINUTE_MS)
        ref = (CHURN, FRAUD, ModelRef("churn", "2"), ModelRef("churn", "7"))[number % 4]
        if what is What.NONSENSE:
            sent = [None, b"{", message(number, 4_102_444_800_000), message(number, at_ms, ModelRef("x", "1"))]
            return sent[number % len(sent)]
        if number % 6 == 0:
            label = b'{"type": "ground_truth", "event_id": "e%d", "model": "churn", "event_time": %d, "label": "yes"}'
            return label % (number - 2, at_ms)
        if number % 11 == 0:
            return message(number, at_ms, ref, features={"age": float("nan"), "plan": 5})
        return message(number, at_ms, ref)

    def _come_to_rest(self) -> None:
        self.rig.store.refusals = 0
        self._deal(0)
        for _ in range(_PATIENCE):
            self.rig.ticks.seconds += 20
            for member in self.members:
                member.worker.step(0)
            progress = self.rig.progress()
            if all(self._is_read(progress.get(p), p) for p in self.partitions):
                return
        raise LawBroken("records were never read")

    def _is_read(self, progress: object, partition: PartitionId) -> bool:
        end = len(self.rig.log.records[partition])
        return end == 0 or (progress is not None and getattr(progress, "next_offset", None) == end)

    def _check_saved(self, after: str) -> None:
        """Each record before the saved offset is in one share of all traffic, or refused, or a truth."""
        saved = {p: one.next_offset or 0 for p, one in self.rig.progress().items()}
        found = Counter[PartitionId]()
        with self.rig.engine.connect() as connection:
            counted = select(shares.c.topic, shares.c.partition, func.sum(shares.c.n)).where(shares.c.segment == "")
            refused = select(dead_letters.c.topic, dead_letters.c.partition, func.count())
            for statement in (counted.group_by("topic", "partition"), refused.group_by("topic", "partition")):
                for topic, partition, number in connection.execute(statement):
                    found[PartitionId(topic, partition)] += int(number)
        for partition, offset in saved.items():
            values = [record.value or b"" for record in self.rig.log.records[partition][:offset]]
            of_truth = sum(1 for value in values if b'"ground_truth"' in value)
            if found[partition] + of_truth != offset:
                raise LawBroken(f"after {after}: {found[partition]} + {of_truth} truths of {offset} in {partition}")

    def outcome(self) -> dict[str, object]:
        """Everything that may not depend on what happened on the way."""
        late = Counter[tuple[object, ...]]()
        for ref in (CHURN, FRAUD):
            for share in self.rig.shares(ref):
                late[ref, share.key.pane_start_ms] += share.late
        letters = SqlRecords(self.rig.engine).dead_letters(100_000)
        with self.rig.engine.connect() as connection:
            made = connection.execute(select(predictions).order_by(predictions.c.event_id)).all()
            known = connection.execute(select(truths).order_by(truths.c.event_id)).all()
        return {
            "profiles": self.rig.merged(BASELINES),
            "late": late,
            "dead letters": sorted((letter.partition, letter.offset, letter.reason) for letter, _ in letters),
            "predictions": made,
            "truths": known,
            "watermarks": {p: one.watermark_ms for p, one in self.rig.progress().items() if one.next_offset},
        }


def clean_pass(world: World) -> dict[str, object]:
    """What one worker makes of the same log, undisturbed and in large polls."""
    calm = World()
    calm.rig.log.records = world.rig.log.records
    source = GroupSource(world.rig.log, max_records=1_000)
    source.mine = tuple(calm.partitions)
    worker = calm.rig.worker(source, dead_letters=NO_LIMIT)
    for _ in range(4):
        worker.step(0)
    worker.drain()
    return calm.outcome()


def broken_law(script: Script) -> str | None:
    """Runs a script in a new world; the law that it breaks, None when all hold."""
    try:
        world = World()
        world.run(script)
        expected, found = clean_pass(world), world.outcome()
    except (LawBroken, MonitorError, ValueError) as broken:
        return f"{type(broken).__name__}: {broken}"
    differing = [name for name in expected if expected[name] != found[name]]
    return f"differs from a clean pass: {', '.join(differing)}" if differing else None
