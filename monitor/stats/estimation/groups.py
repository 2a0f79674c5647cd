"""Coarse groups of a column that rows and counted windows have in common: they follow from its layout alone."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn, Rows
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.layouts import Layout, Profile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.texts import NOTHING, positions

CATEGORIES = 14
"""So many of a column's categories, the most frequent, are groups of their own; others, and unseen ones, are one."""

NO_VALUE = 0
"""The group of records without a usable value."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnGroups:
    """Groups of one column: `NO_VALUE`, then deciles of a number (and its heavy atoms), or the frequent categories."""

    layout: Layout

    @property
    def size(self) -> int:
        """Number of groups."""
        if isinstance(self.layout, NumericLayout):
            return 1 + len(self.layout.coarse_starts)
        return 2 + min(CATEGORIES, len(self.layout.categories))

    def of_rows(self, column: Column) -> Rows:
        """The group of every row."""
        match self.layout, column:
            case NumericLayout() as layout, NumericColumn():
                fine = np.searchsorted(layout.edges, column.values, side="right")
                group = np.searchsorted(layout.coarse_starts, fine, side="right")
                return np.where(np.isnan(column.values), NO_VALUE, group)
            case CategoricalLayout() as layout, CategoricalColumn():
                return positions(column.values, layout.categories[:CATEGORIES]) - NOTHING
            case _:
                return np.zeros(len(column), np.intp)

    def of_window(self, profile: Profile) -> Floats:
        """How many of a window's records fell into each group."""
        held = profile.coarse() if isinstance(profile, NumericProfile) else _of_categories(profile)
        return np.concatenate(([profile.n - profile.n_values], held)).astype(np.float64)


def _of_categories(profile: CategoricalProfile) -> Ints:
    frequent = profile.counts[:CATEGORIES]
    return np.concatenate(([profile.n_values - frequent.sum()], frequent)).astype(np.int64)
