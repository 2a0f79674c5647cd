"""Which sequential detectors will alarm more often than they say, because records are not as they assume."""

from datetime import timedelta

from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import MonitoredModel
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import model_drift
from monitor.stats.calibration.departures import Departure, departures
from monitor.stats.calibration.season import DAY_MS, WEEK_MS, YEAR_MS
from monitor.stats.calibration.windows import BaselineWindows

_ANY = AlarmBudget(1.0, timedelta(days=30))
"""What is usual does not hang on the budget."""

_PERIODS = {DAY_MS: "daily", WEEK_MS: "weekly", YEAR_MS: "yearly"}


def detector_doubts(model: MonitoredModel, baseline: Baseline) -> dict[str, str]:
    """By the names of the model's detectors, why their stated run length will not hold; only those with a reason.

    From the baseline's own windows: without event times nothing is known, and nothing said.
    """
    if not model.sequential or baseline.windows is None:
        return {}
    drift = model_drift(baseline, model.windows, _ANY)
    if drift is None:
        return {}
    found = departures(drift, BaselineWindows.restored(baseline.windows, baseline.whole))
    return {one.name: _words(one.column, found[one.column]) for one in model.sequential if one.column in found}


def _words(column: str, one: Departure) -> str:
    periods = " and ".join(_PERIODS[period] for period in one.periods_ms)
    season = f"{column} has a {periods} season, which moves it by up to {one.season:.2g} standard deviations"
    noise = f"windows of {column} differ by {one.noise:.2g} standard deviations more than independent records do"
    facts = ", and ".join(fact for fact, size in ((season, one.season), (noise, one.noise)) if size)
    return f"{facts}: it will alarm more often than stated; model_drift, of windows, allows for that"
