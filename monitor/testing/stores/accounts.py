"""Promises about what became of every record: tallies, statements of producers, event ids, replayed dead letters."""

from dataclasses import replace

import pytest

from monitor.domain.errors import Fenced, RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import LetterQuery, PartitionId
from monitor.domain.stream import (
    DUPLICATE,
    REPLAY_PREFIX,
    Claim,
    IdBlock,
    PaneAccount,
    PaneStatement,
    Served,
    ServedKey,
    ShareSpan,
    Tally,
    TallyKey,
    TopicKind,
)
from monitor.testing.stores.rig import StoreRig
from monitor.testing.stores.samples import FIRST, HOUR_MS, MODEL, SECOND, START_MS, dead_letter, flush, share

TEN_HOURS_ON = START_MS + 10 * HOUR_MS


def tally(claim: Claim, n: int, fate: str = DUPLICATE, version: str = MODEL.version, model: str = MODEL.name) -> Tally:
    """So many records of the claim that were not counted in the hour from START on."""
    return Tally(TallyKey(model, version, START_MS, fate, claim.partition, claim.epoch), n)


def served(  # noqa: PLR0917 - the parts of a statement
    claim: Claim, producer: str, n: int, first: int | None, last: int | None, thousandths: int = 0
) -> Served:
    """What a producer says in n records of the hour from START on."""
    key = ServedKey(MODEL.name, MODEL.version, START_MS, producer, claim.partition, claim.epoch)
    return Served(key, n, thousandths or n * 1_000, first, last)


def block(first: int, ids: bytes = b"\0\1\2\3\4\5\6\xff", version: str = MODEL.version) -> IdBlock:
    """A block of one id."""
    return IdBlock(MODEL.name, version, first, START_MS + first, ids)


class AccountConformance:
    """The promises of `AccountReads`, and of what `IngestStore` writes for it, as tests."""

    def test_duplicates_of_spans_add_up_over_partitions_and_only_they_do(self, rig: StoreRig) -> None:
        """By model version and pane; other fates, versions and panes are not among them."""
        for partition, n in ((FIRST, 3), (SECOND, 4)):
            claim = rig.mine.ingest.claim(partition, TopicKind.INFERENCE, "me")
            tallied = [tally(claim, n), tally(claim, 9, "too_late"), tally(claim, 9, version="another")]
            rig.mine.ingest.flush([replace(flush(claim, 10, [share(claim, 7)]), tallies=tallied)])
        inside = ShareSpan(MODEL, "", START_MS, START_MS + HOUR_MS)
        assert rig.other.accounts.duplicates([inside]) == {(MODEL, START_MS): 7}
        assert rig.other.accounts.duplicates([replace(inside, since_ms=START_MS + 1)]) == {}
        assert rig.other.accounts.duplicates([]) == {}

    def test_accounts_add_up_over_partitions_and_epochs_and_rows_are_replaced_whole(self, rig: StoreRig) -> None:
        """Saving the same count twice is saving it once."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([replace(flush(first, 10, [share(first, 7)]), tallies=[tally(first, 1)])])
        grown = replace(
            flush(first, 20, [share(first, 9)], old_offset=10),
            tallies=[tally(first, 3), tally(first, 2, "too_late", "")],
        )
        rig.mine.ingest.flush([grown])
        beside = rig.other.ingest.claim(SECOND, TopicKind.INFERENCE, "you")
        rig.other.ingest.flush([replace(flush(beside, 5, [share(beside, 5)]), tallies=[tally(beside, 4)])])

        found = rig.mine.accounts.accounts(MODEL.name, START_MS, TEN_HOURS_ON)

        assert found == [
            PaneAccount(MODEL.name, "", START_MS, refused={"too_late": 2}),
            PaneAccount(MODEL.name, MODEL.version, START_MS, counted=14, late=2, duplicates=7, weight=14.0),
        ]
        assert rig.mine.accounts.accounts(MODEL.name, START_MS + 1, TEN_HOURS_ON) == []

    def test_statements_of_one_producer_join_over_partitions_and_those_of_two_add_up(self, rig: StoreRig) -> None:
        """The running numbers 1 to 10 and 101 to 104 make fourteen, of which seven came."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        beside = rig.mine.ingest.claim(SECOND, TopicKind.INFERENCE, "me")
        said = [served(first, "a", 3, 1, 6), served(first, "b", 2, 101, 104), served(first, "", 1, None, None, 2_500)]
        rig.mine.ingest.flush([replace(flush(first, 10, [share(first, 8)]), served=said)])
        rig.mine.ingest.flush([replace(flush(beside, 9, [share(beside, 2)]), served=[served(beside, "a", 2, 4, 10)])])

        (found,) = rig.mine.accounts.accounts(MODEL.name, START_MS, TEN_HOURS_ON)

        assert (found.counted, found.numbered, found.expected, found.weight) == (10, 7, 14, 11.5)

    def test_statements_are_read_for_spans_of_several_versions_at_once(self, rig: StoreRig) -> None:
        """Those of other versions, of other hours and of nobody are left out."""
        first = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        beside = rig.mine.ingest.claim(SECOND, TopicKind.INFERENCE, "me")
        said = [served(first, "a", 2, 1, 6), served(first, "", 1, None, None, 2_500)]
        rig.mine.ingest.flush([replace(flush(first, 10, [share(first, 8)]), served=said)])
        again = served(beside, "a", 2, 4, 10, 20_000)
        rig.mine.ingest.flush([replace(flush(beside, 9, [share(beside, 2)]), served=[again])])
        ours = ShareSpan(MODEL, "", START_MS, TEN_HOURS_ON)

        found = rig.mine.accounts.statements([replace(ours, ref=ModelRef(MODEL.name, "9")), ours])

        assert found == [PaneStatement(MODEL, START_MS, 5, 24.5, 4, 22.0, 10, (2.5, 5.5))]
        assert rig.mine.accounts.statements([replace(ours, since_ms=START_MS + 1)]) == []
        assert rig.mine.accounts.statements([]) == []

    def test_refused_records_of_no_model_are_told_by_reason(self, rig: StoreRig) -> None:
        """They belong to no model's windows, and are not hidden for that."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        strangers = [tally(claim, 3, "malformed_json", "", ""), tally(claim, 1, "unknown_model", "", "")]
        rig.mine.ingest.flush([replace(flush(claim, 10), tallies=strangers)])

        found = rig.other.accounts.refused_of_no_model(START_MS, START_MS + 1)

        assert found == {"malformed_json": 3, "unknown_model": 1}
        assert rig.other.accounts.refused_of_no_model(START_MS + 1, TEN_HOURS_ON) == {}

    def test_volumes_are_sums_over_versions_and_unknown_before_the_first_pane(self, rig: StoreRig) -> None:
        """An hour without records since then is nought, not unknown."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        other = share(claim, 5, 2, ref=ModelRef(MODEL.name, "4"))
        parts = [share(claim, 4, 2), share(claim, 2, 2, segment="de"), other, share(claim, 1, 4)]
        rig.mine.ingest.flush([flush(claim, 10, parts)])

        hours = [(START_MS + hour * HOUR_MS, START_MS + (hour + 1) * HOUR_MS) for hour in (1, 2, 3, 4)]

        assert rig.mine.accounts.volumes(MODEL.name, hours) == [None, 9, 0, 1]
        assert rig.mine.accounts.volumes("unheard of", hours) == [None] * 4

    def test_the_next_claim_gets_the_event_ids_of_everything_that_was_saved(self, rig: StoreRig) -> None:
        """Whoever saved them; a block that grew is there once, and forgotten ones are gone."""
        before = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        old = block(0, version="2")
        rig.mine.ingest.flush([replace(flush(before, 10), id_blocks=[block(0), block(1_024), old])])
        grown = block(1_024, b"\xff" * 16)
        gone = [(MODEL, 1_024)]
        rig.mine.ingest.flush([replace(flush(before, 20, old_offset=10), id_blocks=[grown], forgotten_ids=gone)])

        assert rig.other.ingest.claim(FIRST, TopicKind.INFERENCE, "you").remembered == (old, grown)
        assert rig.other.ingest.claim(SECOND, TopicKind.INFERENCE, "you").remembered == ()

    def test_a_fenced_flush_leaves_no_tally_no_id_and_no_mark(self, rig: StoreRig) -> None:
        """All or nothing holds for the accounts, too."""
        mine = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([flush(mine, 10, dead_letters=[dead_letter(3)])])
        rig.other.ingest.claim(FIRST, TopicKind.INFERENCE, "you")
        zombie = flush(mine, 20, old_offset=10)

        with pytest.raises(Fenced):
            rig.mine.ingest.flush(
                [replace(zombie, tallies=[tally(mine, 1)], id_blocks=[block(0)], replayed=[(FIRST, 3)])]
            )

        assert rig.mine.accounts.accounts(MODEL.name, 0, TEN_HOURS_ON) == []
        assert rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me").remembered == ()
        assert [kept.replayed_at_ms for kept in rig.mine.records.kept_letters(LetterQuery(), 9)] == [None]

    def test_dead_letters_are_found_by_what_is_known_of_them_and_marked_when_they_are_counted(
        self, rig: StoreRig
    ) -> None:
        """A replay has a partition of its own, and its records are told apart."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        letters = [dead_letter(1), dead_letter(2, model=MODEL.name), dead_letter(3)]
        rig.mine.ingest.flush([flush(claim, 10, dead_letters=letters)])
        replayed = rig.mine.ingest.claim(PartitionId(REPLAY_PREFIX + FIRST.topic, 0), TopicKind.INFERENCE, "me")
        rig.mine.ingest.flush([replace(flush(replayed, 1, [share(replayed, 1)]), replayed=[(FIRST, 2)])])

        def offsets(query: LetterQuery, limit: int = 9) -> list[int]:
            return [kept.letter.offset for kept in rig.other.records.kept_letters(query, limit)]

        assert offsets(LetterQuery()) == [1, 2, 3]
        assert offsets(LetterQuery(is_waiting=True), 1) == [1]
        assert offsets(LetterQuery(is_waiting=True)) == [1, 3]
        assert offsets(LetterQuery(model=MODEL.name)) == [2]
        assert offsets(LetterQuery(reason=RejectReason.MALFORMED_JSON, partition=FIRST, offset=3)) == [3]
        assert offsets(LetterQuery(partition=SECOND)) == []
        assert rig.mine.accounts.accounts(MODEL.name, START_MS, TEN_HOURS_ON)[0].replayed == 1
        assert [one.is_replay for one in rig.mine.windows.progress()] == [True, False]

    def test_accounts_and_ids_are_forgotten_with_the_records(self, rig: StoreRig) -> None:
        """By event time."""
        claim = rig.mine.ingest.claim(FIRST, TopicKind.INFERENCE, "me")
        whole = replace(
            flush(claim, 10),
            tallies=[tally(claim, 1), tally(claim, 1, "malformed_json", "", "")],
            served=[served(claim, "a", 1, 1, 1)],
            id_blocks=[block(0)],
        )
        rig.mine.ingest.flush([whole])

        kept = rig.mine.retention.sweep(MODEL.name, START_MS, 0, 10)
        gone = rig.mine.retention.sweep(MODEL.name, START_MS + 1, 0, 10)

        tables = ("tallies", "served", "seen_ids")
        assert [kept[name] for name in tables] == [0, 0, 0]
        assert [gone[name] for name in tables] == [2, 1, 1]
