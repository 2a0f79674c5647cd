"""Which truths to expect behind a prediction and its score."""

import numpy as np

from monitor.stats.columns import Floats, Ints
from monitor.stats.estimation.calibration import calibrated, isotonic


def expected_truths(
    counts: Ints | Floats, scores: Floats, random: np.random.Generator | None, *, binary: bool
) -> Floats:
    """Chance of each true class, given predicted class and bin of the score; the shape of `counts`, by truth first.

    `random` splits rows to find out whether calibrating helps; without it the scores are always calibrated, and the
    rows may have weights.
    """
    if binary:
        return _binary(counts, scores, random)
    return _multiclass(counts, scores, random)


def _binary(counts: Ints | Floats, scores: Floats, random: np.random.Generator | None) -> Floats:
    """The score speaks of the positive class, whatever was predicted."""
    chance = _chance(counts.sum(axis=1), scores, random)
    both = np.stack((1 - chance, chance))
    return np.repeat(both[:, None, :], 2, axis=1)


def _multiclass(counts: Ints | Floats, scores: Floats, random: np.random.Generator | None) -> Floats:
    """The score speaks of the predicted class; errors fall on the other classes as they did in training."""
    classes = len(counts)
    truths = np.empty(counts.shape)
    for said in range(classes):
        of_class = counts[:, said, :]
        right, total = of_class[said], of_class.sum(axis=0)
        chance = _chance(np.stack((total - right, right)), scores, random)
        errors = of_class.sum(axis=1).astype(np.float64)
        errors[said] = 0.0
        share = errors / errors.sum() if errors.any() else np.full(classes, 1 / max(1, classes - 1))
        truths[:, said, :] = share[:, None] * (1 - chance)
        truths[said, said, :] = chance
    return truths


def _chance(counts: Ints | Floats, scores: Floats, random: np.random.Generator | None) -> Floats:
    if random is not None:
        return calibrated(counts.astype(np.int64), scores, random)
    return isotonic(counts[1].astype(np.float64), counts.sum(axis=0).astype(np.float64))
