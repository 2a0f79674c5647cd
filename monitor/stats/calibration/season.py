"""The daily and weekly course of a score, by harmonics, as far as the baseline covers it."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats

DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
MOST_HARMONICS = {DAY_MS: 11, WEEK_MS: 6}
"""The seventh harmonic of the week is the first of the day."""

CYCLES = 1.95
"""A period counts as covered when the baseline holds so many of its cycles."""

LEAST_WINDOWS_A_CYCLE = 6
HARMONICS_A_CYCLE = 1.5
WINDOWS_A_TERM = 3


@dataclass(frozen=True, slots=True)
class Season:
    """Periods (ms) with their numbers of harmonics; none: every hour is like every other."""

    harmonics: tuple[tuple[int, int], ...] = ()

    @classmethod
    def covered(cls, middles_ms: Floats, size_ms: int) -> "Season":
        """What windows with these middles (ascending) can tell; as many harmonics as they carry."""
        if len(middles_ms) < 2:
            return cls()
        span = float(middles_ms[-1] - middles_ms[0]) + size_ms
        found: list[tuple[int, int]] = []
        for period, limit in MOST_HARMONICS.items():
            if span < CYCLES * period or period < LEAST_WINDOWS_A_CYCLE * size_ms:
                continue
            most = min(limit, int((period / size_ms - 1) // 2), int(HARMONICS_A_CYCLE * span / period))
            terms = 1 + 2 * (sum(number for _, number in found) + most)
            if most and len(middles_ms) >= WINDOWS_A_TERM * terms:
                found.append((period, most))
        return cls(tuple(found))

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
