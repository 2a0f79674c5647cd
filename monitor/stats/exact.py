"""Fisher's exact test of a two-by-two table for any counts."""

import math

import numpy as np

from monitor.stats.columns import Floats

REACH = 40.0
"""So many standard deviations from the likeliest table the chance is below the smallest float."""

SLACK = 1e-7
"""Chances that differ by less, relatively, are equal but for rounding."""


def fisher_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """Two-sided p-value, in [0, 1]: the chance of all tables with these sums that are no likelier than this one.

    The chances follow from each other by their ratios, so that no factorial is formed: time and memory grow with the
    root of the counts, and are at most those of a million numbers for 10^9 records.
    """
    hits = hits_a + hits_b
    low, high = max(0, hits - n_a), min(hits, n_b)
    middle = (hits + 1) * (n_b + 1) // (n_a + n_b + 2)
    reach = _reach(hits, n_a, n_b)
    low, high = max(low, middle - reach), min(high, middle + reach)
    if not low <= hits_b <= high:
        return 0.0
    chances = _chances(low, high, hits, n_a, n_b)
    observed = chances[hits_b - low]
    return min(1.0, float(chances[chances <= observed * (1 + SLACK)].sum()))


def _reach(hits: int, n_a: int, n_b: int) -> int:
    total = n_a + n_b
    variance = hits / total * (total - hits) / total * n_a / max(1, total - 1) * n_b
    return 1_000 + math.ceil(REACH * math.sqrt(variance))


def _chances(low: int, high: int, hits: int, n_a: int, n_b: int) -> Floats:
    """Of `low` to `high` hits in b."""
    k = np.arange(low, high, dtype=np.float64)
    ratios = np.log((hits - k) * (n_b - k) / ((k + 1) * (n_a - hits + k + 1)))
    logarithms = np.concatenate(([0.0], ratios.cumsum()))
    chances = np.exp(logarithms - logarithms.max())
    scaled: Floats = chances / chances.sum()
    return scaled
