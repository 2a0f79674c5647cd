"""The average run length of a sum held at zero, exactly: a Markov chain on its integer heights (Brook & Evans 1972)."""

import math

import numpy as np

from monitor.stats.columns import Floats, Ints

_LATTICE = 128
"""About so many heights below the limit: the run length is that of the lattice, so nothing is lost but resolution."""


def average_run_length(steps: Ints, masses: Floats, limit: int) -> float:
    """Records until S = max(0, S + step) first reaches `limit`, from 0, on average; `masses` are the steps' chances.

    >>> average_run_length(np.array([-1, 1]), np.array([0.5, 0.5]), 2)  # a fair coin: two heads in a row
    6.0
    """
    law = np.bincount(np.clip(steps, -limit, limit) + limit, weights=masses, minlength=2 * limit + 1)
    heights = np.arange(limit)
    chain = law[heights[None, :] - heights[:, None] + limit]
    chain[:, 0] = np.cumsum(law)[limit - heights]  # at or below zero
    return float(np.linalg.solve(np.eye(limit) - chain, np.ones(limit))[0])


def lattice(increments: Floats, masses: Floats, arl: float) -> tuple[Ints, int, float]:
    """Increments as integer steps, the least limit that gives the run length, and the unit of a step.

    The increments must be negative on average, or no limit would do.
    """
    unit = math.log(arl) / _tail_rate(increments, masses) / _LATTICE
    steps = np.rint(increments / unit).astype(np.int64)
    low, high = 1, _LATTICE
    length = average_run_length(steps, masses, high)
    while length < arl:
        low, high = high, high + max(1, math.ceil(_LATTICE * math.log(arl / length) / math.log(arl)))
        length = average_run_length(steps, masses, high)
    while high - low > 1:  # the logarithm of the run length is nearly a line in the limit
        guess = high - math.ceil(_LATTICE * math.log(length / arl) / math.log(arl))
        middle = min(high - 1, max(low + 1, guess))
        reached = average_run_length(steps, masses, middle)
        low, high, length = (low, middle, reached) if reached >= arl else (middle, high, length)
    return steps, high, unit


def _tail_rate(increments: Floats, masses: Floats) -> float:
    """How fast the chance of a height falls: the positive root of E[exp(rate * increment)] = 1, by bisection."""
    top = 700 / max(float(increments.max()), 1e-9)
    low, high = 0.0, min(top, 1e-3)
    while high < top and float(masses @ np.exp(high * increments)) < 1:
        low, high = high, min(top, 2 * high)
    for _ in range(50):
        middle = (low + high) / 2
        if float(masses @ np.exp(middle * increments)) < 1:
            low = middle
        else:
            high = middle
    return high
