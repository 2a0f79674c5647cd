"""Where a baseline's own windows contradict those who take its records for independent and every hour for alike."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.components import Components
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.sudden import GATE
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Floats, Ints

_ALPHA = 1e-3


@dataclass(frozen=True, slots=True)
class Departure:
    """How one column departs from independent records of one law, in standard deviations of it (of shares, Cohen's h).

    `season` is how far its course over day, week or year takes it from its mean at most, `noise` by how much windows
    differ beside that and beyond chance; both 0 where that is less than matters (0.05) or may be chance (p > 0.001).
    `periods_ms` are those of the season.
    """

    season: float
    periods_ms: tuple[int, ...]
    noise: float


def departures(drift: ModelDrift, windows: BaselineWindows) -> dict[str, Departure]:
    """Of the columns that depart from it, by name; none where theory stands in for the baseline's windows."""
    components, calibration = drift.components, drift.calibration
    if not calibration.is_measured:
        return {}
    season, noise = _season(drift, windows), _noise(drift)
    found = {}
    for index, name in enumerate(components.grouping.columns):
        mine = _of_column(components, index)
        swing, between = (float(one[mine].max(initial=0.0)) for one in (season, noise))
        if swing or between:
            periods = tuple(period for period, _ in calibration.season.harmonics) if swing else ()
            found[name] = Departure(swing, periods, between)
    return found


def _of_column(components: Components, index: int) -> Ints:
    return np.flatnonzero((components.column == index) & ~components.is_missing)


def _season(drift: ModelDrift, windows: BaselineWindows) -> Floats:
    """The largest distance of each component's course from its mean, at the times that the baseline has."""
    course = drift.calibration.expected(windows.middles_ms).course
    swing = np.abs(course - course.mean(axis=0)).max(axis=0)
    return np.where(drift.calibration.seasonal & (swing >= GATE), swing, 0.0)


def _noise(drift: ModelDrift) -> Floats:
    calibration = drift.calibration
    between = np.sqrt(np.maximum(calibration.variance - 1, 0.0) / calibration.usual_records)
    df = np.where(np.isfinite(calibration.df), calibration.df, 1.0)
    chance = np.where(np.isfinite(calibration.df), special.chdtrc(df, calibration.variance * df), 1.0)
    return np.where((chance * len(chance) < _ALPHA) & (between >= GATE), between, 0.0)
