"""One partition in memory: offsets count once, times decide who is late, too late or ahead."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.domain.errors import RejectReason
from monitor.domain.models import GroundTruthPolicy, ModelRef
from monitor.domain.records import LetterForm, RawRecord, Truth
from monitor.domain.stream import Claim, TopicKind
from monitor.stats.baseline import Baseline
from monitor.stream.batch import Decoded, RecordBatch
from monitor.stream.dead_letters import dead_letter
from monitor.stream.intake import Accepted, PartitionIntake
from tests.unit.stream.making import MINUTE_MS, PARTITION, REF, baseline, batch, claim, model

BASELINE = baseline()


def at(*_: object) -> tuple[str, Baseline]:
    return BASELINE.id, BASELINE


def intake(claimed: Claim | None = None, kind: TopicKind = TopicKind.INFERENCE) -> PartitionIntake:
    return PartitionIntake(claimed or claim(), kind, {"churn": model()}, at)


def records(offsets: list[int]) -> list[RawRecord]:
    return [RawRecord(offset, b"value") for offset in offsets]


def take(partition: PartitionIntake, times_ms: list[int], first: int = 0, latest_ms: int | None = None) -> Accepted:
    read = records(list(range(first, first + len(times_ms))))
    return partition.accept(read, Decoded([batch(times_ms, first)], [], [], len(times_ms)), latest_ms)


@pytest.mark.parametrize(
    ("offsets", "unseen"),
    [
        ([10, 11, 12], [10, 11, 12]),
        ([10, 15, 40], [10, 15, 40]),
        ([7, 8, 9], []),
        ([8, 9, 10, 11], [10, 11]),
        ([10, 11, 10, 11, 12], [10, 11, 12]),
    ],
)
def test_an_offset_counts_once_and_gaps_are_normal(offsets: list[int], unseen: list[int]) -> None:
    partition = intake(claim(next_offset=10))

    assert [record.offset for record in partition.unseen(records(offsets))] == unseen


def test_a_record_is_late_once_the_watermark_has_closed_its_window() -> None:
    partition = intake()

    accepted = take(partition, [0, 11 * MINUTE_MS - 1, 1, 11 * MINUTE_MS, 2])

    assert sum(accepted.counted.values()) == 5
    assert sum(accepted.late.values()) == 1


def test_a_record_out_of_retention_is_a_dead_letter_with_its_time() -> None:
    partition = intake()

    accepted = take(partition, [70 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS - 1])

    assert accepted.refused == {RejectReason.TOO_LATE: 1}
    (letter,) = partition.to_flush(0, None).dead_letters
    assert (letter.offset, letter.value, letter.model) == (2, b"value", "churn")
    assert "1970-01-01T00:09:59.999Z is before 1970-01-01T00:10:00Z" in letter.detail
    assert sum(accepted.counted.values()) == 2


def test_a_record_from_2100_is_refused_and_closes_nothing() -> None:
    partition = intake()

    accepted = take(partition, [1_000, 4_102_444_800_000, 2_000], latest_ms=10_000)

    assert accepted.refused == {RejectReason.IN_THE_FUTURE: 1}
    assert partition.watermark_ms == 2_000
    assert accepted.refused_at_end == 0


def test_the_watermark_of_a_claim_goes_on_where_it_was() -> None:
    partition = intake(claim(next_offset=5, watermark_ms=70 * MINUTE_MS))

    accepted = take(partition, [1, 69 * MINUTE_MS], first=5)

    assert accepted.refused == {RejectReason.TOO_LATE: 1}
    assert partition.watermark_ms == 70 * MINUTE_MS


def test_what_is_saved_stands_for_an_interval_of_offsets() -> None:
    partition = intake(claim(next_offset=5))
    take(partition, [1, 2, 3], first=5)

    first = partition.to_flush(saved_at_ms=99, highwater=8)
    partition.saved()
    take(partition, [4], first=8)
    second = partition.to_flush(saved_at_ms=99, highwater=20)

    assert (first.old_offset, first.next_offset, first.watermark_ms, first.caught_up_at_ms) == (5, 8, 3, 99)
    assert (second.old_offset, second.next_offset, second.caught_up_at_ms) == (8, 9, None)
    assert {(share.n, share.next_offset) for share in second.shares if not share.key.segment} == {(4, 9)}


def test_nothing_read_is_nothing_to_save() -> None:
    with pytest.raises(ValueError, match="nothing was read"):
        intake().to_flush(0, None)


def test_truths_of_a_model_that_does_not_wait_for_them_are_ignored_and_counted() -> None:
    partition = intake(kind=TopicKind.GROUND_TRUTH)
    truth = Truth("churn", "e1", "1", 5_000)

    accepted = partition.accept(records([0]), Decoded([], [(0, truth)], [], 1), None)

    assert (accepted.truths, accepted.truths_ignored) == (0, 1)
    assert partition.watermark_ms == 5_000
    assert partition.to_flush(0, None).truths == ()


def test_a_truth_from_the_future_is_refused() -> None:
    partition = intake(kind=TopicKind.MIXED)
    truth = Truth("churn", "e1", "1", 5_000)

    accepted = partition.accept(records([0]), Decoded([], [(0, truth)], [], 1), 4_999)

    assert accepted.refused == {RejectReason.IN_THE_FUTURE: 1}
    assert partition.watermark_ms is None


def at_offsets(made: RecordBatch, offsets: list[int]) -> RecordBatch:
    """As rows of messages that hold several."""
    return replace(made, offsets=np.array(offsets, np.int64))


def test_of_rows_with_one_id_the_first_in_the_log_counts_whatever_batch_it_came_in() -> None:
    first, second = at_offsets(batch([11 * MINUTE_MS], 5), [3]), at_offsets(batch([2_000, 3_000], 5), [2, 4])
    partition = PartitionIntake(claim(), TopicKind.INFERENCE, {"churn": model(remember_ids=100)}, at)

    accepted = partition.accept(records([2, 3, 4]), Decoded([first, second], [], [], 3), None)

    assert (sum(accepted.counted.values()), sum(accepted.duplicates.values())) == (2, 1)
    (tally,) = partition.to_flush(0, None).tallies
    assert (tally.key.fate, tally.n, tally.key.pane_start_ms) == ("duplicate", 1, 10 * MINUTE_MS)


def test_a_message_of_many_rows_says_once_how_much_was_served() -> None:
    said = (("driftline-producer", b"web-1"), ("driftline-number", b"7"))
    partition = intake()

    partition.accept(
        [RawRecord(0, b"rows", headers=said)], Decoded([at_offsets(batch([1, 2, 3]), [0, 0, 0])], [], [], 1), None
    )

    (served,) = partition.to_flush(0, None).served
    assert (served.n, served.first, served.last, served.weight_thousandths) == (1, 7, 7, 1_000)


def test_a_message_refused_in_part_is_marked_and_is_no_refused_message_to_the_limit() -> None:
    bad = dead_letter(PARTITION, RawRecord(0, b"rows"), RejectReason.WRONG_TYPE, "row 1")
    worse = dead_letter(PARTITION, RawRecord(1, b"{"), RejectReason.MALFORMED_JSON, "end")
    partition = intake()

    accepted = partition.accept(
        records([0, 1]), Decoded([at_offsets(batch([1, 2]), [0, 0])], [], [bad, worse], 2), None
    )

    assert accepted.refused_whole == accepted.refused_at_end == 1
    letters = partition.to_flush(0, None).dead_letters
    assert [letter.form for letter in letters] == [LetterForm.PART, LetterForm.MESSAGE]


def test_a_topic_of_ground_truth_moves_its_watermark_and_counts_truths_alone() -> None:
    policy = GroundTruthPolicy(timedelta(hours=1), 0.5, timedelta(days=1))
    partition = PartitionIntake(claim(), TopicKind.GROUND_TRUTH, {"churn": model(ground_truth=policy)}, at)
    truths = [(offset, Truth("churn", f"e{offset}", "yes", offset * 1_000)) for offset in range(3)]

    accepted = partition.accept(records([0, 1, 2]), Decoded([], truths, [], 3), None)

    assert (accepted.truths, sum(accepted.counted.values()), partition.watermark_ms) == (3, 0, 2_000)


def test_a_version_too_many_costs_no_other_model_its_rows_of_the_same_message() -> None:
    models = {"churn": model(max_versions=1), "fraud": replace(model(), name="fraud")}
    partition = PartitionIntake(claim(), TopicKind.INFERENCE, models, at)
    second, other = ModelRef("churn", "2"), ModelRef("fraud", "1")
    batches = [batch([1_000]), batch([2_000], 1, second), batch([2_000], 1, other)]

    accepted = partition.accept(records([0, 1]), Decoded(batches, [], [], 2), None)

    assert accepted.counted == {REF: 1, other: 1}
    assert accepted.refused == {RejectReason.TOO_MANY_VERSIONS: 1}
    assert [letter.form for letter in partition.to_flush(0, None).dead_letters] == [LetterForm.PART]
