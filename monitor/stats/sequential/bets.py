"""Fair bets on what a value is: what gamblers stake who hold that a column has left its baseline's law."""

import math
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats
from monitor.stats.sequential.categories import Categories
from monitor.stats.sequential.scores import Scores

POWERS = (0.85, 0.6)

ODDS = 2.0
"""A gambler holds that a category's odds have doubled, or halved; not below `RARE`, where a few records decide."""

RARE, FREQUENT = 0.01, 0.05
_ERRORS = 3
"""Standard errors of a category's share in the baseline that are no gain: there are a dozen categories, not one."""


@dataclass(frozen=True, slots=True, eq=False)
class Bets:
    """Factors by which capital grows, shape (gamblers, codes), at most 1 on average under the baseline's law.

    `on` says what each gambler holds.
    """

    factors: Floats
    on: tuple[str, ...]


def bets_on(law: Scores | Categories) -> Bets:
    """On high, low, far and near ranks of numbers; on more and fewer records of a category."""
    return _on_ranks(law) if isinstance(law, Scores) else _on_categories(law)


def _on_ranks(scores: Scores) -> Bets:
    """A power of the rank as a p-value, averaged over the bin: what random ties would give on average."""
    ends = np.minimum(np.concatenate(([0.0], np.cumsum(scores.masses))), 1.0)
    ends[-1] = 1.0
    factors = np.array([_mean_of_bin(ends, kind, power) for kind in _PRIMITIVES for power in POWERS])
    mean = factors @ scores.masses
    spread = np.sqrt(np.maximum(factors**2 @ scores.masses - mean**2, 0))
    return Bets(factors / (mean + scores.margin * spread)[:, None], tuple(kind for kind in _PRIMITIVES for _ in POWERS))


def _mean_of_bin(ends: Floats, kind: str, power: float) -> Floats:
    """The mean of power * p^(power - 1) over each bin of ranks."""
    mean: Floats = np.diff(_PRIMITIVES[kind](ends, power)) / np.diff(ends)
    return np.maximum(mean, 1e-12)


_PRIMITIVES = {
    "higher": lambda u, power: -((1 - u) ** power),
    "lower": lambda u, power: u**power,
    "further from the middle": lambda u, power: np.where(
        u <= 0.5, (2 * u) ** power / 2, 1 - np.abs(2 - 2 * u) ** power / 2
    ),
    "nearer to the middle": lambda u, power: np.sign(2 * u - 1) * np.abs(2 * u - 1) ** power / 2,
}
"""Integrals over the rank u of the bet on p = 1 - u, u, 1 - |2u - 1| and |2u - 1|."""


def _on_categories(law: Categories) -> Bets:
    factors, on = [], []
    for place, (name, mass) in enumerate(zip(law.names, law.masses.tolist(), strict=True)):
        factors.append(_likelihood_ratio(law, place, max(RARE, _with_odds(mass, ODDS))))
        on.append(f"more of {name}")
        if mass >= FREQUENT and place < len(law.names) - 1:
            factors.append(_likelihood_ratio(law, place, _with_odds(mass, 1 / ODDS)))
            on.append(f"less of {name}")
    return Bets(np.array(factors), tuple(on))


def _with_odds(mass: float, factor: float) -> float:
    return factor * mass / (1 - mass + factor * mass)


def _likelihood_ratio(law: Categories, place: int, share: float) -> Floats:
    """Of `share` against the baseline's, fair for any share within three standard errors of that (Wilson 1927)."""
    mass = float(law.masses[place])
    is_it, is_not = share / mass, (1 - share) / (1 - mass)
    width, seen = _ERRORS**2 / law.n, int(law.counts[place]) / law.n
    middle = (seen + width / 2) / (1 + width)
    half = math.sqrt(width * (seen * (1 - seen) + width / 4)) / (1 + width)
    worst = max((end - mass) * (is_it - is_not) for end in (middle - half, middle + half))
    factors = np.full(len(law.masses), is_not)
    factors[place] = is_it
    return factors / (1 + worst)
