"""Promises of `WindowReads` and `Records`: what was saved, added up over owners."""

from dataclasses import replace

from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.domain.records import Joined, PartitionId, TruthTally
from monitor.domain.stream import ArchiveFile, JoinSpan, PaneSpan, PaneSummary, ShareSpan, TopicKind, TruthScope
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

TEN_HOURS_ON = START_MS + 10 * HOUR_MS
AT_MINUTES = (("a", 1), ("b", 61), ("c", 62))
EVERYTHING = JoinSpan(MODEL, START_MS, TEN_HOURS_ON)
DECISIONS = (("yes", 5, "jo"), ("no", 6, "kim"), ("maybe", 9, "jo"))


class WindowConformance:
    """The promises of `WindowReads` and `Records`, as tests."""

    def test_shares_of_every_epoch_and_partition_add_up_when_read(self, rig: StoreRig) -> None:
        """Each owner has rows of its own; a segment's shares are a part of them, not more of them."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(first, 10, [share(first, 10), share(first, 4, segment="de")])])
        second = rig.other.ingest.claim(FIRST, TopicKind.INFERENCE, "you")
        beside = rig.other.ingest.claim(SECOND, TopicKind.INFERENCE, "you")
        rig.other.ingest.flush([flush(second, 30, [share(second, 20)]), flush(beside, 5, [share(beside, 5)])])

        panes = rig.mine.windows.panes([PaneSpan(MODEL.name, START_MS, TEN_HOURS_ON, HOUR_MS)])
        shares = rig.mine.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, START_MS, TEN_HOURS_ON)])

        assert panes == [PaneSummary("churn", "3", START_MS, n=35, late=3)]
        assert shares == [share(first, 10), share(second, 20), share(beside, 5)]
        assert rig.mine.windows.shares([ShareSpan(MODEL, "de", START_MS, TEN_HOURS_ON)]) == [
            share(first, 4, segment="de")
        ]

    def test_panes_and_shares_start_in_a_half_open_range_and_come_in_order(self, rig: StoreRig) -> None:
        """By version and start; by pane and partition."""
        two = ModelRef("churn", "2")
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        some = [share(claim, 1, pane) for pane in (3, 1, 2, 0)]
        rig.mine.ingest.flush([flush(claim, 10, [*some, share(claim, 1, 2, ref=two)])])

        panes = rig.mine.windows.panes([PaneSpan("churn", START_MS + HOUR_MS, START_MS + 3 * HOUR_MS, HOUR_MS)])
        shares = rig.mine.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, START_MS + HOUR_MS, START_MS + 3 * HOUR_MS)])

        hours = [(pane.version, (pane.pane_start_ms - START_MS) // HOUR_MS) for pane in panes]
        assert hours == [("2", 2), ("3", 1), ("3", 2)]
        assert shares == [share(claim, 1, 1), share(claim, 1, 2)]

    def test_spans_of_many_models_are_read_together_and_each_keeps_its_own_range(self, rig: StoreRig) -> None:
        """What one span asks for is not read of another; what two ask for comes once."""
        fraud = ModelRef("fraud", "3")
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        some = [share(claim, 1, pane, ref=ref) for ref in (fraud, MODEL) for pane in range(4)]
        rig.mine.ingest.flush([flush(claim, 10, some)])
        early, late = (START_MS, START_MS + 2 * HOUR_MS), (START_MS + HOUR_MS, START_MS + 3 * HOUR_MS)

        panes = rig.mine.windows.panes([PaneSpan("fraud", *late, HOUR_MS), PaneSpan("churn", *early, HOUR_MS)])
        shares = rig.mine.windows.shares(
            [ShareSpan(fraud, ALL_TRAFFIC, *late), *(ShareSpan(MODEL, ALL_TRAFFIC, *span) for span in (early, late))]
        )

        hours = [(pane.model, (pane.pane_start_ms - START_MS) // HOUR_MS) for pane in panes]
        assert hours == [("churn", 0), ("churn", 1), ("fraud", 1), ("fraud", 2)]
        churn = [share(claim, 1, pane) for pane in (0, 1, 2)]
        assert shares == [*churn, share(claim, 1, 1, ref=fraud), share(claim, 1, 2, ref=fraud)]
        assert (rig.mine.windows.panes([]), rig.mine.windows.shares([])) == ([], [])

    def test_truths_are_counted_for_the_spans_that_ask_in_the_length_of_their_panes(self, rig: StoreRig) -> None:
        """Panes of one model may be longer than those of another."""
        fraud = ModelRef("fraud", "3")
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        made = [prediction(event_id, minutes, ref=ref) for ref in (MODEL, fraud) for event_id, minutes in AT_MINUTES]
        known = [truth(event_id, model=ref.name) for ref in (MODEL, fraud) for event_id, _ in AT_MINUTES]
        shares = [share(claim, 1, pane, ref=ref) for ref in (MODEL, fraud) for pane in (0, 1)]
        rig.mine.ingest.flush([flush(claim, 10, shares, made, known)])
        span = (START_MS, START_MS + 2 * HOUR_MS)
        hourly = PaneSpan("churn", *span, HOUR_MS, truth=TruthScope())
        longer = PaneSpan("fraud", *span, 2 * HOUR_MS, truth=TruthScope())

        panes = rig.mine.windows.panes([hourly, longer])
        unasked = rig.mine.windows.panes([replace(hourly, truth=None), longer])

        assert [(pane.model, pane.truths) for pane in panes] == [("churn", 1), ("churn", 2), ("fraud", 3), ("fraud", 0)]
        assert [pane.truths for pane in unasked] == [0, 0, 3, 0]

    def test_partitions_come_in_the_order_of_their_names_by_code_point(self, rig: StoreRig) -> None:
        """Merging in one order everywhere gives the same bytes everywhere."""
        names = ["b", "B", "a-1", "a_1", "a1", "é", "Z"]
        for name in names:
            claim = rig.mine.ingest.claim(PartitionId(name, 0), TopicKind.INFERENCE, "me")
            rig.mine.ingest.flush([flush(claim, 1, [share(claim, 1)])])

        shares = rig.mine.windows.shares([ShareSpan(MODEL, ALL_TRAFFIC, START_MS, TEN_HOURS_ON)])

        assert [one.key.partition.topic for one in shares] == sorted(names)
        assert [one.partition.topic for one in rig.mine.windows.progress()] == sorted(names)

    def test_a_pane_counts_the_truths_of_its_own_predictions(self, rig: StoreRig) -> None:
        """By the time of the prediction, whenever the truth was known, in the prediction's version."""
        two = ModelRef("churn", "2")
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        made = [prediction("a", 0), prediction("b", 59.9), prediction("c", 60), prediction("d", 61)]
        known = [truth("a"), truth("b"), truth("c"), truth("nobody asked"), truth("d", model="other")]
        shares = [share(claim, 2, 0), share(claim, 2, 1), share(claim, 1, 1, ref=two)]
        rig.mine.ingest.flush([flush(claim, 10, shares, [*made, prediction("c", 60, ref=two)], known)])

        panes = rig.mine.windows.panes([PaneSpan(MODEL.name, START_MS, TEN_HOURS_ON, HOUR_MS, truth=TruthScope())])

        assert [(pane.version, pane.n, pane.truths) for pane in panes] == [("2", 1, 1), ("3", 2, 2), ("3", 2, 1)]

    def test_truths_are_counted_to_the_end_of_a_pane_that_starts_in_an_uneven_range(self, rig: StoreRig) -> None:
        """The range says where panes start, not where they end."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        made = [prediction("a", 0), prediction("b", 70), prediction("c", 119), prediction("d", 120)]
        shares = [share(claim, 1, 0), share(claim, 2, 1), share(claim, 1, 2)]
        known = [truth(one.event_id) for one in made]
        rig.mine.ingest.flush([flush(claim, 10, shares, made, known)])

        panes = rig.mine.windows.panes(
            [PaneSpan(MODEL.name, START_MS + 1, START_MS + HOUR_MS + 1, HOUR_MS, truth=TruthScope())]
        )

        assert [(pane.n, pane.truths) for pane in panes] == [(2, 2)]

    def test_predictions_join_their_truth_by_event_id_in_order(self, rig: StoreRig) -> None:
        """Those made in [since, until), of this version."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        made = [prediction("b", 1, "2.5"), prediction("a", 2, "1.5"), prediction("c", 3), prediction("d", 60)]
        unscored = replace(prediction("Z", 4), score=None)
        known = [truth(event_id, f"is {event_id}") for event_id in "abdZ"]
        rig.mine.ingest.flush([flush(claim, 10, predictions=[*made, unscored], truths=known)])

        joined = rig.mine.windows.joined(JoinSpan(MODEL, START_MS, START_MS + HOUR_MS))

        assert [row[:3] for row in joined] == [("yes", None, "is Z"), ("1.5", 0.75, "is a"), ("2.5", 0.75, "is b")]
        assert rig.mine.windows.predictions_count(MODEL, START_MS, START_MS + HOUR_MS) == 4
        assert rig.mine.windows.joined(JoinSpan(ModelRef("churn", "4"), START_MS, TEN_HOURS_ON)) == []

    def test_scores_of_all_classes_are_joined_with_their_prediction_as_they_came(self, rig: StoreRig) -> None:
        """Where a record has none, there are none."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        scored = replace(prediction("a"), scores='{"no":0.25,"yes":0.75}')
        rig.mine.ingest.flush(
            [
                flush(
                    claim, 10, predictions=[scored, prediction("b")], truths=[truth("a"), truth("b"), truth("a", "yes")]
                )
            ]
        )

        assert [row.scores for row in rig.mine.windows.joined(EVERYTHING)] == [scored.scores, None]
        assert [row.scores for row in rig.mine.pairs.judged(EVERYTHING)] == [scored.scores, None]

    def test_truth_may_come_before_its_prediction_and_the_latest_known_wins(self, rig: StoreRig) -> None:
        """In whatever order the records come, and however often."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        rig.mine.ingest.flush([flush(claim, 10, truths=[truth("a", "new", 20), truth("a", "old", 10)])])
        rig.mine.ingest.flush([flush(claim, 20, predictions=[prediction("a")], old_offset=10)])

        again = [truth("a", "oldest", 5), truth("a", "old", 10)]
        rig.mine.ingest.flush([flush(claim, 30, truths=again, old_offset=20)])

        assert rig.mine.windows.joined(EVERYTHING) == [Joined("yes", 0.75, "new", 5 * 60_000, 3, 3)]
        assert rig.mine.records.truth_count(MODEL.name, START_MS + 20 * 60_000) == 1
        assert rig.mine.records.truth_count(MODEL.name, START_MS + 20 * 60_000 + 1) == 0

    def test_truth_known_too_late_does_not_count_whenever_it_came(self, rig: StoreRig) -> None:
        """What was known in time holds, though a correction came after."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        made, known = (
            [prediction("a"), prediction("b")],
            [truth("a", "new", 20), truth("a", "old", 10), truth("b", "x", 20)],
        )
        rig.mine.ingest.flush([flush(claim, 10, [share(claim, 2)], made, known)])

        in_time = replace(EVERYTHING, known_by_ms=START_MS + 19 * 60_000)
        scope = TruthScope(within_ms=19 * 60_000)
        (pane,) = rig.mine.windows.panes([PaneSpan("churn", START_MS, TEN_HOURS_ON, HOUR_MS, scope)])

        assert [row.label for row in rig.mine.windows.joined(in_time)] == ["old"]
        assert (pane.truths, pane.statements) == (1, 1)

    def test_of_statements_of_one_instant_the_later_in_the_log_holds(self, rig: StoreRig) -> None:
        """A date alone is often all that a record says of when it was known."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        first, second = replace(truth("a", "z"), offset=7), replace(truth("a", "b"), offset=8)

        rig.mine.ingest.flush([flush(claim, 10, predictions=[prediction("a")], truths=[second, first])])

        assert [row.label for row in rig.mine.windows.joined(EVERYTHING)] == ["b"]

    def test_kinds_of_truth_do_not_mix_and_every_statement_is_kept_with_who_made_it(self, rig: StoreRig) -> None:
        """For people to look at afterwards."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.MIXED, "me")
        decided = [replace(truth("a", label, at), name="reviewer", annotator=who) for label, at, who in DECISIONS]
        known = [truth("a", "no", 1), *decided, replace(truth("nobody asked", "up"), name="thumbs")]
        rig.mine.ingest.flush([flush(claim, 10, predictions=[prediction("a")], truths=known)])

        tallies = {one.name: one for one in rig.mine.truths.tallies(MODEL.name)}

        assert [row.label for row in rig.mine.windows.joined(EVERYTHING)] == ["no"]
        assert [row.label for row in rig.mine.windows.joined(replace(EVERYTHING, name="reviewer"))] == ["maybe"]
        assert rig.mine.truths.statements(MODEL.name, "a") == [known[0], *decided]
        minutes = START_MS + 5 * 60_000, START_MS + 9 * 60_000
        assert tallies["reviewer"] == TruthTally("reviewer", 3, 1, 0, 1, 2, *minutes)
        assert (tallies["thumbs"].unmatched, tallies["thumbs"].annotators, tallies[""].replaced) == (1, 0, 0)

    def test_a_prediction_seen_twice_in_a_window_is_one_and_the_later_one_stays(self, rig: StoreRig) -> None:
        """In whatever order the records come."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        made = [prediction("a", 5, "later"), prediction("a", 1, "earlier")]

        rig.mine.ingest.flush([flush(claim, 10, [share(claim, 1)], made, [truth("a", minutes=6)])])

        assert rig.mine.windows.joined(EVERYTHING) == [Joined("later", 0.75, "no", 60_000, 1, 1)]
        assert rig.mine.windows.predictions_count(MODEL, START_MS, TEN_HOURS_ON) == 1
        (pane,) = rig.mine.windows.panes([PaneSpan("churn", START_MS, TEN_HOURS_ON, HOUR_MS, TruthScope())])
        assert pane.truths == 1

    def test_dead_letters_come_newest_first_and_may_be_narrowed_to_a_model(self, rig: StoreRig) -> None:
        """Values are the bytes that came."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(claim, 10, dead_letters=[dead_letter(1), dead_letter(2, model="churn")])])
        later = replace(flush(claim, 20, dead_letters=[dead_letter(11)], old_offset=10), saved_at_ms=START_MS + 99)
        rig.mine.ingest.flush([later])

        newest = rig.mine.records.dead_letters(2)

        assert [(kept.letter, kept.seen_at_ms) for kept in newest] == [
            (dead_letter(11), START_MS + 99),
            (dead_letter(2, model="churn"), START_MS + 17),
        ]
        assert [kept.letter.offset for kept in rig.mine.records.dead_letters(9, "churn")] == [2]
        assert rig.mine.records.dead_letter_counts() == {"malformed_json": 2, "too_late": 1}

    def test_archive_files_are_found_by_the_event_times_that_they_hold(self, rig: StoreRig) -> None:
        """A file that is written again after a crash is the same file."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        files = [
            ArchiveFile(
                f"{n}.parquet", "churn", "3", START_MS + n * HOUR_MS, START_MS + (n + 1) * HOUR_MS, 9, FIRST, n, 9
            )
            for n in range(3)
        ]
        rig.mine.ingest.flush([replace(flush(claim, 10), archive=files)])
        rig.mine.ingest.flush([replace(flush(claim, 20, old_offset=10), archive=[replace(files[1], rows=10)])])

        found = rig.mine.records.archive(MODEL, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS)

        assert found == [replace(files[1], rows=10)]
