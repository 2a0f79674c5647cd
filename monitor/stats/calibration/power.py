"""The smallest change that each column can show, from the noise and the thresholds that a model has."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.accumulating import BETS
from monitor.stats.calibration.calibration import LEAST_EXPECTED, SUMMED
from monitor.stats.calibration.components import Kind
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.rare import RareLaw
from monitor.stats.calibration.sudden import (
    GATE,
    GATE_BEYOND,
    GATE_MISSING,
    LEAST_HITS,
    SHARES_CATEGORICAL,
    SHARES_NUMERIC,
    Aspect,
    least_effective,
)
from monitor.stats.columns import Floats

SURE = 0.9
"""The window test finds the stated change with this probability."""

PATIENCE = 10
"""The accumulating test finds the stated change in about so many windows."""

EVEN = 0.5
"""The windows that are counted together show the stated change with this probability; each new one adds to it."""

_EXACT = 1e-5
_MOST_RECORDS = 1e12


@dataclass(frozen=True, slots=True)
class Visible:
    """What one column can show.

    `at_once` is the smallest shift that one window shows with probability `SURE` (None: too few records), `in_time` the
    smallest that about `PATIENCE` windows show: in standard deviations of the column's ranks, or for categories Cohen's
    h of the share of `label`: the most frequent one, or all rare ones together where that is the only one that is not.
    `missing_points` is the smallest rise of missing values that one window shows, in percentage points; `beyond_points`
    that of values outside the usual range, or of rare and unseen categories, `beyond_in_time` the same for about
    `PATIENCE` windows (None: too many to be counted over windows). `share` is the column's part of its judge's budget
    (0 to 1).
    """

    column: str
    share: float
    label: str
    at_once: float | None
    in_time: float | None
    missing_points: float
    beyond_points: float
    beyond_in_time: float | None


def visible(drift: ModelDrift, records: float) -> list[Visible]:
    """For windows of so many records, column by column."""
    components = drift.components
    sd: list[float] = _sd(drift, records).tolist()
    found = []
    for index, column in enumerate(components.grouping.columns):
        mine = np.flatnonzero((components.column == index) & ~components.is_missing)
        missing = int(np.flatnonzero((components.column == index) & components.is_missing)[0])
        first = int(mine[components.weight[mine].argmin()]) if len(mine) else missing
        rise, rare = _missing_points(drift, index, sd[missing], records), _Beyond.of(drift, index, records)
        at_once = _at_once(drift, index, first, len(mine), sd[first], records) if len(mine) else None
        in_time, label = _in_time(drift, first, sd[first], records) if len(mine) else None, components.label(first)
        if label and len(mine) == 1:  # its share is 1 whatever happens
            at_once, in_time, label = rare.effect(rare.at_once), rare.effect(rare.in_time), rare.label
        points = 100 * rare.at_once, None if rare.in_time is None else 100 * rare.in_time
        found.append(Visible(column, float(drift.shares[index]), label, at_once, in_time, rise, *points))
    return found


@dataclass(frozen=True, slots=True)
class _Beyond:
    """Of the values beyond in one column: their usual share, and the smallest rises of it (shares) that are seen."""

    label: str
    share: float
    at_once: float
    in_time: float | None

    @classmethod
    def of(cls, drift: ModelDrift, index: int, records: float) -> "_Beyond":
        rare, accumulation = drift.detectors.rare, drift.accumulation
        share, size = float(rare.beyond_share[index]), records / float(rare.usual_records[index])
        aspects = SHARES_NUMERIC if drift.components.grouping.is_numeric[index] else SHARES_CATEGORICAL
        alpha = drift.alpha * float(aspects[Aspect.BEYOND]) * float(drift.shares[index])
        least = max(LEAST_HITS, (share + GATE_BEYOND) * records)
        at_once = _rise(rare.beyond, index, share, records, size, alpha, SURE, least)
        in_time = None
        if accumulation.rare_sums.is_watched[0, index]:
            alpha = float(np.exp(-accumulation.least_of_rare[0, index])) / len(SUMMED)
            longest = accumulation.rare_sums.law, (len(SUMMED) - 1, 0, index)
            least = max(LEAST_HITS, (share + GATE_BEYOND) * records * SUMMED[-1])
            in_time = _rise(*longest, share, records * SUMMED[-1], size, alpha, EVEN, least)
        return cls(drift.components.grouping.beyond_labels[index], share, at_once, in_time)

    def effect(self, rise: float | None) -> float | None:
        """A rise as Cohen's h."""
        if rise is None:
            return None
        return float(2 * (np.arcsin(np.sqrt(min(1.0, self.share + rise))) - np.arcsin(np.sqrt(self.share))))


def _rise(  # noqa: PLR0917 - what decides
    law: RareLaw,
    place: int | tuple[int, ...],
    share: float,
    records: float,
    size: float,
    alpha: float,
    power: float,
    least: float,
) -> float:
    """The smallest rise of a share that so many records show with this probability, as a share of them.

    Negative binomial: the hits that are rare enough to alarm are found, `least` of them at least, then the share that
    gives as many. They come in clusters as large as they usually do: their variance stays as many times their mean. Did
    the relative variance stay, hits that hardly ever come, and then together, would never be sure to come.
    """
    spread = max(1e-9, float(law.dispersion[place]) / min(size, 1.0) + float(law.error[place]))
    needed = max(_least_hits(share * records, spread, alpha), least)
    own = max(1e-9, float(law.dispersion[place]) / min(size, 1.0))  # where the share is the usual one
    low, high = share, 1.0
    while high - low > _EXACT:
        middle = (low + high) / 2
        is_sure = _at_least(needed, middle * records, own * share / middle) >= power
        low, high = (low, middle) if is_sure else (middle, high)
    return high - share


def _least_hits(mean: float, spread: float, alpha: float) -> float:
    """The fewest hits that are as rare."""
    low, high = 0.0, 16.0
    while _at_least(high, mean, spread) > alpha and high < _MOST_RECORDS:
        low, high = high, 2 * high
    while high - low > 1:
        middle = float(np.floor((low + high) / 2))
        low, high = (middle, high) if _at_least(middle, mean, spread) > alpha else (low, middle)
    return high


def _at_least(hits: float, mean: float, spread: float) -> float:
    """P(at least so many hits), negative binomial."""
    r = 1 / spread
    return float(special.betainc(hits, r, mean / (r + mean))) if hits > 0 else 1.0


def _sd(drift: ModelDrift, records: float) -> Floats:
    """At an hour as the baseline's windows are on average: what their course is estimated by, its terms, is all there
    is to share among their records, whatever the season (the trace of the hat matrix).
    """
    n, calibration = np.array([[records]]), drift.calibration
    error = np.array([[len(calibration.course) / calibration.records]])
    usual = drift.detectors.usual
    found: Floats = np.sqrt(usual.noise(n) * (1 + usual.leverage(n, error)))[0]
    return found


def _spent(drift: ModelDrift, index: int, aspect: int) -> float:
    """The error that the window test spends on an aspect of a column."""
    is_numeric = bool(drift.components.grouping.is_numeric[index])
    share = (SHARES_NUMERIC if is_numeric else SHARES_CATEGORICAL)[aspect]
    return max(1e-300, drift.alpha * float(share) * float(drift.shares[index]))


def _needed(alpha: float) -> float:
    """How many standard deviations a score must lie away to be sure of an alarm."""
    return float(-special.ndtri(alpha / 2) + special.ndtri(SURE))


def _at_once(  # noqa: PLR0917 - what decides
    drift: ModelDrift, index: int, component: int, among: int, sd: float, records: float
) -> float | None:
    is_numeric = drift.components.kind[component] == Kind.LOCATION
    noise = drift.detectors.usual.noise(np.array([[records]]))[:, [component]]
    if records / noise.item() < least_effective(noise).item():
        return None
    alpha = _spent(drift, index, Aspect.LOCATION if is_numeric else Aspect.LARGEST)
    needed = _needed(alpha if is_numeric else max(1e-300, alpha / among))
    return max(GATE, needed * sd / float(np.sqrt(records)))


def _in_time(drift: ModelDrift, component: int, sd: float, records: float) -> float | None:
    """Log R grows by bet (shift - margin) - bet^2 / 2 a window, until it passes the threshold of its bet."""
    entry = np.flatnonzero(drift.accumulation.entries == component)
    if not len(entry):
        return None
    threshold, margin = drift.accumulation.threshold[entry[0]], float(drift.accumulation.margin[entry[0]])
    needed = float((BETS / 2 + np.maximum(threshold, 0) / (PATIENCE * BETS)).min()) + margin
    return needed * sd * drift.calibration.serial / float(np.sqrt(records))


def _missing_points(drift: ModelDrift, index: int, sd: float, records: float) -> float:
    share, rare = float(drift.components.missing_share[index]), drift.detectors.rare
    alpha = _spent(drift, index, Aspect.MISSING)
    if rare.is_often_missing[index] and share * records >= LEAST_EXPECTED:
        effect = _needed(alpha) * sd / float(np.sqrt(records))
        risen = float(np.sin(min(np.pi / 2, np.arcsin(np.sqrt(share)) + effect / 2)) ** 2)
        return 100 * max(GATE_MISSING, risen - share)
    size = records / float(rare.usual_records[index])
    rise = _rise(rare.missing, index, share, records, size, alpha / 2, SURE, (share + GATE_MISSING) * records)
    return 100 * max(GATE_MISSING, rise)
