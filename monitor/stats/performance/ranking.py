"""Areas under curves over grouped scores, each with the influence of one positive or negative record in each group.

Groups are in ascending order of the score; records of one group are tied. Numbers of records need not be whole.
"""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Mask


@dataclass(frozen=True, slots=True, eq=False)
class RankedArea:
    """An area, and by how much one record more in each group moves it, times n."""

    value: float
    of_positive: Floats
    of_negative: Floats

    @property
    def influence(self) -> Floats:
        """Of the positive and of the negative records, shape (2, groups)."""
        return np.stack((self.of_positive, self.of_negative))


def scored_groups(is_positive: Mask, scores: Floats) -> Floats:
    """Numbers of positive and of negative records by distinct score, ascending: shape (2, groups)."""
    distinct, group = np.unique(scores, return_inverse=True)
    counts = [np.bincount(group[of], minlength=len(distinct)) for of in (is_positive, ~is_positive)]
    return np.stack(counts).astype(np.float64)


def roc_area(positive: Floats, negative: Floats) -> RankedArea | None:
    """Chance that a positive record scores higher than a negative one, ties counting half; None for one class only."""
    n1, n0 = float(positive.sum()), float(negative.sum())
    if n1 <= 0.0 or n0 <= 0.0:
        return None
    below = (np.cumsum(negative) - negative / 2) / n0
    above = 1 - (np.cumsum(positive) - positive / 2) / n1
    value = float(positive @ below) / n1
    n = n1 + n0
    return RankedArea(value, (below - value) * (n / n1), (above - value) * (n / n0))


def roc_areas(positive: Floats, negative: Floats) -> Floats:
    """The same of many curves at once, shape (..., groups); NaN for one class only."""
    n1, n0 = positive.sum(axis=-1), negative.sum(axis=-1)
    below = np.cumsum(negative, axis=-1) - negative / 2
    pairs = n1 * n0
    ordered = np.einsum("...g,...g->...", positive, below)
    areas: Floats = np.divide(ordered, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)
    return areas


def precision_recall_area(positive: Floats, negative: Floats) -> RankedArea | None:
    """Average precision: mean over positive records of the precision at their score; None for one class only."""
    n1, n = float(positive.sum()), float(positive.sum() + negative.sum())
    if n1 <= 0.0 or n1 >= n:
        return None
    hits, reached = (np.cumsum(part[::-1])[::-1] for part in (positive, positive + negative))
    precision = np.divide(hits, reached, out=np.zeros_like(hits), where=reached > 0)
    value = float(positive @ precision) / n1
    # one record more moves the precision of every positive at or below its score, by (1 or 0 - precision) / reached
    weight = np.divide(positive, reached, out=np.zeros_like(hits), where=reached > 0)
    lost, gained = np.cumsum(weight * precision), np.cumsum(weight)
    scale = n / n1
    return RankedArea(value, scale * (precision - value + gained - lost), scale * -lost)
