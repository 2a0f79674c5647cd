"""Promises of `IngestStore`: one owner, all or nothing, nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from monitor.domain.errors import Fenced
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.records import KeptLetter, PartitionId
from monitor.domain.stream import ArchiveFile, JoinSpan, PaneSpan, PartitionProgress, ShareSpan, TopicKind
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import (
    FIRST,
    HOUR_MS,
    MODEL,
    SECOND,
    START_MS,
    dead_letter,
    flush,
    prediction,
    share,
    truth,
)


class IngestConformance:
    """The promises of `IngestStore`, as tests."""

    def test_a_partition_seen_for_the_first_time_has_no_offset_and_no_progress(self, rig: StoreRig) -> None:
        """Where to start is then the source's configuration."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")

        assert (claim.partition, claim.next_offset, claim.watermark_ms) == (FIRST, None, None)
        assert rig.other.windows.progress() == [
            PartitionProgress(FIRST, TopicKind.INFERENCE, claim.epoch, "me", None, None, None, 0, None)
        ]

    def test_the_next_claim_goes_on_where_the_last_flush_ended_in_a_higher_epoch(self, rig: StoreRig) -> None:
        """Epochs only grow, whoever claims."""
        before = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(before, 10, watermark_ms=START_MS)])

        after = rig.other.ingest.claim(FIRST, TopicKind.INFERENCE, "you")

        assert after.epoch > before.epoch
        assert (after.next_offset, after.watermark_ms) == (10, START_MS)

    def test_claims_from_many_threads_at_once_all_differ(self, rig: StoreRig) -> None:
        """Also when the partition has never been seen."""
        stores = [rig.mine.ingest, rig.other.ingest]
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda i: stores[i % 2].claim(FIRST, TopicKind.INFERENCE, f"w{i}"), range(16)))

        assert len({claim.epoch for claim in claims}) == 16

    def test_a_flush_saves_progress_and_everything_with_it(self, rig: StoreRig) -> None:
        """One transaction, many tables."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        letter = dead_letter(3)
        file = ArchiveFile("a/b.parquet", "churn", "3", START_MS, START_MS + HOUR_MS, 9, FIRST, 0, 10)
        whole = replace(
            flush(
                claim,
                10,
                [share(claim, 9)],
                [prediction("e1")],
                [truth("e1")],
                dead_letters=[letter],
                watermark_ms=START_MS,
            ),
            kind=TopicKind.MIXED,
            caught_up_at_ms=START_MS + 16,
            archive=[file],
        )

        rig.mine.ingest.flush([whole])

        seen = rig.other
        assert seen.windows.progress() == [
            PartitionProgress(FIRST, TopicKind.MIXED, claim.epoch, "me", 10, START_MS, 15, START_MS + 17, START_MS + 16)
        ]
        assert seen.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, START_MS, START_MS + 1)]) == [share(claim, 9)]
        assert [row.label for row in seen.windows.joined(JoinSpan(MODEL, START_MS, START_MS + 1))] == ["no"]
        assert seen.records.dead_letters(10) == [KeptLetter(letter, START_MS + 17, None)]
        assert seen.records.archive(MODEL, START_MS, START_MS + 1) == [file]

    def test_a_zombie_that_flushes_after_a_new_claim_is_fenced_and_saves_nothing(self, rig: StoreRig) -> None:
        """Not for the partition that it lost, and not for those that it still holds."""
        kept = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        lost = rig.mine.ingest.claim(SECOND, TopicKind.INFERENCE, "me")
        rig.other.ingest.claim(SECOND, TopicKind.INFERENCE, "you")

        with pytest.raises(Fenced) as refused:
            rig.mine.ingest.flush([flush(kept, 10, [share(kept, 9)]), flush(lost, 10, [share(lost, 9)])])

        assert refused.value.partition == SECOND
        assert [one.next_offset for one in rig.other.windows.progress()] == [None, None]
        assert rig.other.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, 0, START_MS + HOUR_MS)]) == []

    def test_the_same_flush_twice_is_fenced_the_second_time(self, rig: StoreRig) -> None:
        """An answer that was lost on the way must not move the offset twice."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        once = flush(claim, 10, [share(claim, 9)])
        rig.mine.ingest.flush([once])

        with pytest.raises(Fenced):
            rig.mine.ingest.flush([once])

        assert [one.n for one in rig.mine.windows.panes([PaneSpan(MODEL.name, 0, START_MS + 1, HOUR_MS)])] == [9]

    def test_a_share_is_replaced_and_never_added_to(self, rig: StoreRig) -> None:
        """It is a function of the log."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(claim, 10, [share(claim, 9)])])

        rig.mine.ingest.flush([flush(claim, 20, [share(claim, 19, payload=b"later")], old_offset=10)])

        assert rig.mine.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, 0, START_MS + 1)]) == [
            share(claim, 19, payload=b"later")
        ]

    def test_none_keeps_the_watermark_and_the_end_that_are_known(self, rig: StoreRig) -> None:
        """A flush without event times moves no watermark."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(claim, 10, watermark_ms=START_MS)])

        rig.mine.ingest.flush([replace(flush(claim, 20, old_offset=10), highwater=None)])

        progress = rig.mine.windows.progress()[0]
        assert (progress.next_offset, progress.watermark_ms, progress.highwater) == (20, START_MS, 15)

    def test_a_heartbeat_notes_the_end_and_a_zombies_changes_nothing(self, rig: StoreRig) -> None:
        """A worker that lost its partition knows nothing of its end any more."""
        mine = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.heartbeat(mine, 1000, 7)
        rig.mine.ingest.heartbeat(mine, None, None)
        rig.other.ingest.claim(FIRST, TopicKind.INFERENCE, "you")

        rig.mine.ingest.heartbeat(mine, 2000, 8)

        progress = rig.mine.windows.progress()[0]
        assert (progress.caught_up_at_ms, progress.highwater) == (1000, 7)

    def test_the_first_dead_letter_of_an_offset_stays(self, rig: StoreRig) -> None:
        """A second reading of the same offset says nothing new."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(claim, 10, dead_letters=[dead_letter(3)])])

        again = replace(dead_letter(3), detail="another")
        rig.mine.ingest.flush([flush(claim, 20, dead_letters=[again, dead_letter(4)], old_offset=10)])

        assert [kept.letter.detail for kept in rig.mine.records.dead_letters(10)] == ["unexpected end"] * 2
        assert rig.mine.records.dead_letter_counts() == {"malformed_json": 2}

    def test_text_with_a_nul_character_does_not_stop_its_partition(self, rig: StoreRig) -> None:
        """JSON may carry one; PostgreSQL cannot store it."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        poison = flush(
            claim,
            10,
            predictions=[prediction("e\0", text="y\0")],
            truths=[truth("e\0", "n\0")],
            dead_letters=[replace(dead_letter(3, model="a\0b"), detail="near \0")],
        )

        rig.mine.ingest.flush([poison])

        assert len(rig.mine.windows.joined(JoinSpan(MODEL, START_MS, START_MS + 1))) == 1
        assert len(rig.mine.records.dead_letters(10)) == 1

    def test_two_workers_flush_at_once_and_everything_arrives(self, rig: StoreRig) -> None:
        """The same event ids from both, in opposite order: neither a deadlock nor a loss."""
        partitions = [PartitionId("inference", number) for number in range(4)]
        stores = [rig.mine.ingest, rig.other.ingest] * 2

        def work(number: int) -> None:
            claim = stores[number].claim(partitions[number], TopicKind.INFERENCE, f"w{number}")
            ids = [f"e{i}" for i in range(50)][:: 1 if number % 2 else -1]
            for step in range(10):
                made = [prediction(event_id, minutes=number) for event_id in ids]
                whole = flush(claim, step + 1, [share(claim, step)], made, old_offset=step or None)
                stores[number].flush([whole])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))

        assert [one.next_offset for one in rig.mine.windows.progress()] == [10] * 4
        assert rig.mine.windows.predictions_count(MODEL, START_MS, START_MS + HOUR_MS) == 50
        assert [one.n for one in rig.mine.windows.panes([PaneSpan(MODEL.name, 0, START_MS + 1, HOUR_MS)])] == [36]
