"""A window of the newest values against the baseline: Kolmogorov-Smirnov, again and again (after Raab et al. 2020)."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Floats, Ints
from monitor.stats.sequential.detector import Alarm, Codes, State, Step
from monitor.stats.sequential.scores import Scores

BLOCK, BLOCKS = 32, 8
WINDOW = BLOCK * BLOCKS


@dataclass(frozen=True, slots=True, eq=False)
class Kswin:
    """The largest distance between the distribution of the newest 256 values and the baseline's.

    Judged after every 32 values. The limit is that of a p-value of 32 / `arl` for a sample of 256 against one of the
    baseline's size: windows overlap, so that false alarms come in heaps and the run length is rather longer. KSWIN as
    published (Raab et al. 2020) compares with a random sample of the 200 values before; the baseline knows its law
    better and draws no lots.

    Use it for changes of shape (spread, tails, two humps) that leave the mean where it was. Do not use it where less
    than 256 records after a change is too late: take `conformal`.
    """

    name: ClassVar[str] = "kswin"
    title: ClassVar[str] = "Kolmogorov-Smirnov windowing"
    unit: ClassVar[str] = "distance of distributions"
    scope: ClassVar[str] = "0 to 1"
    arl: float
    law: Floats = field(repr=False)
    limit: float

    @classmethod
    def of(cls, scores: Scores, arl: float) -> "Kswin":
        """For one false alarm in `arl` records."""
        from scipy.stats import kstwo  # noqa: PLC0415 - it takes a second, which commands that watch nothing need not wait

        effective = max(1, int(WINDOW * scores.n / (WINDOW + scores.n)))
        return cls(arl, np.cumsum(scores.masses), float(kstwo.isf(min(1.0, BLOCK / arl), effective)))

    def start(self) -> State:
        """No value yet: how many are held, then their codes and the event times of the blocks' first ones."""
        return np.zeros(1, np.int64)

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Up to the first block after which the window is too far from the baseline."""
        held = int(state[0])
        all_codes = np.concatenate((state[1 : 1 + held], codes.astype(np.int64)))
        all_times = np.concatenate((state[1 + held :], times))
        blocks = len(all_codes) // BLOCK
        at = max(0, blocks - BLOCKS + 1)
        if at:
            distances = self._distances(all_codes[: blocks * BLOCK], blocks)
            judged = BLOCK * np.arange(BLOCKS, blocks + 1) > held  # those that end in this call
            over = judged & (distances >= self.limit)
            first = int(over.argmax())
            if over[first]:
                window = slice(first * BLOCK, first * BLOCK + WINDOW)
                since_ms = int(all_times[window][self._begun(all_codes[window])])
                used = (first + BLOCKS) * BLOCK - held
                return Step(self.start(), used, Alarm(float(distances[first]), self.limit, since_ms))
        keep = max(0, blocks - BLOCKS + 1) * BLOCK
        kept = len(all_codes) - keep
        return Step(np.concatenate(([kept], all_codes[keep:], all_times[keep:])), len(codes))

    def _begun(self, window: Ints) -> int:
        """The position from which on the window's blocks are furthest from the baseline, for their number."""
        bins = len(self.law)
        counts = np.array([np.bincount(block, minlength=bins) for block in window.reshape(BLOCKS, BLOCK)])
        of_rest = np.cumsum(counts[::-1].cumsum(axis=0), axis=1)
        sizes = BLOCK * np.arange(1, BLOCKS + 1)[:, None]
        apart = np.abs(of_rest / sizes - self.law).max(axis=1) * np.sqrt(sizes[:, 0])
        return WINDOW - BLOCK * (int(apart.argmax()) + 1)

    def _distances(self, codes: Ints, blocks: int) -> Floats:
        bins = len(self.law)
        cells = np.repeat(np.arange(blocks), BLOCK) * bins + codes
        counts = np.bincount(cells, minlength=blocks * bins).reshape(blocks, bins)
        totals = np.concatenate((np.zeros((1, bins), np.int64), np.cumsum(np.cumsum(counts, axis=1), axis=0)))
        in_window = totals[BLOCKS:] - totals[:-BLOCKS]
        distances: Floats = np.abs(in_window / WINDOW - self.law).max(axis=1)
        return distances
