"""Profile of scores by predicted label: what performance is estimated from before truth comes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from monitor.domain.models import PREDICTION, SCORE
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn, Rows
from monitor.stats.texts import OTHER, positions

UNSCORED, OUTSIDE, UNKNOWN = 0, 1, 2
SPECIAL = 3
"""Counters of records without a finite score, with one outside [0, 1], and with none of the known labels."""

MAX_COUNTERS = 8_192
MAX_BINS = 512
"""So many bins of the score, fewer where many labels share the counters of a profile."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredLayout:
    """The predicted labels, and where the bins of the score lie: `edges` (e, ascending) make e + 1 bins of [0, 1]."""

    labels: tuple[str, ...]
    edges: Floats
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the digest."""
        text = "\0".join(self.labels).encode() + b"\0\0" + self.edges.tobytes()
        object.__setattr__(self, "digest", hashlib.blake2b(text, digest_size=16).hexdigest())

    @classmethod
    def of(cls, labels: tuple[str, ...], scores: Floats) -> "ScoredLayout":
        """A bin for every distinct score where these are few, otherwise bins of equal numbers of these scores."""
        most = min(MAX_BINS, MAX_COUNTERS // max(1, len(labels)))
        distinct = np.unique(scores)
        if len(distinct) <= most:
            return cls(labels, (distinct[1:] + distinct[:-1]) / 2)
        return cls(labels, np.unique(np.quantile(scores, np.arange(1, most) / most)))

    @property
    def bins(self) -> int:
        """Number of bins of the score."""
        return len(self.edges) + 1

    @property
    def size(self) -> int:
        """Number of counters that a profile on this layout has."""
        return SPECIAL + len(self.labels) * self.bins

    def bin_of(self, scores: Floats) -> Rows:
        """Which bin holds each score."""
        return np.searchsorted(self.edges, scores, side="right")

    def count(self, counters: Ints, columns: Mapping[str, Column], n: int) -> None:
        """Add n records to the counters."""
        scores = columns.get(SCORE)
        if not isinstance(scores, NumericColumn):
            counters[UNSCORED] += n
            return
        values = scores.values
        finite = np.isfinite(values)
        labels = self._labels(columns.get(PREDICTION), n)
        cells = np.where(labels < 0, UNKNOWN, SPECIAL + labels * self.bins + self.bin_of(values))
        cells = np.where((values >= 0.0) & (values <= 1.0), cells, np.where(finite, OUTSIDE, UNSCORED))
        counters += np.bincount(cells, minlength=self.size)

    def _labels(self, predictions: Column | None, n: int) -> Rows:
        """Position of each record's label, negative for none of them."""
        if isinstance(predictions, CategoricalColumn):
            return positions(predictions.values, self.labels)
        return np.full(n, OTHER, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCounts:
    """What the counters of a profile say: `counts` are records by label and bin, shape (labels, bins)."""

    counts: Ints
    unscored: int
    outside: int
    unknown: int

    @classmethod
    def of(cls, layout: ScoredLayout, counters: Ints) -> "ScoredCounts":
        """Read the counters."""
        counts = counters[SPECIAL:].reshape(len(layout.labels), -1)
        return cls(counts, *counters[:SPECIAL].tolist())

    @property
    def n(self) -> int:
        """Number of records, usable or not."""
        return int(self.counts.sum()) + self.unscored + self.outside + self.unknown
