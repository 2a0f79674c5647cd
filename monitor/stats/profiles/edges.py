"""Edges of bins, chosen once from the values of a baseline so that every later window is counted on them."""

import math

import numpy as np

from monitor.stats.columns import Floats

BINS = 256
"""Number of quantile bins: the largest error of a Kolmogorov-Smirnov statistic is below 2 / BINS."""

COARSE_ATOM = 0.05
"""A value that holds at least this share of the baseline is a bin of its own among the coarse bins."""

TAIL_START = 63 / 64
TAIL_GROWTH = 1.1
TAIL_REACH = 1e4
LOW, HIGH = 0.001, 0.999
"""The usual range of a column: these quantiles of the baseline."""


def quantiles(ordered: Floats, at: Floats) -> Floats:
    """Quantiles of ascending finite values as `numpy.quantile` defines them, finite even at the largest floats."""
    with np.errstate(over="ignore", invalid="ignore"):
        found: Floats = np.quantile(ordered, at)
    return np.where(np.isfinite(found), found, ranked(ordered, at))


def ranked(ordered: Floats, at: Floats) -> Floats:
    """The smallest of ascending values that at least the share `at` of them does not exceed."""
    ranks = np.ceil(at * len(ordered)).astype(np.int64) - 1
    return ordered[np.clip(ranks, 0, len(ordered) - 1)]


def atoms(ordered: Floats, share: float) -> Floats:
    """Repeated values that hold at least `share` (0 to 1) of ascending values."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(starts, len(ordered)))
    return ordered[starts[(counts >= 2) & (counts >= share * len(ordered))]]


def bins_of(values: Floats) -> Floats:
    """Both edges of the bins [v, next float after v) that hold one value each."""
    with np.errstate(over="ignore", under="ignore"):  # the bin of the largest float has no finite upper edge
        return np.concatenate((values, np.nextafter(values, math.inf)))


def deciles(ordered: Floats) -> Floats:
    """The nine deciles of ascending values."""
    return quantiles(ordered, np.arange(1, 10) / 10)


def coarse_edges(ordered: Floats) -> Floats:
    """Edges of the ten or so bins that PSI and Jensen-Shannon compare: deciles, and heavy atoms on their own."""
    return tidy(np.concatenate((deciles(ordered), bins_of(atoms(ordered, COARSE_ATOM)))))


def fine_edges(ordered: Floats) -> Floats:
    """All edges: 256 quantile bins, coarse edges, atoms, the usual range, and geometric tails beyond both ends.

    Tails run from the 1.6 % and 98.4 % quantiles out to 1e4 times their distance from the median, each step 1.1 times
    as far from the median as the one before: a window that left the baseline's range keeps a shape.
    """
    parts = [
        quantiles(ordered, np.arange(1, BINS) / BINS),
        coarse_edges(ordered),
        bins_of(atoms(ordered, 1 / BINS)),
        np.asarray(usual_range(ordered)),
        _tail(ordered),
        -_tail(-ordered[::-1]),
    ]
    return tidy(np.concatenate(parts))


def usual_range(ordered: Floats) -> tuple[float, float]:
    """Bounds [low, high) that hold the values from the 0.1 % to the 99.9 % quantile, both included."""
    low, high = ranked(ordered, np.array([LOW, HIGH])).tolist()
    return low + 0.0, math.nextafter(high, math.inf)


def spread(ordered: Floats) -> float:
    """Standard deviation of values clipped to the usual range: a few extreme values in a baseline do not rule it."""
    low, high = usual_range(ordered)
    largest = float(np.max(np.abs(ordered)))
    return float(np.std(np.clip(ordered, low, high) / largest)) * largest if largest > 0.0 else 0.0


def tidy(edges: Floats) -> Floats:
    """Finite edges, ascending, each once, zero without a sign."""
    return np.unique(edges[np.isfinite(edges)] + 0.0)


def _tail(ordered: Floats) -> Floats:
    """Geometric edges above the median of ascending values; none where nothing lies above it."""
    median, start = quantiles(ordered, np.array([0.5, TAIL_START])).tolist()
    above = ordered[ordered > median]
    if not len(above):
        return np.empty(0)
    distance = (start if start > median else float(above[len(above) // 2])) - median
    steps = np.arange(math.ceil(math.log(TAIL_REACH, TAIL_GROWTH)) + 1)
    with np.errstate(over="ignore"):
        tail: Floats = median + distance * TAIL_GROWTH**steps
    return tail
