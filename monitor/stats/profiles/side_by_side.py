"""The groups of many columns of two models in one array: comparing them costs a few operations, whatever their number.

The numbers are those of `comparable`, which does the same for one column. What depends on the layouts alone, places in
the array of counters, is worked out once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import Ints, Mask
from monitor.stats.profiles import categorical, numeric
from monitor.stats.profiles.comparable import MIN_EXPECTED
from monitor.stats.profiles.layouts import Layouts
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout

T = TypeVar("T")
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """Counts per group, shape (2, groups of all columns): the baseline's, the window's. No group is empty in both.

    The groups of the k-th column are [bounds[k], bounds[k + 1]), and `sizes[:, k]` are its numbers of values. Numeric
    columns come first: the k-th is the one at `order[k]` of the names that were given.
    """

    counts: Ints
    bounds: Ints
    sizes: Ints
    order: list[int]

    def in_given_order(self, results: Iterable[T]) -> list[T]:
        """One result a column, put back into the order of the names."""
        found = dict(zip(self.order, results, strict=True))
        return [found[place] for place in range(len(found))]


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Stretches of an array that are not empty and do not overlap; `starts` are for `reduceat`, a gap behind each."""

    starts: Ints
    places: Ints

    @classmethod
    def of(cls, bounds: Ints, end: int) -> "_Spans":
        """From rows [start, stop) in any order."""
        order = bounds[:, 0].argsort()
        starts = bounds[order].ravel()
        return cls(starts[:-1] if len(starts) and starts[-1] == end else starts, order.argsort())

    def sums(self, block: Ints) -> Ints:
        """The sum of each stretch, in the order in which they were given."""
        found: Ints = np.add.reduceat(block, self.starts)[::2][self.places]
        return found


def side_by_side(baseline: ModelProfile, current: ModelProfile, names: Names) -> SideBySide:
    """`grouped_counts` of these columns; LayoutMismatch where the window was counted on other bins."""
    places = _places(baseline.layouts, names)
    blocks = same_layouts(baseline, current)
    kept = baseline.derived.get(("side", names))
    if not isinstance(kept, _Side):
        kept = baseline.derived["side", names] = _Side.of(places, blocks[0])
    sides = kept, _Side.of(places, blocks[1])
    sizes = np.array([side.sizes for side in sides])
    split = len(places.numeric.first)
    counts, groups = _numeric(places.numeric, np.array([side.coarse for side in sides]))
    if split < len(names):
        known = np.array([side.known for side in sides])
        more, their_groups = _categorical(places.categorical, known, sizes[:, split:])
        counts, groups = np.concatenate((counts, more), axis=1), np.concatenate((groups, their_groups))
    return SideBySide(counts, np.concatenate(([0], groups.cumsum())), sizes, places.order)


def coarse_groups(baseline: ModelProfile, current: ModelProfile, names: Names) -> Ints:
    """Coarse groups of numeric columns in the order of the layouts, the empty ones, too, and behind those of each
    column its records without a value; shape (2, groups of all). LayoutMismatch as above.
    """
    places, sides = _places(baseline.layouts, names).numeric, same_layouts(baseline, current)
    columns = len(places.first)
    if not columns:
        return np.empty((2, 0), np.int64)
    lacking = places.last + np.arange(1, columns + 1)
    is_group = np.ones(int(lacking[-1]) + 1, np.bool_)
    is_group[lacking] = False
    begin, found = heads(baseline.layouts, names), np.empty((2, len(is_group)), np.int64)
    for row, block in zip(found, sides, strict=True):
        row[is_group] = _coarse_counts(places, block)
        row[lacking] = block[begin + numeric.MISSING] + block[begin + numeric.INVALID]
    return found


def heads(layouts: Layouts, names: Names) -> Ints:
    """Where the counters of each column begin."""
    kept = layouts.derived.get(("heads", names))
    if kept is None:
        kept = layouts.derived["heads", names] = _ints(layouts.slices[name].start for name in names)
    return kept  # type: ignore[return-value]


def same_layouts(baseline: ModelProfile, current: ModelProfile) -> tuple[Ints, Ints]:
    """The counters of both; LayoutMismatch where they do not mean the same."""
    if baseline.layouts is not current.layouts and baseline.layouts.digest != current.layouts.digest:
        raise LayoutMismatch("the window was counted on other bins than the baseline's: count it again")
    return baseline.block.astype(np.int64, copy=False), current.block.astype(np.int64, copy=False)


def numeric_layouts(layouts: Layouts, names: Names) -> list[NumericLayout]:
    """Those of numeric columns; LayoutMismatch where one is not."""
    found = [layout for name in names if isinstance(layout := layouts[name], NumericLayout)]
    if len(found) < len(names):
        raise LayoutMismatch(f"numeric columns are needed; among {', '.join(names)} are others")
    return found


def usual_counts(block: Ints, layouts: Layouts, names: Names) -> Ints:
    """Number of values within the usual range of each of these numeric columns."""
    spans = layouts.derived.get(("usual", names))
    if not isinstance(spans, _Spans):
        usual = [layout.usual for layout in numeric_layouts(layouts, names)]
        begin = heads(layouts, names) + numeric.SPECIAL
        bounds = begin[:, np.newaxis] + np.array([(part.start, part.stop) for part in usual])
        spans = layouts.derived["usual", names] = _Spans.of(bounds, layouts.size)
    return spans.sums(block)


def values(block: Ints, heads: Ints) -> Ints:
    """Number of records with a value in each of the columns that begin at these places."""
    n: Ints = block[heads] - block[heads + numeric.MISSING] - block[heads + numeric.INVALID]
    return n


@dataclass(frozen=True, slots=True, eq=False)
class _Coarse:
    """Where `reduceat` begins the coarse groups of the columns, which of its sums are groups, and where infinities lie.

    Behind the last group of a column it begins a sum that nobody wants: of what lies between there and the next column.
    """

    starts: Ints
    wanted: Mask
    first: Ints
    last: Ints
    negative: Ints
    positive: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Where the categories of the columns lie, the unseen values behind those of each; and where that is among them."""

    counters: Ints
    sizes: Ints
    first: Ints
    rest: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    order: list[int]
    heads: Ints
    numeric: _Coarse
    categorical: _Known


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Of one profile, which is compared with many: its numbers of values, and its groups before any are put together.

    That of a baseline is kept with it.
    """

    sizes: Ints
    coarse: Ints
    known: Ints

    @classmethod
    def of(cls, places: _Places, block: Ints) -> "_Side":
        coarse = _coarse_counts(places.numeric, block) if len(places.numeric.first) else np.empty(0, np.int64)
        return cls(values(block, places.heads), coarse, block[places.categorical.counters])


def _places(layouts: Layouts, names: Names) -> _Places:
    kept = layouts.derived.get(("side by side", names))
    if not isinstance(kept, _Places):
        kept = layouts.derived["side by side", names] = _worked_out(layouts, names)
    return kept


def _worked_out(layouts: Layouts, names: Names) -> _Places:
    by_place = sorted(range(len(names)), key=lambda k: layouts.slices[names[k]].start)
    numbers = [k for k in by_place if isinstance(layouts[names[k]], NumericLayout)]
    texts = [k for k in by_place if not isinstance(layouts[names[k]], NumericLayout)]
    order = numbers + texts
    coarse, known = _coarse(layouts, [names[k] for k in numbers]), _known(layouts, [names[k] for k in texts])
    return _Places(order, heads(layouts, tuple(names[k] for k in order)), coarse, known)


def _coarse(layouts: Layouts, names: Sequence[str]) -> _Coarse:
    starts: list[int] = []
    wanted: list[bool] = []
    sizes: list[int] = []
    numbers = [(layout, layouts.slices[name]) for name in names if isinstance(layout := layouts[name], NumericLayout)]
    for layout, place in numbers:
        groups = (place.start + numeric.SPECIAL + layout.coarse_starts).tolist()
        starts += [*groups, place.stop]
        wanted += [*(True for _ in groups), False]
        sizes.append(len(groups))
    if starts and starts[-1] == layouts.size:
        del starts[-1], wanted[-1]
    heads, ends = _ints(layouts.slices[name].start for name in names), np.cumsum(_ints(sizes))
    infinite = heads + numeric.NEGATIVE_INFINITE, heads + numeric.POSITIVE_INFINITE
    return _Coarse(_ints(starts), np.array(wanted, np.bool_), ends - _ints(sizes), ends - 1, *infinite)


def _known(layouts: Layouts, names: Sequence[str]) -> _Known:
    counters: list[int] = []
    sizes: list[int] = []
    for name in names:
        place = layouts.slices[name]
        counters += [*range(place.start + categorical.SPECIAL, place.stop), place.start + categorical.UNSEEN]
        sizes.append(place.stop - place.start - categorical.SPECIAL + 1)
    ends = np.cumsum(_ints(sizes))
    return _Known(_ints(counters), _ints(sizes), ends - _ints(sizes), ends - 1)


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int64)


def _numeric(places: _Coarse, counts: Ints) -> tuple[Ints, Ints]:
    """Groups, and how many each column has."""
    if not len(places.first):
        return counts, np.empty(0, np.int64)
    return _without_empty(counts, counts[0] + counts[1] > 0, places.first)


def _coarse_counts(places: _Coarse, block: Ints) -> Ints:
    counts: Ints = np.add.reduceat(block, places.starts)[places.wanted]
    counts[places.first] += block[places.negative]
    counts[places.last] += block[places.positive]
    return counts


def _categorical(places: _Known, counts: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """The same of categories, see `comparable.categorical_groups`."""
    total = counts[0] + counts[1]
    least = MIN_EXPECTED * sizes.sum(axis=0) / np.maximum(1, sizes.min(axis=0))
    kept = total >= least.repeat(places.sizes)
    kept[places.rest] = False
    rest = sizes - np.add.reduceat(counts * kept, places.first, axis=1)
    frequent, left = np.add.reduceat(kept, places.first, dtype=np.int64), rest[0] + rest[1]
    counts[:, places.rest], kept[places.rest] = rest, left > 0
    for column in ((left > 0) & (left < least) & (frequent > 0)).nonzero()[0].tolist():
        start, end = int(places.first[column]), int(places.rest[column])
        among = start + kept[start:end].nonzero()[0]
        counts[:, among[total[among].argmin()]] += rest[:, column]
        kept[end] = False
    return _without_empty(counts, kept, places.first)


def _without_empty(counts: Ints, kept: Mask, first: Ints) -> tuple[Ints, Ints]:
    sizes: Ints = np.add.reduceat(kept, first, dtype=np.int64)
    return (counts if kept.all() else counts[:, kept]), sizes
