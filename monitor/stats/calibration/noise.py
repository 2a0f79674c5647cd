"""How much a score varies between windows where nothing changed, learnt from few windows and many columns."""

import numpy as np
from scipy import special

from monitor.stats.columns import Floats, Ints

MOST_PRIOR_DF = 100.0
"""What others of its kind say about a variance never outweighs so many windows of its own."""

LEAST_OF_A_KIND = 4
"""Fewer components of a kind teach nothing about each other."""

_SMALLEST = 1e-8


def moderated(variance: Floats, df: Floats, kind: Ints, most_prior_df: float = MOST_PRIOR_DF) -> tuple[Floats, Floats]:
    """Variances drawn towards those of their kind, and their degrees of freedom (Smyth 2004, section 4).

    A scaled inverse chi-squared prior is fitted to the log variances of each kind, so that a variance learnt from ten
    windows has the tails of what all columns together tell.
    """
    found, total = variance.copy(), df.copy()
    for one in np.unique(kind):
        mine = kind == one
        if mine.sum() >= LEAST_OF_A_KIND:
            found[mine], total[mine] = _drawn_together(np.maximum(variance[mine], _SMALLEST), df[mine], most_prior_df)
    return found, total


def _drawn_together(variance: Floats, df: Floats, most: float) -> tuple[Floats, Floats]:
    log = np.log(variance) - special.digamma(df / 2) + np.log(df / 2)
    excess = float(log.var(ddof=1) - special.polygamma(1, df / 2).mean())
    prior_df = min(2 * inverse_trigamma(excess), most) if excess > _SMALLEST else most
    prior = float(np.exp(log.mean() + special.digamma(prior_df / 2) - np.log(prior_df / 2)))
    return (prior_df * prior + df * variance) / (prior_df + df), prior_df + df


def inverse_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value > 0, by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < _SMALLEST:
            break
    return x


def normal_scores(t: Floats, df: Floats, finite: Ints) -> Floats:
    """Scores with Student's law as scores with the normal law of the same probability; shape (..., components).

    The degrees of freedom are infinite but at the places `finite`.
    """
    low = -np.abs(t)
    tail = special.ndtr(low)
    if len(finite):
        tail[..., finite] = special.stdtr(df[finite], low[..., finite])
    scores: Floats = -np.sign(t) * special.ndtri(np.maximum(tail, 1e-300))
    return scores
