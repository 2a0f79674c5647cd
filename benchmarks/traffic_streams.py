"""Streams of rows in which nothing changes, and changes to plant in them: hourly windows of 20 numbers, 5 categories.

Every column is a function of one latent normal variable, so that dependence and season are planted in one place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import special
from scipy.signal import lfilter

from monitor.stats.columns import CategoricalColumn, Column, Floats, NumericColumn

HOUR_MS = 3_600_000
NUMERIC = tuple(f"num_{index:02d}" for index in range(20))
LEVELS = {"cat_0": 2, "cat_1": 4, "cat_2": 8, "cat_3": 20, "cat_4": 200}
COLUMNS = (*NUMERIC, *LEVELS)
NULLS = ("iid", "ar1", "batch", "season")
PHI = 0.9
"""Correlation of a row with the one before it, where rows depend on each other."""

BATCH_SD = 0.05
"""Standard deviation of what differs from window to window, where batches do."""

MISSING = 0.02
_WITH_MISSING = 3

Latent = Callable[[Floats, int], Floats]
"""Takes the latent rows of a window and the number of windows since the change; returns them changed."""


@dataclass(frozen=True)
class Change:
    """What is changed in one column from some window on, in the latent variable or in the finished rows."""

    column: str
    latent: Latent | None = None
    missing: float = 0.0
    new_category: float = 0.0


def _moved(by: Callable[[int], float]) -> Latent:
    return lambda rows, since: rows + by(since)


CHANGES = {
    "mean +0.10 sd": Change("num_00", _moved(lambda _: 0.10)),
    "mean +0.25 sd": Change("num_00", _moved(lambda _: 0.25)),
    "mean +0.50 sd": Change("num_00", _moved(lambda _: 0.50)),
    "variance x1.3": Change("num_00", lambda rows, _: rows * np.sqrt(1.3)),
    "ramp to 0.5 sd": Change("num_00", _moved(lambda since: 0.5 * min(1.0, (since + 1) / 20))),
    "category +5 points": Change("cat_1", _moved(lambda _: 0.145)),
    "missing +5 points": Change("num_00", missing=0.05),
    "new category 2 %": Change("cat_1", new_category=0.02),
}


@dataclass
class Stream:
    """Endless windows of one null; the same seed gives the same rows."""

    null: str
    rows: int
    seed: int
    _windows: int = 0
    _last: Floats = field(default_factory=lambda: np.zeros(len(COLUMNS)))

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, self.rows, NULLS.index(self.null)])
        self._amplitude = self._rng.uniform(0.1, 0.5, len(COLUMNS))
        self._phase = self._rng.uniform(0, 2 * np.pi, len(COLUMNS))
        self._last = self._rng.standard_normal(len(COLUMNS))

    def windows(self, number: int, change: Change | None = None) -> Iterator[tuple[int, dict[str, Column]]]:
        """(start in ms, columns) of the next windows, changed from the first of them on."""
        for since in range(number):
            latent = self._latent()
            if change is not None and change.latent is not None:
                where = COLUMNS.index(change.column)
                latent[:, where] = change.latent(latent[:, where], since)
            yield self._windows * HOUR_MS, self._finished(latent, change)
            self._windows += 1

    def _latent(self) -> Floats:
        fresh = self._rng.standard_normal((self.rows, len(COLUMNS)))
        if self.null == "ar1":
            rows, _ = lfilter([np.sqrt(1 - PHI**2)], [1, -PHI], fresh, axis=0, zi=PHI * self._last[np.newaxis])
            self._last = rows[-1]
            found: Floats = rows
            return found
        if self.null == "batch":
            return fresh + BATCH_SD * self._rng.standard_normal(len(COLUMNS))
        if self.null == "season":
            hours = self._windows + np.arange(self.rows) / self.rows
            return fresh + self._amplitude * np.sin(2 * np.pi * hours[:, np.newaxis] / 24 + self._phase)
        return fresh

    def _finished(self, latent: Floats, change: Change | None) -> dict[str, Column]:
        finished: dict[str, Column] = {}
        for index, name in enumerate(NUMERIC):
            values = _marginal(index, latent[:, index])
            missing = MISSING * (index < _WITH_MISSING)
            missing += change.missing if change is not None and change.column == name else 0.0
            if missing:
                values[self._rng.random(self.rows) < missing] = np.nan
            finished[name] = NumericColumn(values)
        for index, (name, levels) in enumerate(LEVELS.items()):
            drawn = _NAMES[levels][_CUTS[levels].searchsorted(special.ndtr(latent[:, len(NUMERIC) + index]))]
            if change is not None and change.column == name and change.new_category:
                drawn = np.where(self._rng.random(self.rows) < change.new_category, "never seen", drawn)
            finished[name] = CategoricalColumn(drawn.tolist())
        return finished


def _marginal(index: int, latent: Floats) -> Floats:
    if index < 10:
        return latent.copy()
    shapes = (
        np.exp,
        lambda x: np.rint(4 + 2 * x),
        lambda x: x**3,
        lambda x: np.maximum(x, 0.0),
        lambda x: np.exp(2 * x),
    )
    found: Floats = shapes[index % 5](latent)
    return found


def _cuts(levels: int) -> Floats:
    """Upper ends of the levels' shares, which fall as one over the rank."""
    shares = 1 / np.arange(1, levels + 1)
    return np.cumsum(shares / shares.sum())[:-1]


def shares(levels: int, moved: float = 0.0) -> Floats:
    """Share of each level of a categorical column whose latent variable has moved by so many standard deviations."""
    edges: Floats = special.ndtri(np.concatenate([[0.0], _cuts(levels), [1.0]]))
    moved_shares: Floats = np.diff(special.ndtr(edges - moved))
    return moved_shares


_CUTS = {levels: _cuts(levels) for levels in LEVELS.values()}
_NAMES = {levels: np.array([f"level {index:03d}" for index in range(levels)]) for levels in LEVELS.values()}
