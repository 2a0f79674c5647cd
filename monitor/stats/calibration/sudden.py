"""The window test: whether this one window is further away than chance explains, and far enough to matter."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.calibration import LEAST_EXPECTED
from monitor.stats.calibration.components import Components, Kind
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.rare import Rare
from monitor.stats.columns import Floats, Ints, Mask

LEAST_EFFECTIVE, LEAST_EFFECTIVE_OF_DEPENDENT = 100.0, 250.0
"""A score that rests on fewer independent records is not normal in its tail, and only accumulates. Dependent records
need more: what stands in for so many independent ones is an average over few long stretches."""

LEAST_OF_GROUP = 5.0
"""A group of categories that is expected less often in the window is not looked at alone."""

LEAST_HITS = 3.0
GATE, GATE_MISSING, GATE_BEYOND = 0.05, 0.01, 0.002
"""Least effects: in standard deviations (Cohen's w for categories), and in shares of the records."""


class Aspect:
    """What of a column the window test looks at, as an index into `SHARES_*` and `SuddenEvidence.p_values`."""

    LOCATION, SCALE, LARGEST, SHAPE, MISSING, BEYOND = range(6)


_SINGLE = ((Kind.LOCATION, Aspect.LOCATION), (Kind.SCALE, Aspect.SCALE))

SHARES_NUMERIC = np.array([0.35, 0.15, 0.0, 0.2, 0.15, 0.15])
SHARES_CATEGORICAL = np.array([0.0, 0.0, 0.3, 0.3, 0.2, 0.2])
"""How a column's error is spent on its aspects (a weighted Bonferroni correction)."""

_OVER_NUMERIC, _OVER_CATEGORICAL = (
    np.divide(1.0, share, out=np.full(len(share), np.inf), where=share > 0)
    for share in (SHARES_NUMERIC, SHARES_CATEGORICAL)
)


@dataclass(frozen=True, slots=True, eq=False)
class SuddenEvidence:
    """Of w windows: `aspects` (w, f, 6) raw p-values, 1 where the effect is below its gate; `p_values` (w, f) of the
    columns, corrected for their aspects.
    """

    aspects: Floats
    p_values: Floats

    def only(self, columns: slice) -> "SuddenEvidence":
        """That of these columns."""
        return SuddenEvidence(self.aspects[:, columns], self.p_values[:, columns])

    def leading(self, components: Components) -> Ints:
        """The aspect of each column that speaks loudest, shape (w, f)."""
        found: Ints = _corrected(components, self.aspects).argmin(axis=2)
        return found


def sudden_evidence(components: Components, rare: Rare, found: Deviations) -> SuddenEvidence:
    """P-values of every column in every window."""
    aspects = np.ones((*found.counts.missing.shape, len(SHARES_NUMERIC)))
    is_used = _is_used(components, found)
    _single(components, found, is_used, aspects)
    aspects[:, :, Aspect.SHAPE] = _shape(components, found, is_used)
    aspects[:, :, Aspect.MISSING] = _missing(components, rare, found)
    aspects[:, :, Aspect.BEYOND] = _beyond(rare, found)
    return SuddenEvidence(aspects, np.minimum(_corrected(components, aspects).min(axis=2), 1.0))


def holm(p_values: Floats, alpha: float, weights: Floats) -> Mask:
    """Which hypotheses fall at family-wise error alpha, whatever their dependence; shape (f,).

    `weights` (f,) say how the error is shared (Holm 1979, section 3); what has none never falls.
    """
    order = np.argsort(weighted(p_values, weights), kind="stable")
    left = np.cumsum(weights[order][::-1])[::-1]
    falls = p_values[order] * left <= alpha * weights[order]
    falls &= weights[order] > 0
    found = np.zeros(len(order), np.bool_)
    found[order[: int(np.argmin(falls)) if not falls.all() else len(order)]] = True
    return found


def weighted(p_values: Floats, weights: Floats) -> Floats:
    """P-values over weights; infinite where there is none."""
    found: Floats = np.where(weights > 0, p_values / np.where(weights > 0, weights, 1.0), np.inf)
    return found


def _corrected(components: Components, aspects: Floats) -> Floats:
    """Raw p-values over the shares of their aspects; one without a share is never below 1."""
    found: Floats = aspects * np.where(components.grouping.is_numeric[:, np.newaxis], _OVER_NUMERIC, _OVER_CATEGORICAL)
    return found


def least_effective(noise: Floats) -> Floats:
    """How many independent records a score must rest on whose variance is so many times that of independent ones."""
    least: Floats = LEAST_EFFECTIVE + np.minimum(noise - 1, 1.0) * (LEAST_EFFECTIVE_OF_DEPENDENT - LEAST_EFFECTIVE)
    return least


def _is_used(components: Components, found: Deviations) -> Mask:
    """Scores that rest on enough for their tail to be normal."""
    is_used = (found.size / found.noise >= least_effective(found.noise)) & ~components.is_missing
    groups = components.groups
    is_used[:, groups] &= found.size[:, groups] * (1 - components.weight[groups]) >= LEAST_OF_GROUP
    return is_used


def _single(components: Components, found: Deviations, is_used: Mask, aspects: Floats) -> None:
    """Location and scale by themselves; of a categorical column the group that moved most."""
    is_large, p = is_used & (_effects(found) >= GATE), np.ones(found.normal.shape)
    p[is_large] = 2 * special.ndtr(-np.abs(found.normal[is_large]))
    for kind, aspect in _SINGLE:
        mine = components.by_kind[kind]
        aspects[:, components.column[mine], aspect] = p[:, mine]
    starts = components.share_starts
    if len(starts):
        smallest = np.minimum.reduceat(p[:, : components.groups.stop], starts, axis=1)
        columns, groups = components.column[starts], np.diff(starts, append=components.groups.stop)
        aspects[:, columns, Aspect.LARGEST] = np.minimum(smallest * groups, 1.0)


def _effects(found: Deviations) -> Floats:
    """Absolute effects in standard deviations, less what noise alone would show."""
    excess: Floats = np.sqrt(np.maximum(found.shift**2 - found.sd**2, 0) / np.maximum(found.size, 1.0))
    return excess


def _shape(components: Components, found: Deviations, is_used: Mask) -> Floats:
    """All scores of a column together: a sum of squares, chi-squared where nothing changed and records do not depend.

    What they vary beyond that may move all of them at once. The sum is then that of fewer squares, each larger: its
    mean and variance are matched (Satterthwaite 1946), the excess noise taken to be of rank one, which is the worst.
    """
    weight = components.weight * is_used
    squares, used, of_noise, excess = components.by_column(
        found.normal**2 * weight,
        is_used.astype(np.float64),
        found.noise * is_used,
        (found.shift**2 - found.sd**2) * weight,
    )
    terms = np.maximum(used - ~components.grouping.is_numeric, 1)
    noise = np.maximum(of_noise / np.maximum(used, 1), 1.0)
    df = terms / (1 + (terms - 1) * (1 - 1 / noise) ** 2)
    effect = np.sqrt(np.maximum(excess, 0) / np.maximum(found.counts.values, 1.0))
    is_known = used > ~components.grouping.is_numeric
    p: Floats = np.ones_like(df)
    special.chdtrc(df, squares * df / terms, out=p, where=is_known & (effect >= GATE))
    return p


def _missing(components: Components, rare: Rare, found: Deviations) -> Floats:
    records, hits = found.counts.records[:, rare.model_of], found.counts.missing
    normal = 2 * special.ndtr(-np.abs(found.normal[:, components.missing]))
    expected = components.missing_share * records
    is_normal = rare.is_often_missing & (expected >= LEAST_EXPECTED)
    is_large = np.abs(hits - expected) / np.maximum(records, 1.0) >= GATE_MISSING
    counted = 2 * rare.missing.p_value(hits, expected, records / rare.usual_records, is_large & ~is_normal)
    return np.where(is_large, np.where(is_normal, normal, np.minimum(counted, 1.0)), 1.0)


def _beyond(rare: Rare, found: Deviations) -> Floats:
    """Whether more values are outside the usual range, or never seen before, than are to be expected."""
    records, hits = found.counts.records[:, rare.model_of], found.counts.beyond
    expected = rare.beyond_share * records
    is_large = ((hits - expected) / np.maximum(records, 1.0) >= GATE_BEYOND) & (hits >= LEAST_HITS)
    return rare.beyond.p_value(hits, expected, records / rare.usual_records, is_large)
