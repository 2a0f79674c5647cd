"""Null laws of quadratic distances between distribution functions: weighted sums of squares of a Brownian bridge."""

import math

import numpy as np

from monitor.stats.columns import Floats

CELLS = 48
"""Resolution of the null law: so many levels of the bridge, each of the same share of the sum's expectation."""

STEP = 0.0625
STEPS = np.arange(130) * STEP
"""Where the integral is evaluated: one half, for the other is its mirror image; beyond, terms are below 1e-14."""

MANY = 8
"""A sum of so many squares is all but never below a ten-thousandth of what is expected."""


def bridge_p(statistic: float, level: Floats, weight: Floats) -> float:
    """P(sum of weight x B(level)^2 >= statistic), B a Brownian bridge: p-value of Cramer-von Mises, Anderson-Darling...

    `level`, ascending, are in (0, 1), `weight` at least 0, both of shape (levels,). The sum is one of independent
    squared normals with the eigenvalues of the bridge's covariance as weights (Anderson & Darling 1952); the relative
    error is about 1e-6 for up to `CELLS` levels and below 2 % for more. 1.0 where nothing has weight.
    """
    spread = weight * level * (1 - level)
    expected = float(spread.sum())
    if statistic <= 0 or expected <= 0:
        return 1.0
    level, weight = _cells(level, weight, spread / expected)
    lower, upper = np.minimum.outer(level, level), np.maximum.outer(level, level)
    root = np.sqrt(weight / expected)
    values = np.linalg.eigvalsh(root[:, np.newaxis] * lower * (1 - upper) * root)
    values = values[values > 1e-12 * values[-1]]
    return weighted_chi_squared_p(statistic / expected, values / values.sum())


def _cells(level: Floats, weight: Floats, part: Floats) -> tuple[Floats, Floats]:
    """Neighbouring levels put together, so that each has about 1/`CELLS` of the expectation."""
    kept = np.flatnonzero(part > 0)
    level, weight, part = level[kept], weight[kept], part[kept]
    if len(kept) <= CELLS:
        return level, weight
    cell = np.minimum((part.cumsum() - part / 2) * CELLS, CELLS - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    total = np.add.reduceat(weight, starts)
    return np.add.reduceat(weight * level, starts) / total, total


def weighted_chi_squared_p(x: float, weights: Floats) -> float:
    """P(sum of weights x Z^2 >= x) for independent standard normal Z, to a relative error of about 1e-8; weights > 0.

    The inverse Laplace integral along a parabola through its saddle point, bent to where the integrand vanishes (Rice
    1980): what is summed has the size of the result, so that the far tail is as exact as the middle. 0.0 beyond the
    smallest float.
    """
    largest = float(weights.max())
    weights, x = weights / largest, x / largest
    expected = float(weights.sum())
    if x <= (1e-30 if len(weights) < MANY else 1e-4) * expected:
        return 1.0
    above = x >= expected
    bounds = (0.0, 0.5) if above else (-(len(weights) + 2) / (2 * x), 0.0)
    tail = _tail(x, weights, _saddle(x, weights, *bounds))
    return min(1.0, max(0.0, tail if above else 1 + tail))


def _tail(x: float, weights: Floats, saddle: float) -> float:
    """The integral: P(sum >= x) where the saddle lies above zero, -P(sum < x) where it lies below."""
    curvature = 2 * weights**2 / (1 - 2 * weights * saddle) ** 2
    width = 1 / math.sqrt(float(curvature.sum()) + 1 / saddle**2)
    at = saddle + STEPS**2 / (2 * x) + 1j * width * STEPS
    along = STEPS / x + 1j * width
    roots = np.sqrt(1 - 2 * np.multiply.outer(at, weights)).prod(axis=1)
    terms = (np.exp(-at * x) / roots / at * along).imag
    return float(terms.sum() - terms[0] / 2) * STEP / math.pi


def _saddle(x: float, weights: Floats, low: float, high: float) -> float:
    """Where the integrand is smallest between two of its poles, the largest weight being 1: by bisection."""
    for _ in range(32):
        middle = (low + high) / 2
        slope = float(np.sum(weights / (1 - 2 * weights * middle))) - 1 / middle - x
        low, high = (middle, high) if slope < 0 else (low, middle)
    return (low + high) / 2
