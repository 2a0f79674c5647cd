"""Comparisons of two proportions that hold for many records and for few."""

import math

from scipy import special

Z95 = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""

MIN_EXPECTED = 5.0
"""Below this expected count the normal approximation gives way to the exact conditional test."""


def two_sided_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """P-value, in [0, 1], of the hypothesis that two samples have the same proportion.

    The pooled z-test, equal to the chi-squared test of the two-by-two table without correction; where few hits (or few
    misses) are expected in either sample, the conditional binomial test of two Poisson rates (Przyborowski & Wilenski
    1940), twice the smaller tail.
    """
    if _is_rare(hits_a + hits_b, n_a, n_b):
        return min(1.0, 2 * min(_binomial_excess(hits_a, n_a, hits_b, n_b), _binomial_excess(hits_b, n_b, hits_a, n_a)))
    if _is_rare(n_a + n_b - hits_a - hits_b, n_a, n_b):
        return two_sided_p(n_a - hits_a, n_a, n_b - hits_b, n_b)
    return float(2 * special.ndtr(-abs(_z(hits_a, n_a, hits_b, n_b))))


def excess_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """P-value, in [0, 1], of the hypothesis that the proportion in sample b is not larger than in sample a.

    One side of `two_sided_p`.
    """
    if _is_rare(hits_a + hits_b, n_a, n_b):
        return _binomial_excess(hits_a, n_a, hits_b, n_b)
    if _is_rare(n_a + n_b - hits_a - hits_b, n_a, n_b):
        misses_a, misses_b = n_a - hits_a, n_b - hits_b
        return _binomial_excess(misses_b, n_b, misses_a, n_a)
    return float(special.ndtr(-_z(hits_a, n_a, hits_b, n_b)))


def _is_rare(total: int, n_a: int, n_b: int) -> bool:
    return total * min(n_a, n_b) < MIN_EXPECTED * (n_a + n_b)


def _binomial_excess(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """P(at least `hits_b` of all hits fall into b), each doing so with probability n_b / (n_a + n_b)."""
    if not hits_b:
        return 1.0
    return float(special.bdtrc(hits_b - 1, hits_a + hits_b, n_b / (n_a + n_b)))


def _z(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    pooled = (hits_a + hits_b) / (n_a + n_b)
    return (hits_b / n_b - hits_a / n_a) / math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))


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
