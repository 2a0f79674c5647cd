"""A bounded number of the baseline's rows with truth, in coarse groups: what is reweighted to look like a window."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from monitor.domain.models import LATENCY, PREDICTION, SCORE
from monitor.stats.columns import Column, Floats, Ints, Rows
from monitor.stats.estimation.groups import ColumnGroups
from monitor.stats.estimation.raking import Raked, raked
from monitor.stats.profiles.layouts import Layouts
from monitor.stats.profiles.model import ModelProfile

MOST_ROWS = 5_000
"""So many rows are kept at most, at equal distances: a byte a column each."""


_OUTPUTS = {PREDICTION, SCORE}
"""They come last: what a feature explains is not put down to what the model made of it."""


class StoredRows(msgspec.Struct, array_like=True, frozen=True):
    """`SampledRows` in a baseline; one byte a row and column, column by column."""

    names: list[str]
    codes: bytes


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows:
    """The group of every row in each column, shape (columns, rows)."""

    names: tuple[str, ...]
    codes: Rows

    @classmethod
    def of(cls, columns: Mapping[str, Column], layouts: Layouts, rows: Rows) -> "SampledRows":
        """Code these rows; columns that say nothing of a record's contents are left out."""
        known = [name for name in layouts if name in columns and name != LATENCY]
        names = tuple(sorted(known, key=lambda name: (name in _OUTPUTS, name)))
        codes = [ColumnGroups(layouts[name]).of_rows(columns[name].take(rows)) for name in names]
        return cls(names, np.array(codes, np.intp).reshape(len(names), len(rows)))

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are no outputs."""
        return tuple(name for name in self.names if name not in _OUTPUTS)

    def like(self, profile: ModelProfile) -> Raked:
        """The rows weighted to look like the window of this profile."""
        return raked(list(self.codes), self.counts(profile))

    def counts(self, profile: ModelProfile) -> list[Floats]:
        """Records of the window in each group of each column."""
        return [ColumnGroups(profile.layouts[name]).of_window(profile.columns[name]) for name in self.names]

    def stored(self) -> StoredRows:
        """As it stands in a baseline."""
        return StoredRows(list(self.names), self.codes.astype(np.uint8).tobytes())

    @classmethod
    def restored(cls, stored: StoredRows) -> "SampledRows":
        """The inverse of `stored`."""
        codes = np.frombuffer(stored.codes, np.uint8).astype(np.intp)
        return cls(tuple(stored.names), codes.reshape(len(stored.names), -1) if stored.names else codes.reshape(0, 0))


def spread_rows(rows: Ints, most: int = MOST_ROWS) -> Ints:
    """At most so many of the rows, at equal distances."""
    return rows[:: max(1, -(-len(rows) // most))]
