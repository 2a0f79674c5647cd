"""Halves of records that wait for their other half; saved with the offsets they stand for."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Engine, Row, delete, or_, select, tuple_

from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.statements import add_many, storable
from monitor.adapters.sql.tables import progress, waiting_halves
from monitor.domain.errors import Fenced
from monitor.domain.records import PartitionId
from monitor.domain.stream import Flush, Half, HalfKey, Side

_SEEN_WITHIN_MS = 30_000
_FORGOTTEN_AFTER_MS = 86_400_000
_SILENT_AFTER_MS = 600_000
_KEYS_AT_ONCE = 500

_mine = waiting_halves.c
_KEY = (_mine.model, _mine.pair_id, _mine.side, _mine.topic, _mine.partition)


class SqlHalfStore:
    """The port of waiting halves on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, partition: PartitionId) -> tuple[list[Half], int | None]:
        """The partition's halves by offset, and its clock."""
        topic, number = partition.topic, partition.partition
        halves = select(waiting_halves).where(_mine.topic == topic, _mine.partition == number).order_by(_mine.offset)
        clock = select(progress.c.halves_clock_ms).where(progress.c.topic == topic, progress.c.partition == number)
        with reading(self._engine) as connection:
            return [_half(row) for row in connection.execute(halves)], connection.scalar(clock)

    def requests_elsewhere(self, partition: PartitionId) -> list[tuple[HalfKey, Half]]:
        """By the primary key of the requests: one look-up for each response that waits."""
        responses = waiting_halves.alias("responses")
        theirs = responses.c
        statement = (
            select(waiting_halves)
            .join(responses, (theirs.model == _mine.model) & (theirs.pair_id == _mine.pair_id))
            .where(theirs.topic == partition.topic, theirs.partition == partition.partition)
            .where(theirs.side == Side.RESPONSE.value, _mine.side == Side.REQUEST.value)
            .where(or_(_mine.topic != theirs.topic, _mine.partition != theirs.partition))
            .order_by(*_KEY)
        )
        with reading(self._engine) as connection:
            requests = [_half(row) for row in connection.execute(statement)]
        return [(HalfKey(partition, one.key.model, one.key.pair_id, Side.RESPONSE), one) for one in requests]

    def passed_ms(self, now_ms: int) -> int | None:
        """See the port."""
        statement = select(progress.c.halves_clock_ms, progress.c.caught_up_at_ms, progress.c.updated_at_ms).where(
            progress.c.halves_clock_ms.is_not(None)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        lagging = [clock_ms for clock_ms, seen_ms, updated_ms in rows if _lags(seen_ms or 0, updated_ms, now_ms)]
        if lagging or not rows:
            return min(lagging, default=None)
        clocks_ms, ends_seen_ms, updates_ms = zip(*rows, strict=True)
        is_read = any((seen_ms or 0) >= now_ms - _SEEN_WITHIN_MS for seen_ms in ends_seen_ms)
        silent_ms = now_ms - max(updates_ms) if is_read else 0
        newest_ms: int = max(clocks_ms)
        return newest_ms + max(0, silent_ms - _SILENT_AFTER_MS)


def _lags(seen_ms: int, updated_ms: int, now_ms: int) -> bool:
    return seen_ms < now_ms - _SEEN_WITHIN_MS and max(seen_ms, updated_ms) > now_ms - _FORGOTTEN_AFTER_MS


def write_halves(connection: Connection, flushes: Sequence[Flush]) -> None:
    """Forget the halves that wait no more, then keep the new ones; Fenced when one to forget is not there any more.

    That guard is what counts a pair once: of two workers that both took a half, the second is refused.
    """
    for flush in flushes:
        if _forget(connection, flush.halves_done) != len(flush.halves_done):
            raise Fenced(f"{flush.claim.partition}: another worker took a half that waited", flush.claim.partition)
    add_many(connection, waiting_halves, [_row(half) for flush in flushes for half in flush.halves])


def _forget(connection: Connection, keys: Iterable[HalfKey]) -> int:
    deleted = 0
    ordered = sorted(map(_key, keys))  # so that two workers do not wait for each other in a circle
    for start in range(0, len(ordered), _KEYS_AT_ONCE):
        some = ordered[start : start + _KEYS_AT_ONCE]
        deleted += connection.execute(delete(waiting_halves).where(tuple_(*_KEY).in_(some))).rowcount
    return deleted


def _key(key: HalfKey) -> tuple[str, str, str, str, int]:
    return storable(key.model), storable(key.pair_id), key.side.value, key.partition.topic, key.partition.partition


def _row(half: Half) -> tuple[object, ...]:
    return (*_key(half.key), half.offset, half.event_time_ms, half.wait_ms, half.payload)


def _half(row: Row[tuple[object, ...]]) -> Half:
    key = HalfKey(PartitionId(row.topic, row.partition), row.model, row.pair_id, Side(row.side))
    return Half(key, row.offset, row.event_time_ms, row.wait_ms, row.payload)
