"""Stretches of an array, one behind the other: those of equal length as rows, which are summed with few operations."""

from collections.abc import Iterator

import numpy as np

from monitor.stats.columns import Ints


def stacked(bounds: Ints) -> Iterator[tuple[Ints, Ints]]:
    """For each length that a stretch has: which stretches have it, and the places of their elements, a row each.

    The k-th stretch is [bounds[k], bounds[k + 1]). `np.add.reduce(values[places], axis=1)` and `np.vecdot` add up each
    row as they do a stretch alone, to the last bit; `np.add.reduceat` does not.

    >>> [(which.tolist(), places.tolist()) for which, places in stacked(np.array([0, 2, 3, 5]))]
    [([1], [[2]]), ([0, 2], [[0, 1], [3, 4]])]
    """
    lengths = np.diff(bounds)
    for length in sorted(set(lengths.tolist())):
        which = (lengths == length).nonzero()[0]
        yield which, bounds[which, np.newaxis] + np.arange(length)
