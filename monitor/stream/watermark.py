"""How far event time has come in a partition: never backwards, and no clock from the future moves it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Ints, Mask

NOTHING_SEEN = np.iinfo(np.int64).min // 4
"""Stands for 'no watermark yet' in arrays; far enough from the limits to subtract durations from it."""


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """What a run of records did to a watermark.

    `before_ms[i]` is the watermark that record i met (NOTHING_SEEN before the first), so that what is said of a record
    depends on the log before it and never on where a poll happened to end. `future[i]` marks refused records.
    """

    watermark_ms: int | None
    before_ms: Ints
    future: Mask


def pass_records(watermark_ms: int | None, event_time_ms: Ints, latest_ms: int | None) -> Passage:
    """Move a watermark over records in offset order.

    Records later than `latest_ms` (None: no limit) are refused and leave the watermark where it was, so that one
    producer with a wrong clock cannot close everybody's windows.
    """
    n = len(event_time_ms)
    future = np.zeros(n, np.bool_) if latest_ms is None else event_time_ms > latest_ms
    start = NOTHING_SEEN if watermark_ms is None else watermark_ms
    reached = np.empty(n + 1, np.int64)
    reached[0] = start
    reached[1:] = np.where(future, NOTHING_SEEN, event_time_ms)
    reached = np.maximum.accumulate(reached)
    last = int(reached[-1])
    return Passage(None if last == NOTHING_SEEN else last, reached[:-1], future)


NO_RECORDS: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """What the records of a poll, which come in batches, did to the watermark of their partition.

    `of_batches` holds, for each batch, the watermark that every record met and which records come from the future.
    """

    watermark_ms: int | None
    of_batches: Sequence[tuple[Ints, Mask]]
    _offsets: Ints
    _before_ms: Ints

    @classmethod
    def over(
        cls, sizes: Sequence[int], offsets: Ints, event_time_ms: Ints, watermark_ms: int | None, latest_ms: int | None
    ) -> "Way":
        """Pass the records in offset order; `sizes` are those of the batches that they stand in one after the other."""
        order = np.argsort(offsets, kind="stable")
        passage = pass_records(watermark_ms, event_time_ms[order], latest_ms)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        ends = np.cumsum(sizes)[:-1]
        of_batches = zip(np.split(passage.before_ms[back], ends), np.split(passage.future[back], ends), strict=True)
        return cls(passage.watermark_ms, list(of_batches) if sizes else [], offsets[order], passage.before_ms)

    def reached_ms(self, offset: int) -> int | None:
        """The watermark that a message at this offset met, whatever became of it; None before the first."""
        at = int(np.searchsorted(self._offsets, offset))
        if at == len(self._offsets):
            return self.watermark_ms
        before_ms = int(self._before_ms[at])
        return None if before_ms == NOTHING_SEEN else before_ms
