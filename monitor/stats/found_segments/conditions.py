"""Conditions on one feature: a category, no value, or a range between the baseline's quantiles."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.stats.columns import CategoricalColumn, Column, Floats, Mask, NumericColumn
from monitor.stats.profiles.layouts import Layouts
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile

QUANTILES = (0.2, 0.4, 0.6, 0.8)
MOST_CATEGORIES = 20
"""So many categories of a feature are looked at, the most frequent of the window."""


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A slice by one feature; `text` is how people read it, `holds` says which records it holds of."""

    feature: str
    text: str
    holds: Mask


def quintiles(profile: NumericProfile) -> Floats:
    """The edges of the baseline's bins that lie nearest to its quintiles, each once; none of a constant column."""
    counts = profile.binned()
    edges = profile.layout.edges
    if not counts.sum() or len(edges) == 0:
        return np.empty(0)
    below = np.cumsum(counts)[:-1] / counts.sum()
    nearest = {int(np.argmin(np.abs(below - q))) for q in QUANTILES}
    return edges[sorted(k for k in nearest if 0.0 < below[k] < 1.0)]


def conditions_of(columns: Mapping[str, Column], cuts: Mapping[str, Floats], smallest: int) -> Iterator[Condition]:
    """Every condition that at least `smallest` records of the window fulfil, and as many do not.

    `cuts` are those of numeric features; one without any is left alone.
    """
    for feature, column in columns.items():
        made = _categories(feature, column) if isinstance(column, CategoricalColumn) else ()
        if isinstance(column, NumericColumn) and feature in cuts:
            made = _ranges(feature, column.values, cuts[feature])
        yield from (one for one in made if smallest <= int(one.holds.sum()) <= len(one.holds) - smallest)


def _categories(feature: str, column: CategoricalColumn) -> Iterator[Condition]:
    values = np.array([value if value is not None else "" for value in column.values], dtype=object)
    missing: Mask = np.array([value is None for value in column.values], dtype=np.bool_)
    seen = Counter(value for value in column.values if value is not None)
    for value, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:MOST_CATEGORIES]:
        yield Condition(feature, f"{feature}={value}", (values == value) & ~missing)
    yield Condition(feature, f"{feature} missing", missing)


def _ranges(feature: str, values: Floats, cuts: Floats) -> Iterator[Condition]:
    """Everything below each cut, from each cut on, between neighbours, and what has no value."""
    with np.errstate(invalid="ignore"):
        for cut in cuts:
            yield Condition(feature, f"{feature}<{cut:.4g}", values < cut)
            yield Condition(feature, f"{feature}>={cut:.4g}", values >= cut)
        for low, high in pairwise(cuts):
            yield Condition(feature, f"{low:.4g}<={feature}<{high:.4g}", (values >= low) & (values < high))
    yield Condition(feature, f"{feature} missing", np.isnan(values))


def numeric_cuts(profiles: Mapping[str, object], layouts: Layouts) -> dict[str, Floats]:
    """The cuts of every numeric column of a baseline."""
    return {
        name: quintiles(profile)
        for name, profile in profiles.items()
        if isinstance(profile, NumericProfile) and isinstance(layouts[name], NumericLayout)
    }
