"""Comparisons of two proportions that hold for many records and for few."""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from monitor.stats.columns import Floats, Ints

Z95 = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""

MIN_EXPECTED = 5.0
"""Below this expected count the normal approximation gives way to the exact conditional test."""

RARE, MANY_OF_RARE = 0.02, 5_000.0
"""Of so small a proportion the conditional test decides up to so many expected, where one side is asked: what the
skewness of counts adds to one tail it takes from the other. At ten hits against many the z-test is below 0.05 in 6 to 7
of 100 cases in which nothing changed, at a hundred below 0.001 in 15 of 10,000."""


def two_sided_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """`two_sided_ps` of one pair of samples."""
    return float(two_sided_ps(*_of_one(hits_a, n_a, hits_b, n_b))[0])


def excess_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """`excess_ps` of one pair of samples."""
    return float(excess_ps(*_of_one(hits_a, n_a, hits_b, n_b))[0])


def two_sided_ps(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    """P-values, in [0, 1], of the hypothesis that two samples have the same proportion; arrays of one shape.

    The pooled z-test, equal to the chi-squared test of the two-by-two table without correction; where few hits (or few
    misses) are expected in either sample, the conditional binomial test of two Poisson rates (Przyborowski & Wilenski
    1940), twice the smaller tail. No sample may be empty.
    """
    laws = _either_tail, _either_tail_of_misses, _pooled
    return _by_size((hits_a, n_a, hits_b, n_b), 0.0, *laws)


def excess_ps(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    """P-values, in [0, 1], of the hypothesis that the proportion in sample b is not larger than in sample a.

    One side of `two_sided_ps`; of a rare proportion the conditional test decides longer (`MANY_OF_RARE`).
    """
    laws = _binomial_excess, _binomial_excess_by_misses, _pooled_excess
    return _by_size((hits_a, n_a, hits_b, n_b), RARE, *laws)


def _of_one(*numbers: int) -> tuple[Ints, Ints, Ints, Ints]:
    hits_a, n_a, hits_b, n_b = np.array(numbers, np.int64)[:, np.newaxis]
    return hits_a, n_a, hits_b, n_b


_Law = Callable[[Ints, Ints, Ints, Ints], Floats]


def _by_size(
    samples: tuple[Ints, Ints, Ints, Ints], rare: float, few_hits: _Law, few_misses: _Law, many: _Law
) -> Floats:
    """Each pair of samples by the law that holds for its numbers; of a proportion up to `rare`, hits are few longer."""
    hits_a, n_a, hits_b, n_b = samples
    hits, n = hits_a + hits_b, n_a + n_b
    fewest = np.minimum(n_a, n_b).astype(np.float64)  # as integers their products overflow
    are_few = hits * fewest < np.where(hits <= rare * n, MANY_OF_RARE, MIN_EXPECTED) * n
    are_nearly_all = ~are_few & ((n - hits) * fewest < MIN_EXPECTED * n)
    found = np.empty(len(hits))
    for mask, law in ((are_few, few_hits), (are_nearly_all, few_misses), (~(are_few | are_nearly_all), many)):
        if mask.any():
            found[mask] = law(*(part[mask] for part in samples))
    return found


def _binomial_excess(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    """P(at least `hits_b` of all hits fall into b), each doing so with probability n_b / (n_a + n_b)."""
    found: Floats = special.bdtrc(np.maximum(hits_b - 1, 0), hits_a + hits_b, n_b / (n_a + n_b))
    return np.where(hits_b > 0, found, 1.0)


def _binomial_excess_by_misses(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    return _binomial_excess(n_b - hits_b, n_b, n_a - hits_a, n_a)


def _either_tail(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    tails = _binomial_excess(hits_a, n_a, hits_b, n_b), _binomial_excess(hits_b, n_b, hits_a, n_a)
    found: Floats = np.minimum(1.0, 2 * np.minimum(*tails))
    return found


def _either_tail_of_misses(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    return _either_tail(n_a - hits_a, n_a, n_b - hits_b, n_b)


def _pooled(*samples: Ints) -> Floats:
    found: Floats = 2 * special.ndtr(-np.abs(_z(*samples)))
    return found


def _pooled_excess(*samples: Ints) -> Floats:
    found: Floats = special.ndtr(-_z(*samples))
    return found


def _z(hits_a: Ints, n_a: Ints, hits_b: Ints, n_b: Ints) -> Floats:
    pooled = (hits_a + hits_b) / (n_a + n_b)
    found: Floats = (hits_b / n_b - hits_a / n_a) / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return found


def difference_interval(hits_a: int, n_a: int, hits_b: int, n_b: int, z: float = Z95) -> tuple[float, float]:
    """Interval of the proportion in b less that in a, in [-1, 1], from Wilson's of each (Newcombe 1998).

    `z` is its half-width in standard errors: of a 95 % interval without it.
    """
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, n_a, z), wilson(hits_b, n_b, z)
    return b - a - math.hypot(b - low_b, high_a - a), b - a + math.hypot(high_b - b, a - low_a)


def ratio_interval(hits_a: int, n_a: int, hits_b: int, n_b: int, z: float = Z95) -> tuple[float, float]:
    """Interval of the proportion in b over that in a, from 0 to infinity, by the log of the ratio (Katz et al. 1978).

    Where a sample has no hits, or neither has a miss, half a record is added to the hits and misses of both (Haldane
    1956), so that the interval stays finite; where b has no hits it reaches down to 0.
    """
    half = 0.5 if 0 in {hits_a, hits_b} or (hits_a, hits_b) == (n_a, n_b) else 0.0
    x_a, x_b, m_a, m_b = hits_a + half, hits_b + half, n_a + 2 * half, n_b + 2 * half
    middle = math.log(x_b / m_b) - math.log(x_a / m_a)
    error = z * math.sqrt(1 / x_b - 1 / m_b + 1 / x_a - 1 / m_a)
    return (math.exp(middle - error) if hits_b else 0.0), math.exp(middle + error)


def wilson(hits: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927), in [0, 1]; `z` is its half-width in standard errors.

    >>> [round(bound, 4) for bound in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    p, z2 = hits / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half) if hits else 0.0, min(1.0, centre + half) if hits < n else 1.0
