"""Shares: the same whatever the batches, each pane and segment apart, small once closed, gone once out of retention."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.errors import StoreUnavailable
from monitor.domain.models import ModelRef
from monitor.domain.stream import Share, ShareKey
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile
from monitor.stream import shards as module
from monitor.stream.shards import Shards
from tests.unit.stream.making import MINUTE_MS, REF, baseline, batch, claim, model

BASELINE = baseline()
PANE_MS = 10 * MINUTE_MS


def always(ref: ModelRef, pane_start_ms: int) -> tuple[str, Baseline] | None:
    return BASELINE.id, BASELINE


def never(ref: ModelRef, pane_start_ms: int) -> None:
    return None


def fresh(baselines: module.BaselineLookup = always) -> Shards:
    return Shards(claim(), {"churn": model()}, baselines)


def fold(shards: Shards, times_ms: list[int], first_offset: int = 0) -> None:
    shards.add(batch(times_ms, first_offset), np.zeros(len(times_ms), np.bool_))


def by_key(shares: list[Share]) -> dict[ShareKey, Share]:
    return {share.key: share for share in shares}


def test_each_pane_and_segment_has_a_share_of_its_own() -> None:
    shards = fresh()

    fold(shards, [0, PANE_MS, 1, PANE_MS + 1])

    found = {(s.key.pane_start_ms, s.key.segment): (s.n, s.first_offset, s.next_offset) for s in shards.dirty()}
    assert found == {(0, ""): (2, 0, 3), (PANE_MS, ""): (2, 1, 4), (0, "pro"): (1, 0, 1), (PANE_MS, "pro"): (1, 3, 4)}


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3 * PANE_MS), min_size=1, max_size=60), st.lists(st.integers(0, 60), max_size=4))
def test_shares_do_not_depend_on_how_the_records_were_cut_into_batches(times_ms: list[int], cuts: list[int]) -> None:
    whole, cut = fresh(), fresh()
    fold(whole, times_ms)
    ends = sorted({0, len(times_ms), *(c for c in cuts if c < len(times_ms))})

    for start, end in pairwise(ends):
        fold(cut, times_ms[start:end], start)
        cut.settle()

    assert by_key(cut.dirty()) == by_key(whole.dirty())


def test_a_share_holds_the_profile_of_its_records() -> None:
    shards = fresh()
    fold(shards, [0] * 6)

    (whole,) = [share for share in shards.dirty() if not share.key.segment]

    profile = ModelProfile.from_bytes(whole.payload, BASELINE.layouts)
    expected = ModelProfile.empty(BASELINE.layouts)
    expected.update(batch([0] * 6).columns, 6)
    assert profile.content() == expected.content()


def test_only_what_changed_since_the_last_save_is_dirty() -> None:
    shards = fresh()
    fold(shards, [0, 0, 0, PANE_MS])
    shards.dirty()
    shards.saved(None)

    fold(shards, [PANE_MS], 4)

    (share,) = shards.dirty()
    assert (share.key.pane_start_ms, share.n, share.first_offset) == (PANE_MS, 2, 3)


def test_without_a_baseline_a_share_only_counts() -> None:
    shards = fresh(never)
    fold(shards, [0, 0, 0])

    shares = {share.key.segment: share for share in shards.dirty()}

    assert (shares[""].n, shares[""].payload, shares[""].key.baseline_id) == (3, b"", "")
    assert shares["pro"].n == 1


def test_panes_under_different_baselines_are_counted_on_their_own_bins() -> None:
    other = baseline(seed=9)
    shards = fresh(lambda ref, pane_ms: (other.id, other) if pane_ms else (BASELINE.id, BASELINE))

    fold(shards, [0, PANE_MS])

    for share in shards.dirty():
        held = other if share.key.pane_start_ms else BASELINE
        assert share.key.baseline_id == held.id
        assert ModelProfile.from_bytes(share.payload, held.layouts).n == 1


def test_records_are_counted_once_though_a_baseline_could_not_be_read_while_they_were_folded() -> None:
    troubles = [StoreUnavailable("the database is away")]

    def away_at_the_second_pane(ref: ModelRef, pane_start_ms: int) -> tuple[str, Baseline] | None:
        if pane_start_ms and troubles:
            raise troubles.pop()
        return always(ref, pane_start_ms)

    shards = fresh(away_at_the_second_pane)
    fold(shards, [0, 1, PANE_MS])
    with pytest.raises(StoreUnavailable):
        shards.settle()

    found = shards.dirty()

    assert {share.key.pane_start_ms: share.n for share in found if not share.key.segment} == {0: 2, PANE_MS: 1}


def test_late_records_are_counted_in_the_share_and_beside_it() -> None:
    shards = fresh()

    shards.add(batch([0, 0, 0]), np.array([False, True, True]))

    assert {share.key.segment: share.late for share in shards.dirty()} == {"": 2, "pro": 0}


def test_a_closed_pane_is_kept_as_bytes_and_still_takes_late_records() -> None:
    shards, undisturbed = fresh(), fresh()
    fold(shards, [0, 0])
    shards.dirty()

    shards.saved(PANE_MS + MINUTE_MS)
    fold(shards, [0], 2)
    fold(undisturbed, [0, 0, 0])

    assert by_key(shards.dirty())[undisturbed.dirty()[0].key] == undisturbed.dirty()[0]


def test_beyond_retention_a_pane_is_forgotten() -> None:
    shards = fresh()
    fold(shards, [0, 0, PANE_MS])
    shards.dirty()

    shards.saved(PANE_MS + 60 * MINUTE_MS - 1)
    before = len(shards)
    shards.saved(PANE_MS + 60 * MINUTE_MS)

    assert before == 3
    assert len(shards) == 1


def test_many_small_batches_are_folded_together() -> None:
    shards = fresh()
    for offset in range(0, module.FOLD_AT_ROWS + 100, 50):
        fold(shards, [0] * 50, offset)

    assert {s.key.segment: s.n for s in shards.dirty()}[""] == module.FOLD_AT_ROWS + 100 + (
        -(module.FOLD_AT_ROWS + 100)
    ) % 50
    assert all(share.key.model == REF.name for share in shards.dirty())
