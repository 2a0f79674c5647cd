"""The baseline's own windows: what its training data looked like, hour by hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import numpy as np

from monitor.domain.time import format_duration
from monitor.stats.calibration.counts import Counts, Grouping
from monitor.stats.columns import Column, Floats, Ints, Mask
from monitor.stats.profiles.model import ModelProfile

LEAST_RECORDS = 50
"""A window with fewer records is left out: it tells little, and its scores are not normal."""

LEAST_OF_SEGMENT = 20
"""The same for a segment, where most evidence is added up and little said at once."""

NO_TIME = np.iinfo(np.int64).min
"""The event time of a row that has none."""

MOST_WINDOWS = 2_000
"""Of more, the last so many are kept."""


class StoredWindows(msgspec.Struct, array_like=True, frozen=True):
    """`BaselineWindows` as stored: one row a window of records, groups, missing and beyond, as little-endian integers.

    Each has `width` bytes; the lowest bytes of all come first.
    """

    size_ms: int
    usual_records: int
    starts_ms: bytes
    width: int
    counts: bytes

    @property
    def number(self) -> int:
        """How many windows."""
        return len(self.starts_ms) // 8

    @property
    def span_ms(self) -> int:
        """From where the first begins to where the last ends."""
        starts = np.frombuffer(self.starts_ms, "<i8")
        return int(starts[-1] - starts[0]) + self.size_ms if len(starts) else 0

    @property
    def left_out(self) -> int:
        """How many windows between the first and the last are not there, because they have too few records."""
        starts = np.frombuffer(self.starts_ms, "<i8")
        return int((starts[-1] - starts[0]) // self.size_ms) + 1 - len(starts) if len(starts) else 0

    def describe(self) -> dict[str, object]:
        """JSON-able summary: how many windows of which length, their usual number of records, and those left out."""
        size = format_duration(timedelta(milliseconds=self.size_ms))
        own = {"windows": self.number, "size": size, "usual_records": self.usual_records}
        return own | ({"left_out": self.left_out} if self.left_out else {})


@dataclass(frozen=True, slots=True, eq=False)
class BaselineWindows:
    """Counts of consecutive windows of `size_ms` that start at `starts_ms` (ascending), in the groups of a baseline.

    `usual_records` is the median number of records in a window: with the baseline's counts it fixes the groups.
    """

    size_ms: int
    usual_records: int
    starts_ms: Ints
    counts: Counts

    @classmethod
    def of(
        cls,
        whole: ModelProfile,
        columns: Mapping[str, Column],
        times_ms: Ints,
        size_ms: int,
        least: int = LEAST_RECORDS,
    ) -> "BaselineWindows | None":
        """Cut training rows into windows by their event times; None when no window has `least` rows.

        The first and the last window are left out when they have less than half of the usual records: the training data
        begins and ends within them.
        """
        order = np.argsort(times_ms, kind="stable")
        order = order[times_ms[order] != NO_TIME]
        ids, firsts, sizes = np.unique(times_ms[order] // size_ms, return_index=True, return_counts=True)
        kept = np.flatnonzero(_are_whole(sizes, least))[-MOST_WINDOWS:]
        if not len(kept):
            return None
        usual = int(np.median(sizes[kept]))
        grouping = Grouping.of(whole, usual)
        parts = []
        for one in kept.tolist():
            rows = order[firsts[one] : firsts[one] + sizes[one]]
            profile = ModelProfile.empty(whole.layouts)
            profile.update({name: column.take(rows) for name, column in columns.items()}, len(rows))
            parts.append(grouping.count(profile.block[np.newaxis]))
        return cls(size_ms, usual, ids[kept] * size_ms, _joined(parts))

    @property
    def middles_ms(self) -> Floats:
        """Middles of the windows, in ms since the epoch."""
        return self.starts_ms.astype(np.float64) + self.size_ms / 2

    def merged(self, size_ms: int) -> "BaselineWindows | None":
        """The same in windows so many times as long; None when it is no multiple, or a window would have a gap."""
        times, rest = divmod(size_ms, self.size_ms)
        if rest:
            return None
        ids, firsts, sizes = np.unique(self.starts_ms // size_ms, return_index=True, return_counts=True)
        whole = sizes == times
        if not whole.any():
            return None
        rows = firsts[whole][:, np.newaxis] + np.arange(times)
        c = self.counts
        summed = (part[rows].sum(axis=1) for part in (c.records, c.groups, c.values, c.missing, c.beyond))
        return BaselineWindows(size_ms, self.usual_records, ids[whole] * size_ms, Counts(*summed))

    def stored(self) -> StoredWindows:
        """As stored in a baseline; equal windows give equal bytes on every machine."""
        c = self.counts
        matrix = np.concatenate((c.records, c.groups, c.missing, c.beyond), axis=1).astype("<i8")
        width = max(1, (int(matrix.max(initial=0)).bit_length() + 7) // 8)
        planes = np.ascontiguousarray(matrix).view(np.uint8).reshape(-1, 8)[:, :width].T
        starts = self.starts_ms.astype("<i8").tobytes()
        return StoredWindows(self.size_ms, self.usual_records, starts, width, planes.tobytes())

    @classmethod
    def restored(cls, stored: StoredWindows, whole: ModelProfile) -> "BaselineWindows":
        """The windows that `stored` wrote, of the baseline with this profile."""
        grouping = Grouping.of(whole, stored.usual_records)
        starts = np.frombuffer(stored.starts_ms, "<i8").astype(np.int64)
        planes = np.frombuffer(stored.counts, np.uint8).reshape(stored.width, -1)
        wide = np.zeros((planes.shape[1], 8), np.uint8)
        wide[:, : stored.width] = planes.T
        matrix = wide.view("<i8").reshape(len(starts), -1).astype(np.float64)
        groups, width = len(grouping.column_of), len(grouping.columns)
        records, of_groups, missing, beyond = np.split(matrix, [1, 1 + groups, 1 + groups + width], axis=1)
        counts = Counts(records, of_groups, grouping.sums(of_groups), missing, beyond)
        return cls(stored.size_ms, stored.usual_records, starts, counts)


def _are_whole(sizes: Ints, least: int) -> Mask:
    found = sizes >= least
    usual = np.median(sizes[found]) if found.any() else 0
    for end in (0, -1):
        found[end : len(sizes) if end else 1] &= sizes[end] >= usual / 2
    return found


def _joined(parts: list[Counts]) -> Counts:
    names = ("records", "groups", "values", "missing", "beyond")
    return Counts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
