"""The error of a naive forecast: learned from training rows, and handed to the checks that are scaled by it."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from monitor.domain.time import duration_ms, format_duration
from monitor.stats.naive_forecast import LEAST_PAIRS, seasonal_naive_error
from monitor.stats.performance.forecasting import ScaledError
from monitor.usecases.model_checks import MetricCheck
from monitor.usecases.training_columns import TrainingColumns, TrainingOptions


def learn_naive_error(read: TrainingColumns, options: TrainingOptions) -> tuple[float | None, tuple[str, ...]]:
    """In the unit of the target, and a sentence about it; nothing where no season is named."""
    if options.season is None:
        return None, ()
    season = format_duration(options.season)
    if read.times_ms is None or read.truth is None:
        why = "that takes event times and truths: name training.event_time and training.target"
        return None, (f"the naive error of a season of {season} is not known: {why}",)
    truth = np.array([_number(text) for text in read.truth], dtype=np.float64)
    series = read.series or (None,) * len(truth)
    error = seasonal_naive_error(read.times_ms, truth, series, duration_ms(options.season))
    if error is None:
        why = f"fewer than {LEAST_PAIRS} truths have another one exactly a season before, or they are all equal"
        return None, (f"the naive error of a season of {season} is not known: {why}",)
    return error, (f"saying what was true {season} before is off by {error:.4g}: `mase` is scaled by it",)


def scaled(checks: Iterable[MetricCheck], error: float | None) -> list[MetricCheck]:
    """The checks, those that are scaled by a naive error with that of the baseline, unless they name their own."""
    return [_scaled(one, error) for one in checks] if error else list(checks)


def _scaled(one: MetricCheck, error: float) -> MetricCheck:
    metric = one.metric
    return (
        replace(one, metric=replace(metric, scale=error))
        if isinstance(metric, ScaledError) and _lacks_scale(one)
        else one
    )


def asks_for_scale(checks: Iterable[MetricCheck]) -> bool:
    """Whether any of them needs what a baseline knows."""
    return any(map(_lacks_scale, checks))


def _lacks_scale(one: MetricCheck) -> bool:
    return isinstance(one.metric, ScaledError) and not one.metric.scale


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")
