"""A baseline and an alarm budget make the judge of a whole model."""

from monitor.domain.budgets import AlarmBudget
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.model_drift import ModelDrift
from monitor.stats.calibration.windows import BaselineWindows


def model_drift(baseline: Baseline, spec: WindowSpec, budget: AlarmBudget) -> ModelDrift | None:
    """Calibrated on the baseline's own windows, or by theory where it has none; None when no column has a value."""
    windows = None if baseline.windows is None else BaselineWindows.restored(baseline.windows, baseline.whole)
    drift = ModelDrift.of(baseline.whole, windows, spec, budget)
    return drift if drift.components.grouping.columns else None
