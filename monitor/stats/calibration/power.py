"""The smallest change that each column can show, from the noise and the thresholds that a model has."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.accumulating import BETS
from monitor.stats.calibration.components import Kind
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.sudden import (
    GATE,
    GATE_MISSING,
    LEAST_EFFECTIVE,
    LEAST_EFFECTIVE_OF_DEPENDENT,
    SHARES_CATEGORICAL,
    SHARES_NUMERIC,
    Aspect,
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
    n, noon = np.array([[records]]), np.array([drift.calibration.size_ms / 2])
    usual, expected = drift.detectors.usual, drift.calibration.expected(noon)
    found: Floats = np.sqrt(usual.noise(n) * (1 + usual.leverage(n, expected.error)))[0]
    return found


def _needed(drift: ModelDrift, index: int, aspect: int, among: int) -> float:
    """How many standard deviations a score must lie away to be sure of an alarm."""
    is_numeric = bool(drift.components.grouping.is_numeric[index])
    share = (SHARES_NUMERIC if is_numeric else SHARES_CATEGORICAL)[aspect]
    alpha = max(1e-300, drift.alpha * share * float(drift.shares[index]) / among)
    return float(-special.ndtri(alpha / 2) + special.ndtri(SURE))


def _at_once(  # noqa: PLR0917 - what decides
    drift: ModelDrift, index: int, component: int, among: int, sd: float, records: float
) -> float | None:
    is_numeric = drift.components.kind[component] == Kind.LOCATION
    variance = float(drift.detectors.usual.noise(np.array([[records]]))[0, component])
    least = LEAST_EFFECTIVE if variance == 1 else LEAST_EFFECTIVE_OF_DEPENDENT
    if records / variance < least:
        return None
    needed = _needed(drift, index, Aspect.LOCATION if is_numeric else Aspect.LARGEST, 1 if is_numeric else among)
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
    share = float(drift.components.missing_share[index])
    effect = _needed(drift, index, Aspect.MISSING, 1) * sd / float(np.sqrt(records))
    risen = float(np.sin(min(np.pi / 2, np.arcsin(np.sqrt(share)) + effect / 2)) ** 2)
    return 100 * max(GATE_MISSING, risen - share)
