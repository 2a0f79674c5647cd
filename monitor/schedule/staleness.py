"""How far reading has fallen behind: the worker's own lag and staleness, by the wall clock."""

from collections.abc import Iterable

from monitor.domain.stream import PartitionProgress, TopicKind


def staleness_ms(partition: PartitionProgress, now_ms: int) -> int | None:
    """Milliseconds since everything was surely read: since its newest event time, or since its end was last seen.

    Whichever is later, so that neither a busy partition that is read all the time, nor a quiet one that is watched,
    looks stale. It grows when the worker is dead, stuck, or too slow. None before anything was read.
    """
    known = [at_ms for at_ms in (partition.watermark_ms, partition.caught_up_at_ms) if at_ms is not None]
    return max(0, now_ms - max(known)) if known else None


def lag_records(partition: PartitionProgress) -> int | None:
    """Records that wait to be read, as the worker last saw the end; None when it never saw it."""
    if partition.highwater is None:
        return None
    return max(0, partition.highwater - (partition.next_offset or 0))


def stalest(progress: Iterable[PartitionProgress], now_ms: int) -> tuple[PartitionProgress, int] | None:
    """The inference partition that is furthest behind, and by how many milliseconds; None when none was read."""
    return _worst((p, staleness_ms(p, now_ms)) for p in progress)


def most_behind(progress: Iterable[PartitionProgress]) -> tuple[PartitionProgress, int] | None:
    """The inference partition with the most unread records, and their number; None when no end was ever seen."""
    return _worst((p, lag_records(p)) for p in progress)


def _worst(measured: Iterable[tuple[PartitionProgress, int | None]]) -> tuple[PartitionProgress, int] | None:
    known = [
        (p, value)
        for p, value in measured
        if value is not None and p.kind is not TopicKind.GROUND_TRUTH and not (p.is_replay or p.is_history)
    ]
    return max(known, key=lambda one: (one[1], one[0].partition), default=None)
