"""Whatever happens to the workers, the result is that of one clean pass, bit for bit; and the laws can be broken."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, update

from monitor.adapters.sql import ingest as sql_ingest
from monitor.adapters.sql import statements as sql_statements
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.tables import progress, shares
from monitor.domain.errors import Fenced
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim, Flush, TopicKind
from monitor.stream.intake import PartitionIntake
from monitor.stream.shards import Shards
from monitor.stream.watermark import pass_records
from tests.simulation.script import draw, shortest, written
from tests.simulation.world import GroupSource, broken_law

MUTATION_SEEDS = range(40)


def test_any_script_ends_as_one_clean_pass_would(seed: int) -> None:
    script = draw(seed)

    broken = broken_law(script)

    if broken is not None:
        least = shortest(script, lambda part: broken_law(part) is not None)
        pytest.fail(f"{broken}\nreplay: make sim SEED={seed}\nshortest script: {written(least)}\n{broken_law(least)}")


def test_the_same_seed_is_the_same_script() -> None:
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def without_any_guard(patch: pytest.MonkeyPatch) -> None:
    """A worker that lost its partition may still write."""

    def advance(connection: Connection, flush: Flush) -> None:
        partition = flush.claim.partition
        row = update(progress).where(progress.c.topic == partition.topic, progress.c.partition == partition.partition)
        connection.execute(row.values(next_offset=flush.next_offset, watermark_ms=flush.watermark_ms))

    patch.setattr(sql_ingest, "_advance", advance)


def adding_instead_of_replacing(patch: pytest.MonkeyPatch) -> None:
    """Shares are added to what is there, as counters in a database usually are."""
    replace_many = sql_statements.replace_many

    def add(connection: Connection, table: object, rows: list[tuple[object, ...]], **settings: object) -> None:
        if table is shares:
            key = len(shares.primary_key)
            for row in rows:
                where = [column == value for column, value in zip(shares.primary_key, row, strict=False)]
                there = connection.execute(shares.select().where(*where)).one_or_none()
                changed = list(row)
                changed[key] = row[key] + (there.n if there else 0)  # type: ignore[operator]
                replace_many(connection, shares, [tuple(changed)])
        else:
            replace_many(connection, table, rows, **settings)  # type: ignore[arg-type]

    patch.setattr(sql_ingest, "replace_many", add)


def without_the_seek(patch: pytest.MonkeyPatch) -> None:
    """A claimed partition is read from wherever the client happens to stand."""
    patch.setattr(GroupSource, "seek", lambda source, partition, offset: None)


def counting_what_is_delivered_again(patch: pytest.MonkeyPatch) -> None:
    """The log position is not checked."""
    patch.setattr(PartitionIntake, "unseen", lambda intake, records: records)


def forgetting_the_watermark_of_a_claim(patch: pytest.MonkeyPatch) -> None:
    """After a claim nothing is late."""
    claim = SqlIngestStore.claim

    def forgetful(store: SqlIngestStore, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        return replace(claim(store, partition, kind, owner), watermark_ms=None)

    patch.setattr(SqlIngestStore, "claim", forgetful)


def believing_a_refused_save(patch: pytest.MonkeyPatch) -> None:
    """A failing database is taken for a done deed."""
    flush = SqlIngestStore.flush

    def gullible(store: SqlIngestStore, flushes: list[Flush]) -> None:
        try:
            flush(store, flushes)
        except Fenced:
            return

    patch.setattr(SqlIngestStore, "flush", gullible)


def judging_lateness_by_the_end_of_the_poll(patch: pytest.MonkeyPatch) -> None:
    """Each record meets the watermark that its poll leaves, not the one before it."""
    from monitor.stream import watermark as module

    def hasty(watermark_ms: int | None, event_time_ms: object, latest_ms: int | None) -> object:
        passage = pass_records(watermark_ms, event_time_ms, latest_ms)  # type: ignore[arg-type]
        if passage.watermark_ms is not None:
            passage.before_ms[:] = passage.watermark_ms
        return passage

    patch.setattr(module, "pass_records", hasty)


def losing_a_closed_share(patch: pytest.MonkeyPatch) -> None:
    """A closed pane starts again from nothing when a late record comes, though it is written whole."""
    from monitor.stream.shards import _OpenShare

    def drop(share: _OpenShare) -> None:
        share.n, share.late = 0, 0

    patch.setattr(_OpenShare, "freeze", drop)


def leaving_rows_behind(patch: pytest.MonkeyPatch) -> None:
    """A save does not wait for the rows that are still being collected."""
    patch.setattr(Shards, "settle", lambda shards: None)


@pytest.mark.parametrize(
    "mutate",
    [
        without_any_guard,
        adding_instead_of_replacing,
        without_the_seek,
        counting_what_is_delivered_again,
        forgetting_the_watermark_of_a_claim,
        believing_a_refused_save,
        judging_lateness_by_the_end_of_the_poll,
        losing_a_closed_share,
        leaving_rows_behind,
    ],
)
def test_the_simulation_catches_a_worker_that_is_broken_on_purpose(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    caught = next((seed for seed in MUTATION_SEEDS if broken_law(draw(seed)) is not None), None)

    assert caught is not None


def test_a_failing_script_is_cut_down_to_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    counting_what_is_delivered_again(monkeypatch)
    seed = next(seed for seed in MUTATION_SEEDS if broken_law(draw(seed)) is not None)

    least = shortest(draw(seed), lambda part: broken_law(part) is not None)

    assert broken_law(least) is not None
    assert len(least) <= 8, written(least)
