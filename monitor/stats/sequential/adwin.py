"""ADWIN: a window that is as long as its older and newer part have the same mean (Bifet & Gavalda 2007)."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.sequential.buckets import Buckets
from monitor.stats.sequential.detector import Alarm, Codes, State, Step
from monitor.stats.sequential.scores import Scores

BLOCK = 32
_ONE = 1 << 15
_FIELDS = 4

_SLACK, _ROUNDING = 1e-6, 1e-15
"""Errors of the difference (relative) and of the variance that `_suspects` is allowed, far more than it makes."""

_AT_ONCE = 128
"""Blocks that are judged together: the more, the less it costs, and the more is in vain where an alarm comes early."""


@dataclass(frozen=True, slots=True, eq=False)
class Adwin:
    """The difference between the mean ranks before and after the cut that shows it best, against its limit.

    The limit is the paper's: sqrt(2 v L / m) + 2 L / (3 m) with v the variance in the window, 1 / m = 1 / n0 + 1 / n1
    and L = log(2 log(n) / delta). Ranks in the baseline are in [0, 1] as the paper asks, in integers of 2^-15. A bucket
    holds whole blocks of 32 values; cuts are looked at after each block, as the authors' own program does. `delta`
    follows from the run length by a calibration on seeded noise, see `delta_for` (Bifet & Gavalda 2007).

    Use it for changes of the mean of unknown size, against the stream's own past: it tells once and takes the new level
    for normal. Do not use it for changes of spread or shape: take `kswin` or `conformal`.
    """

    name: ClassVar[str] = "adwin"
    title: ClassVar[str] = "Adaptive windowing"
    unit: ClassVar[str] = "difference of mean ranks in the baseline"
    scope: ClassVar[str] = "0 to 1"
    arl: float
    ranks: Ints = field(repr=False)
    delta: float

    @classmethod
    def of(cls, scores: Scores, arl: float) -> "Adwin":
        """For one false alarm in `arl` records."""
        return cls(arl, np.rint(scores.ranks * _ONE).astype(np.int64), delta_for(arl))

    def start(self) -> State:
        """No value yet: how many wait for their block to be whole, those with their times, then the buckets."""
        return np.zeros(1, np.int64)

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Up to the first block after which two parts of the window differ."""
        waiting = int(state[0])
        values = np.concatenate((state[1 : 1 + waiting], self.ranks[codes]))
        all_times = np.concatenate((state[1 + waiting : 1 + 2 * waiting], times))
        window = Buckets.of(state[1 + 2 * waiting :].reshape(-1, _FIELDS))
        blocks = len(values) // BLOCK
        whole = values[: blocks * BLOCK].reshape(blocks, BLOCK)
        sums, squares, begun = whole.sum(axis=1), (whole**2).sum(axis=1), all_times[: blocks * BLOCK : BLOCK]
        for first in range(0, blocks, _AT_ONCE):
            run = slice(first, first + _AT_ONCE)
            longer = window.with_blocks(sums[run], squares[run], begun[run])
            end = int(longer.starts[-1])
            for block in self._suspects(longer, len(sums[run])):
                alarm = self._cut(longer.until(block))
                if alarm is not None:
                    return Step(self.start(), (first + len(sums[run]) + block - end) * BLOCK - waiting, alarm)
            window = longer.until(end)
        rest, rest_times = values[blocks * BLOCK :], all_times[blocks * BLOCK :]
        return Step(np.concatenate(([len(rest)], rest, rest_times, window.rows().reshape(-1))), len(codes))

    def _suspects(self, longer: Buckets, new: int) -> list[int]:
        """Those of the `new` last numbers of blocks after which a cut may show a difference: all that do, and few more.

        In floating point of arrays, whose logarithms differ by machine: what is said comes from `_cut`.
        """
        before, sums = longer.cuts(new)
        n, total = longer.starts[-new:] * float(BLOCK), longer.sums[-new:] / _ONE
        mean = total / n
        variance = np.maximum(longer.squares[-new:] / (n * _ONE * _ONE) - mean * mean - _ROUNDING, 0)
        least = np.log(2 * np.log(n) / self.delta)
        with np.errstate(divide="ignore", invalid="ignore"):  # where there is no bucket, or nothing before it
            n0 = before * BLOCK
            each = n / (n0 * (n - n0))
            apart = np.abs(sums / _ONE - n0 * mean) * each
            over = apart * (1 + _SLACK) >= np.sqrt(2 * variance * least * each) + 2 / 3 * least * each
        suspects: list[int] = longer.starts[-new:][over.any(axis=0)].tolist()
        return suspects

    def _cut(self, window: Buckets) -> Alarm | None:
        """What the cut shows that shows it best, if it is enough."""
        if len(window.starts) <= 2:
            return None
        blocks, total = int(window.starts[-1]), int(window.sums[-1])
        n, mean = blocks * BLOCK, total / (blocks * BLOCK * _ONE)
        variance = max(0.0, int(window.squares[-1]) / (n * _ONE * _ONE) - mean * mean)
        n0, before = window.starts[1:-1] * BLOCK, window.sums[1:-1]
        n1 = n - n0
        apart = np.abs(before / n0 - (total - before) / n1) / _ONE
        each = (1 / n0) + (1 / n1)
        least = math.log(2 * math.log(n) / self.delta)
        limits = np.sqrt(2 * variance * least * each) + 2 / 3 * least * each
        best = int(np.argmax(apart - limits))
        if apart[best] < limits[best]:
            return None
        return Alarm(float(apart[best]), float(limits[best]), int(window.begun[best + 1]))


_CALIBRATED = ((1.3e3, 2.0), (4.5e3, 1.0), (31e3, 0.3), (120e3, 0.1), (750e3, 0.03))
"""(records between alarms, delta), measured on uniform noise: numpy's default_rng(11), 2 to 12 million records each."""


def delta_for(arl: float) -> float:
    """The paper's confidence parameter at which noise alarms about once in `arl` records.

    The paper's proof asks for delta = 32 / arl, at which noise alarms hundreds of times more seldom than that. Beyond
    the calibration delta falls as 1 / arl, more steeply than was measured (3 million records at 0.01).

    >>> delta_for(31e3), round(delta_for(7.5e6), 4)
    (0.3, 0.003)
    """
    lengths, deltas = zip(*_CALIBRATED, strict=True)
    if arl > lengths[-1]:
        return float(deltas[-1] * lengths[-1] / arl)
    return float(np.exp(np.interp(math.log(arl), np.log(lengths), np.log(deltas))))
