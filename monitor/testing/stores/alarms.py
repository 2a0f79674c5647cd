"""What a store must promise about sequential detectors: states and alarms stand or fall with the offset."""

from dataclasses import replace

import pytest

from monitor.domain.errors import Fenced
from monitor.domain.records import PartitionId
from monitor.domain.sequential import (
    SequentialAlarm,
    SequentialKey,
    SequentialSpec,
    SequentialState,
    parse_false_alarm_rate,
)
from monitor.domain.stream import Claim, Flush, TopicKind
from monitor.testing.stores.rig import StoreRig

PARTITION, OTHER = PartitionId("alarms", 0), PartitionId("alarms", 1)
SPEC = SequentialSpec("cusum", "amount", parse_false_alarm_rate("1 per week"), 0.3)


def _key(partition: PartitionId = PARTITION, model: str = "churn") -> SequentialKey:
    return SequentialKey(partition, model, "1", SPEC.name)


def _alarm(offset: int, reached_ms: int, partition: PartitionId = PARTITION, model: str = "churn") -> SequentialAlarm:
    return SequentialAlarm(
        _key(partition, model), SPEC, "b", offset, 5, reached_ms, 3, -4.25, -4.0, 1e5, 17, 2, b"\0state"
    )


def _flush(claim: Claim, offset: int, states: list[SequentialState], alarms: list[SequentialAlarm]) -> Flush:
    return Flush(claim, TopicKind.INFERENCE, claim.next_offset, offset, 10, None, 0, detectors=states, alarms=alarms)


class AlarmConformance:
    """A pytest class: subclass it with a `rig` fixture."""

    def test_a_new_owner_of_a_partition_gets_the_states_of_its_own_detectors(self, rig: StoreRig) -> None:
        """Those of the newest save, of this partition alone."""
        store = rig.mine.ingest
        claim, other = (store.claim(one, TopicKind.INFERENCE, "w") for one in (PARTITION, OTHER))
        store.flush([_flush(claim, 5, [SequentialState(_key(), b"old")], [])])
        store.flush(
            [
                _flush(replace(claim, next_offset=5), 9, [SequentialState(_key(), b"new\0\xff")], []),
                _flush(other, 2, [SequentialState(_key(OTHER), b"another")], []),
            ]
        )

        again = rig.other.ingest.claim(PARTITION, TopicKind.INFERENCE, "successor")

        assert again.detectors == (SequentialState(_key(), b"new\0\xff"),)

    def test_a_fenced_worker_leaves_neither_state_nor_alarm(self, rig: StoreRig) -> None:
        """The whole save is refused."""
        store = rig.mine.ingest
        old = store.claim(PARTITION, TopicKind.INFERENCE, "old")
        store.claim(PARTITION, TopicKind.INFERENCE, "new")

        with pytest.raises(Fenced):
            store.flush([_flush(old, 5, [SequentialState(_key(), b"zombie")], [_alarm(4, 100)])])

        assert rig.mine.alarms.unjudged(["churn"], 10) == []
        assert store.claim(PARTITION, TopicKind.INFERENCE, "new").detectors == ()

    def test_alarms_come_back_whole_in_order_of_time_and_are_judged_once(self, rig: StoreRig) -> None:
        """What is marked is not asked for again, and is still there to be shown."""
        store, alarms = rig.mine.ingest, rig.other.alarms
        raised = [_alarm(4, 300), _alarm(2, 100), _alarm(3, 200, model="fraud")]
        store.flush([_flush(store.claim(PARTITION, TopicKind.INFERENCE, "w"), 5, [], raised)])

        first = alarms.unjudged(["churn", "fraud"], 2)
        alarms.judged(first, 77)
        alarms.judged([], 78)

        assert first == [raised[1], raised[2]]
        assert alarms.unjudged(["churn"], 10) == [raised[0]]
        assert alarms.raised("churn", 100, 300) == [raised[1]]
        assert alarms.raised("churn", 0, 301) == [raised[1], raised[0]]

    def test_only_the_models_that_are_named_are_asked_for(self, rig: StoreRig) -> None:
        """What one judges of its own models leaves the alarms of another's."""
        store, alarms = rig.mine.ingest, rig.mine.alarms
        mine, others = _alarm(4, 300), _alarm(2, 100, model="fraud")
        store.flush([_flush(store.claim(PARTITION, TopicKind.INFERENCE, "w"), 5, [], [mine, others])])

        assert alarms.unjudged(["churn"], 1) == [mine]
        assert alarms.unjudged([], 1) == []

    def test_an_alarm_that_is_there_already_is_not_raised_again(self, rig: StoreRig) -> None:
        """Though its record was read twice."""
        store = rig.mine.ingest
        claim = store.claim(PARTITION, TopicKind.INFERENCE, "w")
        store.flush([_flush(claim, 5, [], [_alarm(4, 100)])])
        rig.mine.alarms.judged(rig.mine.alarms.unjudged(["churn"], 1), 77)

        store.flush([_flush(replace(claim, next_offset=5), 6, [], [_alarm(4, 100)])])

        assert rig.mine.alarms.unjudged(["churn"], 10) == []
