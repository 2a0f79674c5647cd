"""How long a Shiryaev-Roberts detector of normal scores runs before a false alarm, computed and not simulated."""

from functools import lru_cache

import numpy as np

from monitor.stats.columns import Floats

_REACH = 8.0
_NODES_A_STEP = 5
_LEVELS = 24
_LONGEST = 24.0


def log_run_length(bet: float, margin: float, log_threshold: float) -> float:
    """Logarithm of the mean number of scores until R = (1 + R) exp(bet (x - margin) - bet^2 / 2) passes the threshold.

    The scores x are independent and N(0, 1); R starts at 0. Solves the Fredholm equation of the mean passage time on
    Gauss-Legendre nodes over log R (Page 1954; Moustakides, Polunchenko & Tartakovsky 2009).
    """
    drift = -bet * margin - bet**2 / 2
    low = drift - _REACH * bet
    if log_threshold <= low:
        return 0.0
    nodes = max(24, int(_NODES_A_STEP * (log_threshold - low) / bet))
    place, weight = np.polynomial.legendre.leggauss(nodes)
    half = (log_threshold - low) / 2
    y, weight = low + half * (place + 1), weight * half
    kernel = _density(y, np.logaddexp(0.0, y) + drift, bet) * weight
    mean = np.linalg.solve(np.eye(nodes) - kernel, np.ones(nodes))
    first = 1 + float((_density(y, np.array([drift]), bet) * weight)[0] @ mean)
    return float(np.log(first)) if first > 0 else _LONGEST


def log_threshold(bet: float, margin: float, log_length: float) -> float:
    """The log R whose mean run length has this logarithm; never above the logarithm itself, which does for any law."""
    lengths, levels = _levels(bet, margin)
    if log_length >= lengths[-1]:
        return log_length
    return float(min(log_length, np.interp(log_length, lengths, levels)))


@lru_cache(maxsize=512)
def _levels(bet: float, margin: float) -> tuple[Floats, Floats]:
    """Increasing logarithms of run lengths, and the log R that have them."""
    first = -bet * margin - bet**2 / 2 + bet
    lengths: list[float] = []
    levels: list[float] = []
    for level in np.linspace(first, max(16.0, first + 1), _LEVELS).tolist():
        length = log_run_length(bet, margin, level)
        if lengths and not lengths[-1] < length < _LONGEST:
            break  # beyond, the equation is too near to singular, and no such rate is asked for
        lengths.append(length)
        levels.append(level)
    return np.array(lengths), np.array(levels)


def _density(at: Floats, mean: Floats, sd: float) -> Floats:
    found: Floats = np.exp(-(((at - mean[:, np.newaxis]) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))
    return found
