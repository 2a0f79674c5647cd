"""The smallest change that each column can show, from the noise and the thresholds that a model has."""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.accumulating import BETS
from monitor.stats.calibration.calibration import LEAST_EXPECTED
from monitor.stats.calibration.components import Kind
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.sudden import (
    GATE,
    GATE_MISSING,
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


@dataclass(frozen=True, slots=True)
class Visible:
    """What one column can show.

    `at_once` is the smallest shift that one window shows with probability `SURE` (None: too few records), `in_time` the
    smallest that about `PATIENCE` windows show: in standard deviations of the column's ranks, or for categories Cohen's
    h of the share of `label`, the most frequent one. `missing_points` is the smallest rise of missing values that one
    window shows, in percentage points. `share` is the column's part of its judge's budget (0 to 1).
    """

    column: str
    share: float
    label: str
    at_once: float | None
    in_time: float | None
    missing_points: float


def visible(drift: ModelDrift, records: float) -> list[Visible]:
    """For windows of so many records, column by column."""
    components = drift.components
    sd: list[float] = _sd(drift, records).tolist()
    found = []
    for index, column in enumerate(components.grouping.columns):
        mine = np.flatnonzero((components.column == index) & ~components.is_missing)
        missing = int(np.flatnonzero((components.column == index) & components.is_missing)[0])
        first = int(mine[components.weight[mine].argmin()]) if len(mine) else missing
        at_once = _at_once(drift, index, first, len(mine), sd[first], records) if len(mine) else None
        in_time = _in_time(drift, first, sd[first], records) if len(mine) else None
        rise = _missing_points(drift, index, sd[missing], records)
        found.append(Visible(column, float(drift.shares[index]), components.label(first), at_once, in_time, rise))
    return found


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
    else:
        risen = _counted(drift, index, alpha / 2, records)
    return 100 * max(GATE_MISSING, min(1.0, risen) - share)


def _counted(drift: ModelDrift, index: int, alpha: float, records: float) -> float:
    """The share of missing values that surely makes as many of them as the count's law gives a chance below alpha."""
    law, usual = drift.detectors.rare.missing, float(drift.calibration.usual_records)
    mean = np.zeros_like(law.error)

    def chance(hits: float, expected: float) -> float:
        mean[index] = expected
        return float(law.p_value(np.full_like(mean, hits), mean, np.array(records / usual), mean > 0)[index])

    expected = float(drift.components.missing_share[index]) * records
    least = bisect_left(range(math.ceil(records)), -alpha, lo=1, key=lambda hits: -chance(hits, expected))
    # of hits at a higher rate the gamma quantile is the mean under which Poisson's law reaches them with this chance
    return float(special.gammaincinv(max(least, math.ceil(expected + GATE_MISSING * records)), SURE)) / records
