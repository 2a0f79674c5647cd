"""ADWIN: a window that is as long as its older and newer part have the same mean (Bifet & Gavalda 2007)."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.sequential.detector import Alarm, Codes, State, Step
from monitor.stats.sequential.scores import Scores

BLOCK = 32
_ONE = 1 << 15
_EACH = 5
"""Buckets of a size before two become one of the next: the paper's M."""

_FIELDS = 4
_Bucket = tuple[int, int, int, int]
"""Size in blocks, sum of ranks, sum of their squares, event time of the first value."""


@dataclass(frozen=True, slots=True, eq=False)
class Adwin:
    """The difference (0 to 1) between the mean ranks before and after the cut that shows it best, against its limit.

    The limit is the paper's: sqrt(2 v L / m) + 2 L / (3 m) with v the variance in the window, 1 / m = 1 / n0 + 1 / n1
    and L = log(2 log(n) / delta). Ranks in the baseline are in [0, 1] as the paper asks, in integers of 2^-15. A bucket
    holds whole blocks of 32 values; cuts are looked at after each block, as the authors' own program does. `delta`
    follows from the run length by a calibration on seeded noise, see `delta_for`.
    """

    name: ClassVar[str] = "adwin"
    unit: ClassVar[str] = "difference of mean ranks in the baseline, 0 to 1"
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
        buckets: list[_Bucket] = [
            (one[0], one[1], one[2], one[3]) for one in state[1 + 2 * waiting :].reshape(-1, _FIELDS).tolist()
        ]
        blocks = len(values) // BLOCK
        whole = values[: blocks * BLOCK].reshape(blocks, BLOCK)
        sums, squares = whole.sum(axis=1).tolist(), (whole**2).sum(axis=1).tolist()
        begun = all_times[: blocks * BLOCK : BLOCK].tolist()
        for block in range(blocks):
            _add(buckets, (1, sums[block], squares[block], begun[block]))
            alarm = self._cut(buckets)
            if alarm is not None:
                return Step(self.start(), (block + 1) * BLOCK - waiting, alarm)
        rest, rest_times = values[blocks * BLOCK :], all_times[blocks * BLOCK :]
        flat = np.array(buckets, np.int64).reshape(-1)
        return Step(np.concatenate(([len(rest)], rest, rest_times, flat)), len(codes))

    def _cut(self, buckets: list[_Bucket]) -> Alarm | None:
        if len(buckets) < 2:
            return None
        table = np.array(buckets, np.int64)
        ends = table[:, :2].cumsum(axis=0)
        blocks, total = ends[-1].tolist()
        n, mean = blocks * BLOCK, total / (blocks * BLOCK * _ONE)
        variance = int(table[:, 2].sum()) / (n * _ONE * _ONE) - mean * mean
        n0 = ends[:-1, 0] * BLOCK
        n1 = n - n0
        apart = np.abs(ends[:-1, 1] / n0 - (total - ends[:-1, 1]) / n1) / _ONE
        each = (1 / n0) + (1 / n1)
        least = math.log(2 * math.log(n) / self.delta)
        limits = np.sqrt(2 * variance * least * each) + 2 / 3 * least * each
        best = int(np.argmax(apart - limits))
        if apart[best] < limits[best]:
            return None
        return Alarm(float(apart[best]), float(limits[best]), buckets[best + 1][3])


def _add(buckets: list[_Bucket], new: _Bucket) -> None:
    """As the newest; the two oldest of a size with more than five buckets become one of twice the size."""
    buckets.append(new)
    size, end = 1, len(buckets)
    while True:
        first = end
        while first > 0 and buckets[first - 1][0] == size:
            first -= 1
        if end - first <= _EACH:
            return
        one, other = buckets[first], buckets[first + 1]
        buckets[first : first + 2] = [(2 * size, one[1] + other[1], one[2] + other[2], one[3])]
        size, end = 2 * size, first + 1


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
