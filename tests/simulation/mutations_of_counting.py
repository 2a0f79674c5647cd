"""Deliberate bugs in what is counted, and in what is known of records that came before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.adapters.sql import ingest as sql_ingest
from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.statements import replace_many
from monitor.adapters.sql.tables import seen_ids
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim, Flush, ServedKey, Share, TopicKind
from monitor.stream import watermark as watermark_module
from monitor.stream.batch import RecordBatch
from monitor.stream.intake import PartitionIntake
from monitor.stream.served import statements
from monitor.stream.shards import Shards, _OpenShare
from monitor.stream.tallies import Tallies
from monitor.stream.watermark import Passage, pass_records

Patch = Callable[[object, str, object], None]


def dropping_late_records(change: Patch) -> None:
    """What comes after its window was closed is left out."""
    add = Shards.add

    def only_in_time(self: Shards, batch: RecordBatch, late: Any) -> None:
        if not late.all():
            add(self, batch.take(np.flatnonzero(~late)), late[~late])

    change(Shards, "add", only_in_time)


def judging_lateness_by_the_end_of_the_poll(change: Patch) -> None:
    """Each record meets the watermark that its poll leaves, not the one before it."""

    def hasty(watermark_ms: int | None, event_time_ms: Any, latest_ms: int | None) -> Passage:
        passage = pass_records(watermark_ms, event_time_ms, latest_ms)
        if passage.watermark_ms is not None:
            passage.before_ms[:] = passage.watermark_ms
        return passage

    change(watermark_module, "pass_records", hasty)


def believing_clocks_from_the_future(change: Patch) -> None:
    """One record of 2099 closes everybody's windows."""

    def credulous(watermark_ms: int | None, event_time_ms: Any, latest_ms: int | None) -> Passage:
        passage = pass_records(watermark_ms, event_time_ms, latest_ms)
        return replace(passage, watermark_ms=pass_records(watermark_ms, event_time_ms, None).watermark_ms)

    change(watermark_module, "pass_records", credulous)


def losing_a_closed_share(change: Patch) -> None:
    """A closed pane starts again from nothing when a late record comes, though it is written whole."""

    def drop(share: _OpenShare) -> None:
        share.n, share.late = 0, 0

    change(_OpenShare, "freeze", drop)


def leaving_rows_behind(change: Patch) -> None:
    """A save does not wait for the rows that are still being collected."""

    def dirty(self: Shards) -> list[Share]:
        return [share.to_share() for share in self._open.values() if share.dirty]

    change(Shards, "dirty", dirty)


# --- what was seen before, and what producers say


def forgetting_event_ids_with_the_worker(change: Patch) -> None:
    """Whoever claims next does not know the ids that were seen."""
    claim = SqlIngestStore.claim

    def claim_without(store: SqlIngestStore, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        return replace(claim(store, partition, kind, owner), remembered=())

    change(SqlIngestStore, "claim", claim_without)


def remembering_event_ids_before_the_save(change: Patch) -> None:
    """Ids are kept before the rest is saved: after a crash in between, records that nobody counted seem known."""
    flush = SqlIngestStore.flush

    def ids_first(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        blocks = [sql_ingest._id_block(one.claim.partition, block) for one in flushes for block in one.id_blocks]
        if blocks:
            with writing(store._engine) as connection:
                replace_many(connection, seen_ids, blocks)
        flush(store, flushes)

    change(SqlIngestStore, "flush", ids_first)


def believing_statements_of_duplicates(change: Patch) -> None:
    """What a record says of how much was served counts, whether the record does or not."""
    without = PartitionIntake._without_duplicates
    said: list[Any] = []
    accept = PartitionIntake.accept

    def accept_all(self: PartitionIntake, records: Any, *about: Any) -> Any:
        said[:] = [statements(records)]
        return accept(self, records, *about)

    def count_first(self: PartitionIntake, batch: RecordBatch, met: Any, late: Any) -> Any:
        kept, is_late = without(self, batch, met, late)
        repeated = np.isin(batch.offsets, kept.offsets, invert=True)
        self._tallies.add_served(batch.take(np.flatnonzero(repeated)), said[0])
        return kept, is_late

    change(PartitionIntake, "accept", accept_all)
    change(PartitionIntake, "_without_duplicates", count_first)


def counting_on_over_claims(change: Patch) -> None:
    """What producers say is kept under no epoch: a successor, who begins at nought, writes over it."""
    change(
        Tallies,
        "_served_key",
        lambda self, ref, start_ms, producer: ServedKey(
            ref.name, ref.version, start_ms, producer, self.claim.partition, 0
        ),
    )
