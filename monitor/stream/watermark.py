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
