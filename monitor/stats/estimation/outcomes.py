"""What training rows with score, prediction and truth taught: counts of truths by predicted label and score."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from monitor.stats.columns import Floats, Ints, Rows
from monitor.stats.profiles.scored import ScoredLayout
from monitor.stats.texts import counted, positions

MAX_LABELS = 20
"""With more labels than this no performance is estimated: a profile would have too few bins for each."""


class StoredOutcomes(msgspec.Struct, array_like=True, frozen=True, tag="scores"):
    """`ScoredOutcomes` in a baseline; arrays as little-endian bytes, counts in 32 bits."""

    labels: list[str]
    edges: bytes
    counts: bytes
    means: bytes
    positive: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ScoredOutcomes:
    """Numbers of rows by true label, predicted label and bin of the score, shape (labels, labels, bins).

    `means` are the mean scores of the bins. `positive` is the label that the score is the chance of; None: the score
    is that of the predicted label.
    """

    layout: ScoredLayout
    counts: Ints
    means: Floats
    positive: str | None

    @classmethod
    def of(
        cls, truths: Sequence[str | None], predictions: Sequence[str | None], scores: Floats, positive: str | None
    ) -> "ScoredOutcomes | None":
        """From rows; those without truth, prediction or a score in [0, 1] are left out. None when too little is left.

        That is: fewer than two distinct truths, more than `MAX_LABELS` labels, or a positive label that never is true.
        """
        every = sorted({text for text in (*counted(truths), *counted(predictions)) if text is not None})
        truth, said = positions(truths, every), positions(predictions, every)
        rows = _usable(truth, said, scores)
        known = {every[k] for k in np.unique(truth[rows]).tolist()}
        labels = tuple(sorted(known | {every[k] for k in np.unique(said[rows]).tolist()}))
        if len(known) < 2 or len(labels) > MAX_LABELS or (positive is not None and positive not in known):
            return None
        kept = positions(every, labels)
        layout = ScoredLayout.of(labels, scores[rows])
        return cls._counted(layout, kept[truth[rows]], kept[said[rows]], scores[rows], positive)

    @classmethod
    def _counted(
        cls, layout: ScoredLayout, truth: Rows, said: Rows, scores: Floats, positive: str | None
    ) -> "ScoredOutcomes":
        shape = (len(layout.labels), len(layout.labels), layout.bins)
        bins = layout.bin_of(scores)
        counts = np.bincount(np.ravel_multi_index((truth, said, bins), shape), minlength=int(np.prod(shape)))
        order = np.argsort(scores, kind="stable")  # sums must not depend on the order of the rows
        sums, n = (
            np.bincount(bins[order], scores[order], minlength=layout.bins),
            np.bincount(bins, minlength=layout.bins),
        )
        middle = np.interp(np.arange(layout.bins), np.flatnonzero(n), (sums / np.maximum(n, 1))[n > 0])
        return cls(layout, counts.reshape(shape).astype(np.int64), middle, positive)

    def cells(
        self, truths: Sequence[str | None], predictions: Sequence[str | None], scores: Floats
    ) -> tuple[Rows, Ints]:
        """Which of the rows that this was learned from were usable, and where in `by_class().ravel()` each counts."""
        truth, said = (positions(texts, self.layout.labels) for texts in (truths, predictions))
        rows = _usable(truth, said, scores)
        at = (self.classes[truth[rows]], self.classes[said[rows]], self.layout.bin_of(scores[rows]))
        return rows, np.ravel_multi_index(at, self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of counts by true class, predicted class and bin."""
        k = int(self.classes.max()) + 1
        return k, k, self.layout.bins

    @property
    def is_binary(self) -> bool:
        """Whether the score is the chance of one label."""
        return self.positive is not None

    @property
    def rows(self) -> int:
        """Number of rows that were counted."""
        return int(self.counts.sum())

    @property
    def classes(self) -> Ints:
        """Class of each label: 1 of the positive one and 0 of others, or its own if none is positive."""
        labels = self.layout.labels
        if self.positive is None:
            return np.arange(len(labels))
        return np.array([int(label == self.positive) for label in labels])

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class: the label, or all labels but the positive one together."""
        labels = self.layout.labels
        if self.positive is None:
            return labels
        return " or ".join(label for label in labels if label != self.positive), self.positive

    def by_class(self) -> Ints:
        """The counts by true class, predicted class and bin."""
        classes = self.classes
        merged = np.zeros(self.shape, np.int64)
        np.add.at(merged, (classes[:, None], classes[None, :]), self.counts)
        return merged

    def of_window(self, counts: Ints) -> Floats:
        """A window's counts by predicted label and bin, by predicted class and bin."""
        merged = np.zeros(self.shape[1:])
        np.add.at(merged, self.classes, counts)
        return merged

    def stored(self) -> StoredOutcomes:
        """As it stands in a baseline."""
        arrays = (self.layout.edges.astype("<f8"), self.counts.astype("<u4"), self.means.astype("<f8"))
        edges, counts, means = (array.tobytes() for array in arrays)
        return StoredOutcomes(list(self.layout.labels), edges, counts, means, self.positive)

    @classmethod
    def restored(cls, stored: StoredOutcomes) -> "ScoredOutcomes":
        """The inverse of `stored`."""
        layout = ScoredLayout(tuple(stored.labels), np.frombuffer(stored.edges, "<f8").astype(np.float64))
        labels = len(layout.labels)
        counts = np.frombuffer(stored.counts, "<u4").astype(np.int64).reshape(labels, labels, -1)
        return cls(layout, counts, np.frombuffer(stored.means, "<f8").astype(np.float64), stored.positive)


def _usable(truth: Rows, said: Rows, scores: Floats) -> Rows:
    """Rows with truth, prediction (positions of labels, negative for none) and a score in [0, 1]."""
    return np.flatnonzero((truth >= 0) & (said >= 0) & (scores >= 0.0) & (scores <= 1.0))
