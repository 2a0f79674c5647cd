"""How far event time has come in a partition: never backwards, and no clock from the future moves it."""

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
    """What the records of a poll did to the watermark of their partition.

    `met_ms` is the watermark that every record met, `future` marks those from the future; both, like `event_time_ms`,
    stand in the order in which the records were given.
    """

    watermark_ms: int | None
    event_time_ms: Ints
    met_ms: Ints
    future: Mask
    _offsets: Ints
    _before_ms: Ints

    @classmethod
    def over(cls, offsets: Ints, event_time_ms: Ints, watermark_ms: int | None, latest_ms: int | None) -> "Way":
        """Pass the records, given in any order, in the order of their offsets."""
        order = np.argsort(offsets, kind="stable")
        passage = pass_records(watermark_ms, event_time_ms[order], latest_ms)
        met_ms, future = np.empty_like(passage.before_ms), np.empty_like(passage.future)
        met_ms[order], future[order] = passage.before_ms, passage.future
        return cls(passage.watermark_ms, event_time_ms, met_ms, future, offsets[order], passage.before_ms)

    def reached_ms(self, offset: int) -> int | None:
        """The watermark that a message at this offset met, whatever became of it; None before the first."""
        at = int(np.searchsorted(self._offsets, offset))
        if at == len(self._offsets):
            return self.watermark_ms
        before_ms = int(self._before_ms[at])
        return None if before_ms == NOTHING_SEEN else before_ms
