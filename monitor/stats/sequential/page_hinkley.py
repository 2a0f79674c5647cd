"""The Page-Hinkley test: a cumulative sum against the running mean of the stream itself (Page 1954, Hinkley 1971)."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Ints
from monitor.stats.sequential.climbing import climb
from monitor.stats.sequential.detector import UNKNOWN_MS, Alarm, Codes, State, Step, as_state
from monitor.stats.sequential.run_length import lattice
from monitor.stats.sequential.scores import Scores

_ONE = 1 << 20
"""A standard deviation in the fixed-point numbers of this detector."""

_PRIOR = 200
"""Records that the baseline's mean counts for in the running mean: a few first records are no mean to compare with."""


@dataclass(frozen=True, slots=True, eq=False)
class PageHinkley:
    """The evidence that the location has moved by about `shift` standard deviations from its own past (Hinkley 1971).

    S = max(0, S + z - m - shift / 2) of normal scores z, with m the mean of the scores since the last alarm, in which
    the baseline counts for 200 records; and the same downwards. What changes slowly, over thousands of records, is no
    alarm; a sudden change is one, again and again while it lasts. In integers of 2^-20 standard deviations.

    Use it for sudden shifts where the level wanders slowly. Do not use it for slow ramps, which it follows: take
    `cusum`.
    """

    name: ClassVar[str] = "page_hinkley"
    title: ClassVar[str] = "Page-Hinkley test"
    unit: ClassVar[str] = "standard deviations of the normal scores"
    scope: ClassVar[str] = "no bounds; negative where the location has fallen"
    arl: float
    scores: Ints = field(repr=False)
    allowance: int
    limits: tuple[int, int]

    @classmethod
    def of(cls, scores: Scores, arl: float, shift: float) -> "PageHinkley":
        """For one false alarm in `arl` records, both directions together, by the chain of a known mean (see `Cusum`).

        The running mean follows the sum a little, so that the true run length is rather longer.
        """
        limits = []
        for direction in (1, -1):
            _, limit, unit = lattice(direction * scores.normal - shift / 2, scores.masses, 2 * arl)
            limits.append(round(limit * unit * _ONE))
        fixed = np.rint(scores.normal * _ONE).astype(np.int64)
        return cls(arl, fixed, round(shift / 2 * _ONE), (limits[0], limits[1]))

    def start(self) -> State:
        """No record yet: number and sum of scores, then height and beginning of both sums."""
        return as_state(0, 0, 0, UNKNOWN_MS, 0, UNKNOWN_MS)

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Up to the first alarm in either direction; upwards first where both come with one record."""
        if not len(codes):
            return Step(state, 0)
        seen, total = state[:2].tolist()
        scores = self.scores[codes]
        totals = np.add.accumulate(scores) + total
        off = scores - totals // (np.arange(seen + 1, seen + len(codes) + 1) + _PRIOR)
        sides = []
        for side, (steps, limit) in enumerate(zip((off, -off), self.limits, strict=True)):
            height, since_ms = state[2 * side + 2 : 2 * side + 4].tolist()
            sides.append(climb(height, since_ms, steps - self.allowance, times, limit))
        firsts = [one.reached for one in sides]
        reached = [first for first in firsts if first is not None]
        if not reached:
            heights = (number for one in sides for number in (one.height, one.since_ms))
            return Step(as_state(seen + len(codes), int(totals[-1]), *heights), len(codes))
        side = firsts.index(min(reached))
        unit, of = (1 if side == 0 else -1) / _ONE, sides[side]
        return Step(self.start(), min(reached) + 1, Alarm(of.height * unit, self.limits[side] * unit, of.since_ms))
