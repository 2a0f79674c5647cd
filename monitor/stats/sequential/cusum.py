"""Cumulative sums in both directions against the baseline (Page 1954)."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.stats.columns import Floats, Ints
from monitor.stats.sequential.climbing import climb
from monitor.stats.sequential.detector import UNKNOWN_MS, Alarm, Codes, State, Step, as_state
from monitor.stats.sequential.run_length import lattice
from monitor.stats.sequential.scores import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """The evidence that the location has moved up, or down, by about `shift` standard deviations (Page 1954).

    S = max(0, S + z - shift / 2 - margin) of the normal scores z of the baseline's ranks, and the same downwards; an
    alarm when either reaches its limit, in standard deviations. The limit gives each side twice the stated run length,
    by the exact Markov chain on the baseline's own law (Brook & Evans 1972), for any mean within two standard errors
    of the baseline's. Of all tests of that run length this finds the stated shift soonest (Moustakides 1986).

    Use it when you know the size of shift that matters. Do not use it where the level wanders and may: take
    `page_hinkley`.
    """

    name: ClassVar[str] = "cusum"
    title: ClassVar[str] = "Cumulative sums"
    unit: ClassVar[str] = "standard deviations of the normal scores"
    scope: ClassVar[str] = "no bounds; negative where the location has fallen"
    arl: float
    up: Ints = field(repr=False)
    down: Ints = field(repr=False)
    limits: tuple[int, int]
    units: tuple[float, float]

    @classmethod
    def of(cls, scores: Scores, arl: float, shift: float) -> "Cusum":
        """For one false alarm in `arl` records, both directions together."""
        up, high, unit_up = lattice(scores.normal - shift / 2, scores.masses, 2 * arl)
        down, low, unit_down = lattice(-scores.normal - shift / 2, scores.masses, 2 * arl)
        if scores.margin:
            up = _lowered(scores.normal - shift / 2 - scores.margin, unit_up)
            down = _lowered(-scores.normal - shift / 2 - scores.margin, unit_down)
        return cls(arl, up, down, (high, low), (unit_up, unit_down))

    def start(self) -> State:
        """Both sums at zero."""
        return as_state(0, UNKNOWN_MS, 0, UNKNOWN_MS)

    def advance(self, state: State, codes: Codes, times: Ints) -> Step:
        """Up to the first alarm in either direction; upwards first where both come with one record."""
        if not len(codes):
            return Step(state, 0)
        sides = []
        for side, (steps, limit) in enumerate(zip((self.up, self.down), self.limits, strict=True)):
            height, since_ms = state[2 * side : 2 * side + 2].tolist()
            sides.append(climb(height, since_ms, steps[codes], times, limit))
        firsts = [one.reached for one in sides]
        reached = [first for first in firsts if first is not None]
        if not reached:
            return Step(as_state(*(number for one in sides for number in (one.height, one.since_ms))), len(codes))
        side = firsts.index(min(reached))
        unit, of = self.units[side] * (1 if side == 0 else -1), sides[side]
        return Step(self.start(), min(reached) + 1, Alarm(of.height * unit, self.limits[side] * unit, of.since_ms))


def _lowered(increments: Floats, unit: float) -> Ints:
    return np.rint(increments / unit).astype(np.int64)
