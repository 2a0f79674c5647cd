"""Sums that are held at zero from below, and when they first climb to a limit (Page 1954)."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.sequential.detector import UNKNOWN_MS


@dataclass(frozen=True, slots=True)
class Climb:
    """A sum after some steps: its `height` (>= 0), since when it has been above zero, and where it reached the limit.

    `reached` is the position of the first step at the limit (None: not reached); what follows it was not looked at.
    """

    height: int
    since_ms: int
    reached: int | None


def climb(height: int, since_ms: int, steps: Ints, times: Ints, limit: int) -> Climb:
    """S = max(0, S + step) for each step, in integers: exact, in whatever portions the steps come."""
    sums = np.add.accumulate(steps)
    sums += height
    heights = sums - np.minimum(np.minimum.accumulate(sums), 0)
    over = heights >= limit
    first = int(over.argmax())
    reached = first if over[first] else None
    end = len(steps) if reached is None else reached + 1
    at_zero = np.flatnonzero(heights[:end] == 0)
    if len(at_zero):
        begun = int(at_zero[-1]) + 1
        since_ms = int(times[begun]) if begun < end else UNKNOWN_MS
    elif since_ms == UNKNOWN_MS:
        since_ms = int(times[0])
    return Climb(int(heights[end - 1]), since_ms, reached)
