"""How wrong estimates were where the truth is known: parts of the baseline, each estimated from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Ints, Rows
from monitor.stats.estimation.expected import Measure, sampling_error
from monitor.stats.estimation.truths import expected_truths

PARTS = 10
"""The baseline's rows, in their order, are cut into so many parts."""

MIXED = 0.1
"""Truths that change from row to row less often than this share of what a random order gives were sorted by truth."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Estimate less truth in each part, and the standard error that the estimate claimed, both in the metric's unit."""

    errors: Floats
    claimed: Floats

    @property
    def drift(self) -> float:
        """Root mean square that the errors have beyond what was claimed, 0 or more."""
        if not len(self.errors):
            return 0.0
        return float(np.sqrt(max(0.0, float((self.errors**2 - self.claimed**2).mean()))))


def parts_of(truths: Rows, times_ms: Ints | None) -> tuple[Ints, bool]:
    """The part of every row: stretches of event time, or of the file. False, too, where its order tells nothing.

    Rows sorted by their truth are dealt out instead: parts of one class alone would be no trial.
    """
    rows = np.arange(len(truths))
    if times_ms is None and _is_sorted(truths):
        return rows % PARTS, False
    order = rows if times_ms is None else np.argsort(times_ms, kind="stable")
    parts = np.empty(len(truths), np.int64)
    parts[order] = rows * PARTS // max(1, len(truths))
    return parts, True


def _is_sorted(truths: Rows) -> bool:
    shares = np.bincount(truths) / max(1, len(truths))
    expected = len(truths) * (1 - float(shares @ shares))
    changes = len(np.flatnonzero(truths[1:] - truths[:-1]))
    return changes < MIXED * expected


def scored_trials(counts: Ints, means: Floats, measures: Mapping[str, Measure], *, binary: bool) -> dict[str, Trial]:
    """Trials of every metric; `counts` are rows by part, true class, predicted class and bin of the score."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in measures}
    whole = counts.sum(axis=0)
    for part in counts:
        truths, predicted = expected_truths(whole - part, means, None, binary=binary), part.sum(axis=0) * 1.0
        for name, measure in measures.items():
            estimated, true = measure(truths * predicted), measure(part * 1.0)
            if estimated is not None and true is not None:
                claimed = sampling_error(estimated, truths, predicted)
                found[name].append((estimated.value - true.value, claimed))
    return {name: Trial(*np.array(pairs).reshape(-1, 2).T) for name, pairs in found.items()}


def error_trials(targets: Sequence[str], estimated: Floats, errors: Floats, fold: Ints) -> dict[str, Trial]:
    """Trials of mean errors: those `estimated` (folds, targets) by models that have not seen the fold."""
    size = np.bincount(fold)
    true = np.stack([errors[fold == one].mean(axis=0) for one in range(len(size))])
    claimed = np.stack([errors[fold == one].std(axis=0) for one in range(len(size))]) / np.sqrt(size)[:, None]
    return {
        name: Trial(estimated[:, k] - true[:, k], claimed[:, k] * np.sqrt(1 + 1 / (len(size) - 1)))
        for k, name in enumerate(targets)
    }
