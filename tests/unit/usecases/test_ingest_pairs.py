"""Requests and responses through a whole worker: counted once or refused once, over crashes and rebalances."""

import json
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.codec import FormatCodec
from monitor.adapters.formats.kserve_ce import KserveCe, KserveOptions
from monitor.adapters.memory.source import MemorySource
from monitor.adapters.sql.halves import SqlHalfStore
from monitor.adapters.sql.records import SqlRecords
from monitor.domain.models import ModelRef
from monitor.domain.records import PartitionId
from monitor.domain.time import format_instant, from_ms
from monitor.usecases.ingest import Ingest, IngestSettings, Pairs
from tests.unit.usecases.ingest_rig import MINUTE_MS, PANE_MS, START_MS, TOPIC, Rig, partition, run_to_end

REF = ModelRef("churn", "default")


def event(side: str, number: int, at_ms: int | None = None, rows: int = 1) -> bytes:
    """A structured CloudEvent of KServe's logger."""
    at = START_MS + number * 1000 if at_ms is None else at_ms
    data = {"instances": [[40, "pro"]] * rows} if side == "request" else {"predictions": ["yes"] * rows}
    attributes = {"specversion": "1.0", "id": f"r{number}", "type": f"org.kubeflow.serving.inference.{side}"}
    named = {"time": format_instant(from_ms(at)), "inferenceservicename": "churn"}
    return json.dumps(attributes | named | {"data": data}).encode()


class PairRig(Rig):
    """The rig with a topic that KServe writes."""

    def kserve(self, partitions: list[PartitionId] | None = None, owner: str = "me") -> Ingest:
        its_format = KserveCe(KserveOptions(columns=("age", "plan"), wait=timedelta(minutes=2)))
        codec = FormatCodec(JsonCodec(), lambda _: its_format)
        return Ingest(
            MemorySource(self.log, partitions=partitions), self.store, codec, baselines=self.baselines,
            models=self.models, clock=self.clock, settings=IngestSettings(owner),
            pairs=Pairs(SqlHalfStore(self.engine), codec), monotonic=self.ticks,
        )  # fmt: skip

    def waiting(self) -> list[str]:
        store = SqlHalfStore(self.engine)
        halves = [one for number in range(self.partitions) for one in store.waiting(partition(number))[0]]
        return sorted(f"{one.key.side}:{one.key.pair_id}" for one in halves)

    def refused(self) -> list[tuple[str, int]]:
        return sorted(
            (kept.letter.reason.value, kept.letter.offset) for kept in SqlRecords(self.engine).dead_letters(1000)
        )

    def total(self) -> int:
        return sum(self.counted(REF).values())


@pytest.fixture
def rig() -> Iterator[PairRig]:
    made = PairRig(partitions=2)
    yield made
    made.engine.dispose()


def test_a_pair_counts_as_its_rows_in_the_window_of_its_request(rig: PairRig) -> None:
    last_ms = START_MS + PANE_MS - 1
    rig.log.append(partition(), [event("request", 1, last_ms, rows=3), event("response", 1, last_ms + 500, rows=3)])

    run_to_end(rig, rig.kserve(), 3)

    assert rig.counted(REF) == {0: 3}
    assert (rig.waiting(), rig.refused()) == ([], [])


def test_a_half_survives_a_crash_and_meets_its_other_half_afterwards(rig: PairRig) -> None:
    rig.log.append(partition(), [event("request", 1)])
    run_to_end(rig, rig.kserve(), 3)
    saved = rig.waiting()
    rig.log.append(partition(), [event("response", 1)])

    run_to_end(rig, rig.kserve(), 3)

    assert saved == ["request:r1"]
    assert (rig.total(), rig.waiting(), rig.refused()) == (1, [], [])


def test_a_pair_that_was_met_but_not_saved_is_met_again_and_counted_once(rig: PairRig) -> None:
    rig.log.append(partition(), [event("request", 1)])
    run_to_end(rig, rig.kserve(), 3)
    rig.log.append(partition(), [event("response", 1)])
    rig.kserve().step(0)  # reads and dies before it saves

    run_to_end(rig, rig.kserve(), 3)

    assert (rig.total(), rig.waiting()) == (1, [])


def test_a_save_whose_answer_was_lost_counts_once(rig: PairRig) -> None:
    rig.log.append(partition(), [event("request", 1), event("request", 2)])
    worker = rig.kserve()
    run_to_end(rig, worker, 3)
    rig.log.append(partition(), [event("response", 1)])
    rig.store.refusals, rig.store.after_effect = 1, True

    run_to_end(rig, worker, 30)

    assert (rig.total(), rig.waiting()) == (1, ["request:r2"])


def test_halves_in_two_partitions_of_two_workers_meet_and_count_once(rig: PairRig) -> None:
    rig.log.append(partition(0), [event("request", n) for n in range(5)])
    rig.log.append(partition(1), [event("response", n) for n in range(5)])
    first, second = rig.kserve([partition(0)], "a"), rig.kserve([partition(1)], "b")

    for _ in range(4):
        first.step(0)
        second.step(0)
        rig.ticks.seconds += 1

    assert (rig.total(), rig.waiting(), rig.refused()) == (5, [], [])


def test_what_another_partition_took_is_not_given_up_later(rig: PairRig) -> None:
    rig.log.append(partition(0), [event("request", 1)])
    rig.log.append(partition(1), [event("response", 1)])
    worker = rig.kserve()
    run_to_end(rig, worker, 4)
    later_ms = START_MS + 30 * MINUTE_MS
    for number in (0, 1):
        rig.log.append(
            partition(number), [event("request", 7 + number, later_ms), event("response", 7 + number, later_ms)]
        )

    run_to_end(rig, worker, 5)

    assert (rig.total(), rig.waiting(), rig.refused()) == (3, [], [])


def test_a_half_that_nothing_comes_for_goes_to_dead_letters_with_a_reason(rig: PairRig) -> None:
    rig.log.append(partition(), [event("response", 1), event("request", 2)])
    later_ms = START_MS + 10 * MINUTE_MS
    rig.log.append(partition(), [event("request", 3, later_ms), event("response", 3, later_ms)])

    run_to_end(rig, rig.kserve(), 6)

    letters = [kept.letter for kept in SqlRecords(rig.engine).dead_letters(10)]
    assert {(one.reason.value, one.offset, one.model) for one in letters} == {
        ("unpaired", 0, "churn"),
        ("unpaired", 1, "churn"),
    }
    assert "no response with id 'r2' came within 120 s of event time" in {one.detail for one in letters}
    assert (rig.total(), rig.waiting()) == (1, [])


def test_a_partition_that_lags_keeps_the_halves_of_the_others(rig: PairRig) -> None:
    """A backlog is read at different paces: nothing is given up before the slowest has passed."""
    later_ms = START_MS + 20 * MINUTE_MS
    rig.log.append(partition(0), [event("request", 1), event("request", 2, later_ms), event("response", 2, later_ms)])
    rig.log.append(partition(1), [event("request", 3), event("response", 3), event("response", 1)])
    slow = rig.kserve([partition(1)], "slow")
    slow_source = MemorySource(rig.log, 1, partitions=[partition(1)])
    slow.use(slow_source)
    slow.step(0)
    rig.ticks.seconds += 1
    slow.step(0)  # has read one of three, and saved
    rig.ticks.seconds += 1
    slow.step(0)
    run_to_end(rig, rig.kserve([partition(0)], "quick"), 5)
    before = rig.refused()

    for _ in range(6):
        slow.step(0)
        rig.ticks.seconds += 1

    assert (before, rig.refused()) == ([], [])
    assert rig.total() == 3


def test_many_rows_of_one_message_do_not_look_like_many_refused_records(rig: PairRig) -> None:
    """The limit that stops a worker counts messages, not rows."""
    broken = [event("request", n, rows=2000) for n in range(2)] + [event("response", n, rows=1) for n in range(2)]
    rig.log.append(partition(), [*broken, event("request", 9), event("response", 9)])

    run_to_end(rig, rig.kserve(), 3)

    assert rig.total() == 1
    assert rig.refused() == [("not_of_format", 2), ("not_of_format", 3)]


@pytest.mark.parametrize("seed", range(12))
def test_every_pair_counts_once_over_crashes_and_rebalances(rig: PairRig, seed: int) -> None:
    chance = Random(seed)
    halves = [(side, n) for n in range(40) for side in ("request", "response")]
    chance.shuffle(halves)
    for side, number in halves:
        rig.log.append(PartitionId(TOPIC, chance.randrange(2)), [event(side, number)])
    own = {"a": [partition(0)], "b": [partition(1)]}
    workers = {name: rig.kserve(of, name) for name, of in own.items()}

    for _ in range(60):
        name = chance.choice("ab")
        match chance.randrange(8):
            case 0:  # dies with whatever it has not saved
                workers[name] = rig.kserve(own[name], name)
            case 1:  # the two change partitions; neither saves before
                own["a"], own["b"] = own["b"], own["a"]
                workers = {name: rig.kserve(of, name) for name, of in own.items()}
            case 2:
                rig.store.refusals, rig.store.after_effect = 1, bool(chance.randrange(2))
            case _:
                workers[name].use(MemorySource(rig.log, chance.randrange(1, 30), partitions=own[name]))
                for _ in range(chance.randrange(4)):
                    workers[name].step(0)
                    rig.ticks.seconds += 1
    rig.store.refusals = 0
    for _ in range(60):
        for worker in workers.values():
            worker.step(0)
        rig.ticks.seconds += 1

    assert (rig.total(), rig.waiting(), rig.refused()) == (40, [], [])


def test_of_two_workers_that_met_the_same_request_only_one_counts_it(rig: PairRig) -> None:
    """A response that was sent twice, into two partitions: whoever saves second is fenced, and reads again."""
    rig.log.append(partition(0), [event("request", 1)])
    rig.log.append(partition(1), [event("response", 1)])
    first, second = rig.kserve([partition(0)], "a"), rig.kserve([partition(1)], "b")
    run_to_end(rig, first, 3)
    second.step(0)
    second.step(0)
    rig.ticks.seconds += 1
    second.step(0)  # saves its response, and meets the request without saving the pair yet
    unsaved = second.unsaved_records
    rig.log.append(partition(0), [event("response", 1)])
    first.step(0)  # meets it, too, and saves first

    fenced = []
    for _ in range(4):
        rig.ticks.seconds += 1
        for worker in (second, first):
            fenced += worker.step(0).fenced

    assert unsaved == 1
    assert fenced == [partition(1)]
    assert (rig.total(), rig.waiting()) == (1, ["response:r1"])
