"""Counts too small for a normal score, added up over the last windows: missing values, and values beyond what was seen.

A rare category that becomes a little less rare shows in no window by itself, nor in a score that a few hits make: what
the last windows counted together is compared with what they would have counted (`RareLaw`), the error of the baseline's
own few hits included. That is one error for all windows, so no rate that it hides is ever added up.

Of categories that no window of the baseline had, and whose records depend on each other, the hits of a window may all
be one cluster, of whatever size: there the windows that have some are counted, too (`NewInWindows`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.calibration.calibration import SUMMED, Calibration
from monitor.stats.calibration.components import Components
from monitor.stats.calibration.counts import Counts, Hits, offsets
from monitor.stats.calibration.new_in_windows import NewInWindows
from monitor.stats.calibration.rare import Rare, RareLaw
from monitor.stats.calibration.sudden import GATE_BEYOND, LEAST_HITS
from monitor.stats.columns import Floats, Ints, Mask

EARLIER = max(SUMMED) - 1
"""So many windows before the present one are remembered."""

MOST_EXPECTED = 50.0
"""What a usual window counts more often is not counted over windows: what matters of it shows in a window."""

_SPANS = np.array(SUMMED)
_LEAST_P = 1e-86
_LEAST_SQUARE = 2.5**2
"""Less than so many standard deviations of independent hits are not looked at: that saves most of the work."""

_LEAST_OF_REST = 1.5
"""So many standard deviations must be left without the window that has most of the hits."""

_MOST_HITS = 255
"""A byte holds no more; a window that has them shows it by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class RareCounts:
    """What the latest windows counted, newest first.

    `hits` (windows, 2, columns) are values beyond, then missing ones; `records` and `starts_ms` (windows, models) those
    of each window, no records where there was none. `rarity` (2, columns) is -log p of what they add up to, in steps.
    """

    hits: Hits
    records: Ints
    starts_ms: Ints
    rarity: Ints

    @classmethod
    def nothing(cls, columns: int) -> "RareCounts":
        """Of one model, before its first window."""
        none = np.zeros((EARLIER, 1), np.int64)
        return cls(np.zeros((EARLIER, 2, columns), np.uint8), none, none, np.zeros((2, columns), np.int64))

    @staticmethod
    def size_bytes(columns: int) -> int:
        """How many `to_bytes` gives for a model of so many columns."""
        return (EARLIER + 2) * 2 * columns + 2 * 8 * EARLIER

    def to_bytes(self) -> bytes:
        """As stored; of one model."""
        times = (part.astype("<i8", copy=False).tobytes() for part in (self.records, self.starts_ms))
        return b"".join((*times, self.rarity.astype("<i2").tobytes(), self.hits.tobytes()))

    @classmethod
    def from_bytes(cls, data: bytes, columns: int) -> "RareCounts":
        """What `to_bytes` gave."""
        times = np.frombuffer(data, "<i8", 2 * EARLIER).astype(np.int64, copy=False).reshape(2, EARLIER, 1)
        rarity = np.frombuffer(data, "<i2", 2 * columns, 16 * EARLIER).astype(np.int64)
        hits = np.frombuffer(data, np.uint8, offset=16 * EARLIER + 4 * columns)
        return cls(hits.reshape(EARLIER, 2, columns), times[0], times[1], rarity.reshape(2, columns))

    @classmethod
    def joined(cls, parts: "Sequence[RareCounts]") -> "RareCounts":
        """Of all columns of several models."""
        return cls(
            np.concatenate([part.hits for part in parts], axis=2),
            np.concatenate([part.records for part in parts], axis=1),
            np.concatenate([part.starts_ms for part in parts], axis=1),
            np.concatenate([part.rarity for part in parts], axis=1),
        )

    def apart(self, columns: Sequence[slice]) -> "Iterator[RareCounts]":
        """Those of models that have these columns each."""
        for model, mine in enumerate(columns):
            one = slice(model, model + 1)
            yield RareCounts(self.hits[:, :, mine], self.records[:, one], self.starts_ms[:, one], self.rarity[:, mine])


@dataclass(frozen=True, slots=True, eq=False)
class RareSums:
    """What is usual in counts over windows: `model_of` and `usual_records` have shape (columns,).

    `share` (2, columns) of the records are expected; `law` (spans, 2, columns) says how sums over the spans vary.
    What is not `is_watched` (2, columns) is often enough for a score, or for a window by itself. `first_columns`
    (models,) are those of each model. `new` counts the windows that have values beyond.
    """

    model_of: Ints
    first_columns: Ints
    usual_records: Floats
    share: Floats
    law: RareLaw
    is_watched: Mask
    new: NewInWindows

    @classmethod
    def of(cls, components: Components, calibration: Calibration) -> "RareSums":
        """Of one model."""
        rare = Rare.of(components, calibration)
        share = np.stack((rare.beyond_share, components.missing_share))
        error = np.stack((rare.beyond.error, rare.missing.error))
        is_rare = share * calibration.usual_records <= MOST_EXPECTED
        of_sums = calibration.rare_of_sums / np.stack((rare.narrowed, np.ones_like(rare.narrowed)))
        return cls(
            rare.model_of,
            np.zeros(1, np.int64),
            rare.usual_records,
            share,
            RareLaw(of_sums, np.broadcast_to(error, of_sums.shape)),
            is_rare & np.stack((np.ones_like(rare.is_often_missing), ~rare.is_often_missing)),
            NewInWindows.of(components, calibration),
        )

    @classmethod
    def joined(cls, parts: "Sequence[RareSums]") -> "RareSums":
        """Of all columns of several models."""
        columns = [len(part.model_of) for part in parts]
        return cls(
            np.repeat(np.arange(len(parts)), columns),
            np.array(offsets(columns)),
            np.concatenate([part.usual_records for part in parts]),
            np.concatenate([part.share for part in parts], axis=1),
            RareLaw.joined([part.law for part in parts]),
            np.concatenate([part.is_watched for part in parts], axis=1),
            NewInWindows.joined([part.new for part in parts]),
        )

    def advance(self, state: RareCounts, counts: Counts, start_ms: Ints, step: float) -> RareCounts:
        """Add one window, given as the only one of `counts`; `start_ms` (columns,) is where it begins."""
        seen = np.minimum(np.stack((counts.beyond[0], counts.missing[0])), _MOST_HITS).astype(np.uint8)
        hits = np.concatenate((seen[np.newaxis], state.hits))
        records = np.concatenate((counts.records.astype(np.int64), state.records))
        starts_ms = np.concatenate((start_ms[np.newaxis, self.first_columns], state.starts_ms[:-1]))
        rarity = np.rint(self._rarity(hits, records) * step).astype(np.int64)
        return RareCounts(hits[:-1], records[:-1], starts_ms, rarity)

    def _rarity(self, hits: Hits, records: Ints) -> Floats:
        """-log p, shape (2, columns), corrected for the number of spans.

        0 where the rise is too small to matter, or would hardly be one without the window that shows most of it.
        """
        told, seen = _sums(hits), _sums(records)[:, np.newaxis, self.model_of]
        expected = self.share * seen
        more = told - expected
        is_large = (told >= LEAST_HITS) & (more >= GATE_BEYOND * seen) & self.is_watched
        large = np.nonzero(is_large & (more * more >= _LEAST_SQUARE * expected))
        rarity = np.zeros(self.share.shape)
        if len(large[0]):
            found = self._of_large(hits, records, large, told[large], expected[large])
            np.maximum.at(rarity, large[1:], found)
            self.new.raise_to(rarity[0], hits[:, 0], records[:, self.model_of], is_large[:, 0])
        return rarity

    def _of_large(self, hits: Hits, records: Ints, large: tuple[Ints, ...], told: Floats, expected: Floats) -> Floats:
        """Rarities of sums at these places, (spans, 2, columns), of which so many hits are `told` and `expected`."""
        span, kind, column = large
        model, latest = self.model_of[column], np.arange(max(SUMMED))[:, np.newaxis] < _SPANS[span]
        of_each = np.where(latest, records[:, model], 0)
        seen, windows = of_each.sum(axis=0, dtype=np.float64), (of_each > 0).sum(axis=0)
        others = 1 - 1 / windows
        expected_of_rest = expected * others  # what one window makes is not added up: the rest must show it, too
        rest = told - np.where(latest, hits[:, kind, column], 0).max(axis=0) - expected_of_rest
        is_told = rest > np.maximum(GATE_BEYOND * seen * others, _LEAST_OF_REST * np.sqrt(expected_of_rest))
        size = np.minimum(seen / self.usual_records[column], windows) / _SPANS[span]  # of fewer each counts for more
        law = RareLaw(self.law.dispersion[large], self.law.error[large])
        p = law.p_value(told, expected, size, is_told)
        tests = len(SUMMED) * np.where(kind == 0, self.new.tests[column], 1)
        found: Floats = -np.log(np.clip(p * tests, _LEAST_P, 1.0))
        return found

    def since_ms(self, state: RareCounts) -> Ints:
        """The start of the latest windows that tell most of a rise, by their likelihood; shape (2, columns)."""
        told = state.hits.cumsum(axis=0, dtype=np.float64)
        expected = self.share * state.records.cumsum(axis=0)[:, np.newaxis, self.model_of]
        ratio = np.log(np.maximum(told, 0.5) / np.maximum(expected, 1e-12))
        evidence = np.where(told > expected, told * ratio - (told - expected), 0.0)
        found: Ints = state.starts_ms[evidence.argmax(axis=0), self.model_of]
        return found

    def is_shown(self, state: RareCounts, deviations: float) -> Mask:
        """Whether the newest window by itself is so many standard deviations above what is expected; (2, columns)."""
        expected = self.share * state.records[0, self.model_of]
        found: Mask = state.hits[0] - expected >= deviations * np.sqrt(np.maximum(expected, 1e-12))
        return found


def _sums(of_each: Hits | Ints) -> Floats:
    """Over the spans, the first axis."""
    values = of_each.astype(np.float64)  # sums of bytes are slow
    return np.stack([values[:span].sum(axis=0) for span in SUMMED])
