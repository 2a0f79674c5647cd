"""The daily, weekly and yearly course of a score, by harmonics, as far as the baseline covers it."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats

DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
YEAR_MS = 31_556_952_000
"""Of 365.2425 days, the calendar's mean."""

MOST_HARMONICS = {DAY_MS: 11, WEEK_MS: 6, YEAR_MS: 3}
"""The seventh harmonic of the week is the first of the day; a year has its quarters, and what is shorter is weather."""

CYCLES = 1.95
"""A period counts as covered when the baseline holds so many of its cycles."""

LEAST_OF_A_YEAR = 0.5
"""Fewer years show too little of its course for anybody to expect it known."""

LEAST_WINDOWS_A_CYCLE = 6
HARMONICS_A_CYCLE = 1.5
WINDOWS_A_TERM = 3


@dataclass(frozen=True, slots=True)
class Season:
    """Periods (ms) with their numbers of harmonics; none: every hour is like every other."""

    harmonics: tuple[tuple[int, int], ...] = ()

    def with_period(self, period_ms: int, middles_ms: Floats, size_ms: int) -> "Season":
        """With this period, too, in as many harmonics as windows with these middles carry; the same if they do not."""
        span = float(middles_ms[-1] - middles_ms[0]) + size_ms
        if span < CYCLES * period_ms or period_ms < LEAST_WINDOWS_A_CYCLE * size_ms:
            return self
        most = min(MOST_HARMONICS[period_ms], int((period_ms / size_ms - 1) // 2))
        most = min(most, int(HARMONICS_A_CYCLE * span / period_ms))
        wider = Season((*self.harmonics, (period_ms, most)))
        return wider if most and len(middles_ms) >= WINDOWS_A_TERM * wider.terms else self

    @property
    def terms(self) -> int:
        """Number of columns of `design`."""
        return 1 + 2 * sum(number for _, number in self.harmonics)

    def design(self, middles_ms: Floats) -> Floats:
        """A constant, then sine and cosine of every harmonic, shape (w, terms)."""
        parts = [np.ones((len(middles_ms), 1))]
        for period, number in self.harmonics:
            phase = 2 * np.pi * np.mod(middles_ms, period)[:, np.newaxis] / period * np.arange(1, number + 1)
            parts += [np.sin(phase), np.cos(phase)]
        return np.concatenate(parts, axis=1)


def unknown_year(span_ms: int) -> str:
    """What to say of windows that have seen enough of a year to have its course, and too little to know it.

    >>> unknown_year(YEAR_MS * 3 // 2)
    'the rows cover 1.5 years: a course over the year is known from 2 on, and looks like drift until then'
    """
    years = span_ms / YEAR_MS
    if not LEAST_OF_A_YEAR <= years < CYCLES:
        return ""
    known = f"a course over the year is known from {CYCLES:.0f} on, and looks like drift until then"
    return f"the rows cover {years:.1f} years: {known}"
