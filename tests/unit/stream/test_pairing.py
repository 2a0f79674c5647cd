"""Requests and responses find each other, once, whatever the order, the polls and the crashes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.records import PartitionId
from monitor.domain.stream import Half, HalfKey, Pair, Side
from monitor.stream.pairing import Pairing

HERE, THERE = PartitionId("log", 0), PartitionId("log", 1)
MINUTE_MS = 60_000


def half(side: Side, offset: int, at_min: float = 0, pair_id: str = "a", partition: PartitionId = HERE) -> Half:
    return Half(HalfKey(partition, "churn", pair_id, side), offset, round(at_min * MINUTE_MS), 5 * MINUTE_MS, b"{}")


def request(offset: int, at_min: float = 0, pair_id: str = "a") -> Half:
    return half(Side.REQUEST, offset, at_min, pair_id)


def response(offset: int, at_min: float = 0, pair_id: str = "a") -> Half:
    return half(Side.RESPONSE, offset, at_min, pair_id)


def test_a_pair_stands_at_the_offset_of_its_later_half_whichever_that_is() -> None:
    forwards = Pairing({}).take([request(1), response(2)], None)
    backwards = Pairing({}).take([response(1), request(2)], None)

    assert [pair.offset for pair in (*forwards.pairs, *backwards.pairs)] == [2, 2]
    assert [pair.request.key.side for pair in (*forwards.pairs, *backwards.pairs)] == [Side.REQUEST] * 2


def test_halves_further_apart_than_their_wait_do_not_belong_together() -> None:
    pairing = Pairing({})

    met = pairing.take([request(1, 0), response(2, 5.1)], None)

    assert met.pairs == []
    assert len(pairing.waiting) == 2


def test_a_half_sent_twice_is_refused_the_second_time() -> None:
    met = Pairing({}).take([request(1), request(2), response(3)], None)

    assert [(pair.request.offset, pair.offset) for pair in met.pairs] == [(1, 3)]
    assert [(half.offset, why) for half, why in met.given_up] == [(2, "the same request waits already, from offset 1")]


def test_a_half_is_given_up_when_time_has_passed_it_by_twice_its_wait_and_not_before() -> None:
    pairing = Pairing({})
    pairing.take([request(1, 0)], None)

    early, late = pairing.give_up(10 * MINUTE_MS), pairing.give_up(10 * MINUTE_MS + 1)

    assert early == []
    assert late == [request(1, 0)]
    assert pairing.waiting == {}


def test_a_clock_that_runs_ahead_gives_nothing_up() -> None:
    pairing = Pairing({})

    pairing.take([request(1, 0), request(2, 10_000, "ahead")], 5 * MINUTE_MS)

    assert pairing.clock_ms == 0


def test_what_was_never_saved_needs_no_forgetting_and_what_was_is_forgotten_once() -> None:
    pairing = Pairing.of([request(1)], 0)

    pairing.take([response(2), request(3, 0, "b"), response(4, 0, "b")], None)
    done = pairing.done
    pairing.saved()

    assert done == [request(1).key]
    assert pairing.done == []
    assert pairing.unsaved == []


def test_a_response_meets_the_request_of_another_partition_once() -> None:
    elsewhere = half(Side.REQUEST, 9, partition=THERE)
    pairing = Pairing.of([response(4)], 0)

    first = pairing.meet(response(4).key, elsewhere)
    second = pairing.meet(response(4).key, elsewhere)

    assert first == Pair(elsewhere, response(4), 4)
    assert second is None
    assert pairing.done == sorted([response(4).key, elsewhere.key])


def test_a_saved_half_that_another_partition_took_is_dropped_and_an_unsaved_one_stays() -> None:
    pairing = Pairing.of([request(1)], 0)
    pairing.take([request(2, 0, "fresh")], None)

    pairing.keep_only([])

    assert list(pairing.waiting) == [request(2, 0, "fresh").key]
    assert pairing.done == []


HALVES = st.lists(
    st.builds(
        half,
        st.sampled_from(list(Side)),
        st.just(0),
        st.sampled_from([0.0, 1.0, 4.0, 9.0, 30.0]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=14,
)


@given(halves=HALVES, cuts=st.sets(st.integers(0, 14)), crash=st.integers(0, 14))
def test_the_pairs_are_those_of_the_log_wherever_polls_and_saves_and_a_crash_cut_it(
    halves: list[Half], cuts: set[int], crash: int
) -> None:
    log = [replace(one, offset=offset) for offset, one in enumerate(halves)]
    whole = Pairing({}).take(log, None)

    pairing, start = Pairing({}), 0
    saved: tuple[list[Half], int | None] = ([], None)
    pairs: list[Pair] = []
    for end in sorted({*cuts, crash, len(log)}):
        if end == crash:  # what was read since the save is read again, from the halves that were saved
            Pairing.of(*saved).take(log[start : min(end + 2, len(log))], None)
            pairing = Pairing.of(*saved)
        met = pairing.take(log[start:end], None)
        pairs += met.pairs
        pairing.saved()
        saved, start = (list(pairing.waiting.values()), pairing.clock_ms), max(start, min(end, len(log)))

    assert pairs == list(whole.pairs)
