"""Quantiles of the latency of a window's requests, with intervals that assume no law."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from monitor.domain.findings import TestResult
from monitor.domain.models import LATENCY
from monitor.stats.columns import Ints
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.serving.metric import ServingWindow, column_of, lacking

UNIT = "milliseconds"
FASTEST_MS, SLOWEST_MS, GROWTH = 0.01, 1e7, 1.05
OUTSIDE = 0.025
"""Chance on either side that the interval misses the quantile."""


def latency_layout() -> NumericLayout:
    """Bins for latencies of which no training data tells: from 10 microseconds to 2.8 hours, 5 % wide."""
    steps = math.ceil(math.log(SLOWEST_MS / FASTEST_MS, GROWTH)) + 1
    edges = np.concatenate(([0.0], FASTEST_MS * GROWTH ** np.arange(steps)))
    nothing = math.nan
    coarse = np.arange(0, len(edges), 40)
    return NumericLayout(edges, coarse, float(edges[0]), float(edges[-1]), nothing, nothing, nothing, nothing)


def least_values(p: float) -> int:
    """From so many values on an order statistic bounds the quantile p (0.5 or above) from above with 97.5 %.

    >>> [least_values(p) for p in (0.5, 0.95, 0.99)]
    [6, 72, 368]
    """
    return math.ceil(math.log(OUTSIDE) / math.log(p))


def interval_ranks(n: int, p: float) -> tuple[int, int]:
    """Ranks, from 1, of the two of n values that have the quantile p between them with 95 % (Wilks 1948; David 1981).

    The number of values below the quantile is binomial, whatever their law: the interval covers at least as often.
    Below rank 1 or above n there is no such value.

    >>> interval_ranks(100, 0.5)
    (40, 61)
    """
    around, reach = n * p, 10 + 6 * math.sqrt(n * p * (1 - p))
    ks = np.arange(max(0, math.floor(around - reach)), min(n, math.ceil(around + reach)) + 1)
    below = special.bdtr(ks.astype(np.float64), n, p)
    return int(ks[np.searchsorted(below, OUTSIDE, side="right")]), int(ks[np.searchsorted(below, 1 - OUTSIDE)]) + 1


def quantile_of(profile: NumericProfile, p: float, least: int) -> TestResult:
    """The quantile p of the finite values; the interval runs to the far edges of the bins that hold its ranks."""
    cumulative: Ints = profile.counts.cumsum()
    n = int(cumulative[-1])
    aside = profile.neg_inf + profile.pos_inf + profile.invalid
    if n < least:
        return lacking(f"{n:,} value{'' if n == 1 else 's'} in the window, an interval takes at least {least:,}", n)
    first, last = interval_ranks(n, p)
    value, low, high = (_value_at(profile, cumulative, rank) for rank in (1 + p * (n - 1), first, last))
    return TestResult(
        value[1], None, n, n, low[0], high[2], {"ranks": [first, last], "missing": profile.missing, "aside": aside}
    )


def _value_at(profile: NumericProfile, cumulative: Ints, rank: float) -> tuple[float, float, float]:
    """Lower end of the bin that holds a rank, the value there if those of a bin are evenly spread, its upper end."""
    k = int(np.searchsorted(cumulative, min(rank, float(cumulative[-1]))))
    edges = profile.layout.edges
    lower = max(profile.min, float(edges[k - 1])) if k else profile.min
    upper = min(profile.max, float(edges[k])) if k < len(edges) else profile.max
    inside = (rank - (int(cumulative[k - 1]) if k else 0) - 0.5) / int(profile.counts[k])
    return lower, lower + (upper - lower) * min(1.0, max(0.0, inside)), upper


def _latency(window: ServingWindow, column: str, p: float, least: int) -> TestResult:
    profile = column_of(window, column)
    if profile is None:
        why = f"the baseline has no place to count {column!r}: build one now that a check asks for it"
        return lacking(why, window.records)
    if not isinstance(profile, NumericProfile):
        return lacking(f"{column} holds categories in the baseline, and a latency is a number", window.records)
    return quantile_of(profile, p, least)


class _Quantile:
    """What the metrics below share."""

    __slots__ = ()
    unit: ClassVar[str] = UNIT
    higher_is_better: ClassVar[bool] = False
    column: ClassVar[str] = LATENCY
    p: ClassVar[float]
    least: ClassVar[int]

    def run(self, window: ServingWindow, column: str) -> TestResult:
        """The quantile of the column."""
        return _latency(window, column, self.p, self.least)


@dataclass(frozen=True, slots=True)
class LatencyP50(_Quantile):
    """The median of the latencies: half of the requests were faster. 0 and more; interval by order statistics.

    Values are counted in bins, evenly spread inside one (`numpy.quantile` on them); the 95 % interval is the one of
    order statistics (Wilks 1948), which assumes no law, widened to the edges of their bins. Unit: milliseconds, or that
    of the column that the check names. From 6 values on.
    """

    name: ClassVar[str] = "latency_p50"
    title: ClassVar[str] = "Median latency"
    p: ClassVar[float] = 0.5
    least: ClassVar[int] = least_values(p)


@dataclass(frozen=True, slots=True)
class LatencyP95(_Quantile):
    """The latency that 95 % of the requests did not exceed. 0 and more; interval by order statistics.

    As `latency_p50`. Unit: milliseconds, or that of the column that the check names. From 72 values on: of fewer no
    order statistic bounds it from above (Wilks 1948).
    """

    name: ClassVar[str] = "latency_p95"
    title: ClassVar[str] = "95 % quantile of the latency"
    p: ClassVar[float] = 0.95
    least: ClassVar[int] = least_values(p)


@dataclass(frozen=True, slots=True)
class LatencyP99(_Quantile):
    """The latency that 99 % of the requests did not exceed. 0 and more; interval by order statistics.

    As `latency_p50`. Unit: milliseconds, or that of the column that the check names. From 368 values on: of fewer no
    order statistic bounds it from above (Wilks 1948).
    """

    name: ClassVar[str] = "latency_p99"
    title: ClassVar[str] = "99 % quantile of the latency"
    p: ClassVar[float] = 0.99
    least: ClassVar[int] = least_values(p)
