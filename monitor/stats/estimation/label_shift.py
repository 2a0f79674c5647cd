"""How the shares of the true classes have moved, told from predictions alone (black box shift estimation)."""

import numpy as np
from scipy import special

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats

LEAST_SINGULAR = 0.05
"""Below this the model tells some classes apart so badly that nothing about their shares can be said."""


def label_shift(cells: Floats, predicted: Floats, names: tuple[str, ...]) -> TestResult | None:
    """The largest change of a true class's share, 0 to 1, from training to the window, with its 95 % interval.

    `cells` (k, k) are training rows by true and predicted class, `predicted` (k,) the window's records by predicted
    class, `names` those of the classes. With C the shares of predictions within each true class, the window's true
    shares q solve C q = (its predicted shares): right where each class still looks as it did, only more or less often
    (Lipton, Wang & Smola 2018, *Detecting and Correcting for Label Shift with Black Box Predictors*). The errors of C,
    of the window and of the training shares are propagated to first order; the interval holds for all classes
    together (Bonferroni). None where a class never is true or C is nearly singular.
    """
    of_class, n = cells.sum(axis=1), float(predicted.sum())
    if not n or (of_class == 0).any():
        return None
    confusion = (cells / of_class[:, np.newaxis]).T
    if np.linalg.svd(confusion, compute_uv=False)[-1] < LEAST_SINGULAR:
        return None
    solve = np.linalg.inv(confusion)
    mean = predicted / n
    shares, training = solve @ mean, of_class / of_class.sum()
    noise = _multinomial(mean, n) + sum(
        shares[k] ** 2 * _multinomial(confusion[:, k], float(of_class[k])) for k in range(len(of_class))
    )
    variance = solve @ noise @ solve.T + _multinomial(training, float(of_class.sum()))
    moved, error = shares - training, np.sqrt(np.maximum(np.diag(variance), 0.0))
    comparisons = 1 if len(moved) == 2 else len(moved)  # the shares of two classes move as one
    half = float(-special.ndtri(0.025 / comparisons)) * error
    most = np.abs(moved)
    return TestResult(
        float(min(1.0, most.max())),
        None,
        int(of_class.sum()),
        int(n),
        float(min(1.0, np.maximum(most - half, 0.0).max())),
        float(min(1.0, (most + half).max())),
        {"shares": _named(names, np.clip(shares, 0.0, 1.0)), "shares_in_training": _named(names, training)},
    )


def class_shares(cells: Floats, predicted: Floats) -> Floats | None:
    """The shares of the true classes that a window's predictions speak for, 0 to 1; None as above."""
    shifted = label_shift(cells, predicted, tuple(str(k) for k in range(len(cells))))
    match shifted and shifted.detail:
        case {"shares": dict(shares)}:
            return np.array(list(shares.values()), np.float64)
        case _:
            return None


def _multinomial(shares: Floats, n: float) -> Floats:
    """Covariance of shares that were counted among n."""
    found: Floats = (np.diag(shares) - np.outer(shares, shares)) / n
    return found


def _named(names: tuple[str, ...], shares: Floats) -> dict[str, float]:
    return {name: round(float(share), 4) for name, share in zip(names, shares, strict=True)}
