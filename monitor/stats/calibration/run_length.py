"""How long a Shiryaev-Roberts detector of normal scores runs before a false alarm, computed and not simulated."""

import math
from functools import lru_cache

import numpy as np
from scipy import special

from monitor.stats.columns import Floats

_REACH = 8.0
_NODES_A_STEP = 3
_LEVELS = 16
_LONGEST = 24.0
_STEP, _FINE = 0.1, 0.05
_FAR = 4.5
"""So many standard errors of a baseline are thought of."""


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
    place, weight = _gauss(nodes)
    half = (log_threshold - low) / 2
    y, weight = low + half * (place + 1), weight * half
    kernel = _density(y, np.logaddexp(0.0, y) + drift, bet) * weight
    mean = np.linalg.solve(np.eye(nodes) - kernel, np.ones(nodes))
    first = 1 + float((_density(y, np.array([drift]), bet) * weight)[0] @ mean)
    return float(np.log(first)) if first > 0 else _LONGEST


@lru_cache(maxsize=512)
def _gauss(nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1]; finding them is most of the work, so they are kept."""
    place, weight = np.polynomial.legendre.leggauss(nodes)
    place.flags.writeable = weight.flags.writeable = False
    return place, weight


def log_threshold(bet: float, margin: float, error: float, log_length: float) -> float:
    """The log R at which a detector has this run length, on average over baselines.

    Whoever learns what is usual from a finite baseline is off by an error of his own, in all windows the same: the
    mean of the scores is then no 0 but N(0, `error`^2), and takes away from the margin or adds to it. The mean rate of
    false alarms over that law is exp(-log_length). Both `margin` and `error` are looked up in steps of 0.1 and 0.05.
    """
    steps = math.floor(margin / _STEP + 1e-9)
    return _looked_up(bet, round(steps * _STEP, 1), round(error / _FINE) * _FINE, log_length)


@lru_cache(maxsize=4_096)
def _looked_up(bet: float, margin: float, error: float, log_length: float) -> float:
    levels, lengths = _averaged(bet, margin, error)
    return float(np.interp(log_length, lengths, levels))


@lru_cache(maxsize=512)
def _averaged(bet: float, margin: float, error: float) -> tuple[Floats, Floats]:
    """Increasing log R, and logarithms of the run lengths that they have on average over errors of the baseline."""
    offs, weights = _offs(error)
    tables = [_levels(bet, round(margin - off, 1)) for off in offs]
    levels = np.linspace(0.0, _LONGEST, 6 * _LEVELS)
    rates = [weight * np.exp(-_at(levels, *table)) for weight, table in zip(weights, tables, strict=True)]
    return levels, -np.log(np.sum(rates, axis=0))


def _offs(error: float) -> tuple[list[float], list[float]]:
    """Means in steps that a law N(0, error^2) gives, and their probabilities."""
    if not error:
        return [0.0], [1.0]
    most = int(np.ceil(_FAR * error / _STEP))
    steps = np.arange(-most, most + 1)
    edges = special.ndtr((np.arange(-most, most + 2) - 0.5) * _STEP / error)
    return (steps * _STEP).tolist(), (np.diff(edges) / (edges[-1] - edges[0])).tolist()


def _at(level: Floats, lengths: Floats, levels: Floats) -> Floats:
    """Logarithm of the run length at these log R, continued beyond the table; below it 0: at once."""
    slope = (lengths[-1] - lengths[-2]) / (levels[-1] - levels[-2])
    beyond = lengths[-1] + slope * (level - levels[-1])
    found: Floats = np.where(level > levels[-1], beyond, np.interp(level, levels, lengths, left=0.0))
    return found


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
