"""Promises of `HalfStore`: what waits is saved with the offset, and is taken once."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.domain.errors import Fenced
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim, Flush, Half, HalfKey, Side, TopicKind
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import FIRST, SECOND, START_MS, flush

_MINUTE_MS = 60_000


def half(side: Side, pair_id: str, partition: PartitionId = FIRST, offset: int = 3) -> Half:
    """A half of model churn."""
    return Half(HalfKey(partition, "churn", pair_id, side), offset, START_MS, _MINUTE_MS, b'{"a": 1}')


def _saving(claim: Claim, upto: int, halves: Sequence[Half] = (), done: Sequence[HalfKey] = (), old: int = 0) -> Flush:
    return replace(flush(claim, upto, old_offset=old or None), halves=halves, halves_done=done)


class HalvesConformance:
    """The promises of `HalfStore`, as tests."""

    def test_what_waits_is_read_back_by_its_partition_with_the_clock(self, rig: StoreRig) -> None:
        """Ordered by offset; nobody else's."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        later, sooner = half(Side.REQUEST, "b", offset=7), half(Side.RESPONSE, "a", offset=3)
        rig.mine.ingest.flush([replace(_saving(claim, 10, [later, sooner]), halves_clock_ms=START_MS + 5)])

        assert rig.other.halves.waiting(FIRST) == ([sooner, later], START_MS + 5)
        assert rig.other.halves.waiting(SECOND) == ([], None)

    def test_a_half_that_is_done_is_forgotten_and_may_begin_to_wait_again(self, rig: StoreRig) -> None:
        """In one flush: an id that is used anew."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        before, after = half(Side.REQUEST, "a"), half(Side.REQUEST, "a", offset=12)
        rig.mine.ingest.flush([_saving(claim, 10, [before])])

        rig.mine.ingest.flush([_saving(claim, 20, [after], [before.key], old=10)])

        assert rig.other.halves.waiting(FIRST)[0] == [after]

    def test_of_two_workers_that_take_the_same_half_the_second_is_fenced_and_saves_nothing(self, rig: StoreRig) -> None:
        """Or the pair would count twice."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        second = rig.other.ingest.claim(SECOND, TopicKind.INFERENCE, "you")
        waiting = half(Side.REQUEST, "a")
        rig.mine.ingest.flush([_saving(first, 10, [waiting])])
        rig.other.ingest.flush([_saving(second, 5, done=[waiting.key])])

        with pytest.raises(Fenced) as refused:
            rig.mine.ingest.flush([_saving(first, 20, done=[waiting.key], old=10)])

        assert refused.value.partition == FIRST
        assert [one.next_offset for one in rig.mine.windows.progress()] == [10, 5]

    def test_a_response_finds_the_request_of_another_partition_and_not_of_its_own(self, rig: StoreRig) -> None:
        """Its own partition's halves meet in memory."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        second = rig.mine.ingest.claim(SECOND, TopicKind.INFERENCE, "me")
        here = [half(Side.RESPONSE, "a"), half(Side.RESPONSE, "own"), half(Side.REQUEST, "own")]
        there = [half(Side.REQUEST, "a", SECOND), half(Side.RESPONSE, "own", SECOND), half(Side.REQUEST, "b", SECOND)]
        rig.mine.ingest.flush([_saving(first, 10, here), _saving(second, 10, there)])

        assert rig.other.halves.requests_elsewhere(FIRST) == [(here[0].key, there[0])]
        assert rig.other.halves.requests_elsewhere(SECOND) == [(there[1].key, here[2])]

    def test_time_has_passed_as_far_as_the_slowest_partition_that_lags(self, rig: StoreRig) -> None:
        """One at its end holds nobody back; neither does one that nobody has read for a day."""
        now_ms = START_MS + 1_000
        seen = rig.mine.halves.passed_ms(now_ms)
        for partition, clock_ms, caught_up_at_ms in ((FIRST, START_MS + 9, None), (SECOND, START_MS + 2, now_ms)):
            claim = rig.mine.ingest.claim(partition, TopicKind.INFERENCE, "me")
            one = replace(_saving(claim, 10), halves_clock_ms=clock_ms, caught_up_at_ms=caught_up_at_ms)
            rig.mine.ingest.flush([one])

        assert seen is None
        assert rig.other.halves.passed_ms(now_ms) == START_MS + 9
        assert rig.other.halves.passed_ms(now_ms + 3_600_000) == START_MS + 2
        assert rig.other.halves.passed_ms(now_ms + 2 * 86_400_000) == START_MS + 9

    def test_in_silence_time_passes_with_the_wall_clock(self, rig: StoreRig) -> None:
        """Not at once: who sends in batches has pauses."""
        claim, minute_ms = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me"), 60_000
        rig.mine.ingest.flush([replace(_saving(claim, 10), halves_clock_ms=START_MS, saved_at_ms=START_MS)])

        passed = {}
        for minutes in (9, 10, 15):
            now_ms = START_MS + minutes * minute_ms
            rig.mine.ingest.heartbeat(claim, now_ms, 10)
            passed[minutes] = rig.other.halves.passed_ms(now_ms)

        assert passed == {9: START_MS, 10: START_MS, 15: START_MS + 5 * minute_ms}
