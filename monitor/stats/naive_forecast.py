"""How far off it is to say what was true a season before: what forecasts are measured against."""

from collections.abc import Sequence

import numpy as np

from monitor.stats.columns import Floats, Ints

LEAST_PAIRS = 10
"""Fewer truths with one a season before tell no error."""


def seasonal_naive_error(times_ms: Ints, truth: Floats, series: Sequence[str | None], season_ms: int) -> float | None:
    """Mean |truth - truth a season before| over all series, in the unit of the target (Hyndman & Koehler 2006).

    Of several truths of a series at one instant the last holds. None with fewer than `LEAST_PAIRS` pairs, or where the
    naive forecast is never wrong, which nothing can be measured against.

    >>> seasonal_naive_error(np.arange(24) * 10, np.tile([1.0, 3.0], 12), ["a"] * 24, 10)
    2.0
    """
    known = {
        (name, at): value
        for name, at, value in zip(series, times_ms.tolist(), truth.tolist(), strict=True)
        if np.isfinite(value)
    }
    pairs = ((value, known.get((name, at - season_ms))) for (name, at), value in known.items())
    errors = [abs(value - before) for value, before in pairs if before is not None]
    error = float(np.mean(errors)) if len(errors) >= LEAST_PAIRS else 0.0
    return error if 0.0 < error < float("inf") else None
