"""How far event time is believed complete: which windows are closed."""

from collections.abc import Sequence
from datetime import timedelta

from monitor.domain.models import MonitoredModel
from monitor.domain.stream import PartitionProgress, TopicKind
from monitor.domain.time import duration_ms

_FRESH_MS = 10_000
"""A partition whose end was seen this long before the newest news of any partition may have unread records by now."""


def closes_until_ms(model: MonitoredModel, progress: Sequence[PartitionProgress]) -> int | None:
    """The instant (ms since the epoch) up to which the model's windows are closed; None while nobody can say.

    It is the least event time that every inference partition has reached, minus the lateness. A partition with unread
    records has reached its newest event time. One that has been read to its end has nothing to wait for: together such
    partitions have reached the newest event time among them, so a file that is finished, or a partition that no key
    falls into, holds nobody back, nor does what a backfill has read, whose end nobody watches. One whose end was seen
    `silence_after` later than its newest event time has nothing more to say up to then: there the clock closes windows,
    and nowhere else. It closes none of history, which is quiet because it is long ago.
    """
    inference = [p for p in progress if p.kind is not TopicKind.GROUND_TRUTH and not p.is_replay]
    newest_news_ms = max((p.updated_at_ms for p in inference), default=0)
    silent: list[int] = []
    read_out: list[int] = []
    unread: list[int] = []
    for partition in inference:
        silent_ms = None if partition.is_history else _silent_until_ms(partition, model.silence_after)
        if silent_ms is not None:
            silent.append(silent_ms)
        elif partition.is_history or _is_at_its_end(partition, newest_news_ms):
            read_out += [] if partition.watermark_ms is None else [partition.watermark_ms]
        elif partition.watermark_ms is None:
            return None  # claimed, and nothing is known of it
        else:
            unread.append(partition.watermark_ms)
    if not unread and read_out:
        unread = [max(read_out)]
    reached = silent + unread
    return min(reached) - duration_ms(model.lateness) if reached else None


def _silent_until_ms(partition: PartitionProgress, silence_after: timedelta | None) -> int | None:
    watermark_ms, seen_ms = partition.watermark_ms, partition.caught_up_at_ms
    if silence_after is None or seen_ms is None:
        return None
    is_silent = watermark_ms is None or seen_ms - watermark_ms >= duration_ms(silence_after)
    return seen_ms if is_silent else None


def _is_at_its_end(partition: PartitionProgress, newest_news_ms: int) -> bool:
    seen_ms, highwater = partition.caught_up_at_ms, partition.highwater
    if seen_ms is None or highwater is None or (partition.next_offset or 0) < highwater:
        return False  # one that was never written to has no offset, and ends at 0
    return newest_news_ms - seen_ms <= _FRESH_MS
