"""From scores to chances of being true, learned from rows with known truth that were counted in bins of the score."""

import numpy as np

from monitor.stats.columns import Floats, Ints

SPLITS, TEST_SHARE, GROUPS = 10, 0.1, 10
"""Whether calibrating helps is judged on so many splits, by the calibration error over groups of equal size."""

TOO_GOOD = 0.999
"""Beyond this ROC AUC there is nothing to calibrate: the classes are apart."""


def isotonic(hits: Floats, n: Floats) -> Floats:
    """Share of hits that never falls from bin to bin (pool adjacent violators); bins without rows are interpolated."""
    filled = np.flatnonzero(n > 0)
    if not len(filled):
        return np.full(len(n), 0.5)
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - slow to load, and only baselines need it

    rising: Floats = isotonic_regression(hits[filled] / n[filled], weights=n[filled]).x
    everywhere: Floats = np.interp(np.arange(len(n)), filled, rising)
    return everywhere


def calibrated(counts: Ints, scores: Floats, random: np.random.Generator) -> Floats:
    """Chance of a hit in each bin; `counts` are rows without and with a hit, shape (2, bins), `scores` the bins' means.

    The scores themselves, unless isotonic regression comes closer on rows that it was not fitted to.
    """
    misses, hits = counts.astype(np.float64)
    if not misses.any() or not hits.any() or _roc_auc(misses, hits) > TOO_GOOD:
        return scores
    return isotonic(hits, misses + hits) if _helps(counts, scores, random) else scores


def resampled(counts: Ints, random: np.random.Generator) -> Ints:
    """Counts as another set of rows of the same origin might have given them."""
    drawn: Ints = random.poisson(counts)
    return drawn


def calibration_error(scores: Floats, hits: Floats, n: Floats) -> float:
    """Mean over ten groups of equal size, by ascending score, of |mean score - share of hits|."""
    order = np.argsort(scores, kind="stable")
    scores, hits, n = scores[order], hits[order], n[order]
    group = np.minimum((np.cumsum(n) - n / 2) * GROUPS / max(1.0, n.sum()), GROUPS - 1).astype(np.intp)
    gaps = np.bincount(group, scores * n - hits, minlength=GROUPS)
    return float(np.abs(gaps).sum() / n.sum())


def _helps(counts: Ints, scores: Floats, random: np.random.Generator) -> bool:
    tests = [_test_rows(counts, random) for _ in range(SPLITS)]
    learned = [isotonic((counts - test)[1].astype(np.float64), (counts - test).sum(axis=0) * 1.0) for test in tests]
    pooled = np.concatenate(tests, axis=1).astype(np.float64)
    hits, n = pooled[1], pooled.sum(axis=0)
    raw = calibration_error(np.tile(scores, SPLITS), hits, n)
    return raw > calibration_error(np.concatenate(learned), hits, n)


def _test_rows(counts: Ints, random: np.random.Generator) -> Ints:
    """A tenth of the rows of each class."""
    parts = [random.multivariate_hypergeometric(row, round(TEST_SHARE * int(row.sum()))) for row in counts]
    return np.array(parts, dtype=np.int64)


def _roc_auc(misses: Floats, hits: Floats) -> float:
    return float(hits @ (np.cumsum(misses) - misses / 2) / (hits.sum() * misses.sum()))
