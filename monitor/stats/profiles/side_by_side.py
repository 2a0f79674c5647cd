"""The groups of many columns of many windows in one array: comparing them costs few operations, whatever their number.

The numbers are those of `comparable`, which does the same for one column. What depends on the layouts alone, places in
the array of counters, is worked out once; those of windows that are compared together are put one behind the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np

from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import Ints, Mask
from monitor.stats.profiles import categorical, numeric
from monitor.stats.profiles.comparable import MIN_EXPECTED, not_told_apart
from monitor.stats.profiles.layouts import Layouts, Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout

T = TypeVar("T")
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ComparedColumns:
    """Columns of a window beside the same of what it is compared with.

    `portion` has the counters of this window, at its `place`, and those of others that are compared at the same time.
    """

    baseline: ModelProfile
    current: ModelProfile
    names: Names
    portion: "Portion | None" = None
    place: int = 0

    def pairs(self) -> list[tuple[Profile, Profile]]:
        """Both profiles of each column."""
        return [(self.baseline.columns[name], self.current.columns[name]) for name in self.names]


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """Counts per group, shape (2, groups of all columns): the baseline's, the window's. No group is empty in both.

    The groups of the k-th column are [bounds[k], bounds[k + 1]), and `sizes[:, k]` are its numbers of values. Numeric
    columns come first: the k-th is the one at `order[k]` of the columns that were given, window after window.
    """

    counts: Ints
    bounds: Ints
    sizes: Ints
    order: list[int]

    def in_given_order(self, results: Iterable[T]) -> list[T]:
        """One result a column, put back into the order of the names."""
        found = dict(zip(self.order, results, strict=True))
        return [found[place] for place in range(len(found))]


class Portion:
    """Windows that several tests look at: their counters are put one behind the other once."""

    __slots__ = ("_blocks", "_windows")

    def __init__(self, windows: Sequence[tuple[ModelProfile, ModelProfile]]) -> None:
        """Of pairs of a baseline's profile and the window's."""
        self._windows = windows
        self._blocks: WindowBlocks | None = None

    @property
    def blocks(self) -> "WindowBlocks":
        """The counters of all; LayoutMismatch where a window was counted on other bins than its baseline."""
        if self._blocks is None:
            self._blocks = WindowBlocks.joined([same_layouts(*window)[1] for window in self._windows])
        return self._blocks


@dataclass(frozen=True, slots=True, eq=False)
class WindowBlocks:
    """The counters of windows one behind the other, a zero behind them all, and where those of each begin."""

    block: Ints
    begin: Ints

    @classmethod
    def of(cls, compared: Sequence[ComparedColumns]) -> "WindowBlocks":
        """LayoutMismatch where a window was counted on other bins than its baseline."""
        portion = compared[0].portion if compared else None
        if portion is not None and all(one.portion is portion for one in compared):
            whole = portion.blocks
            return cls(whole.block, whole.begin[[one.place for one in compared]])
        return cls.joined([same_layouts(one.baseline, one.current)[1] for one in compared])

    @classmethod
    def joined(cls, blocks: Sequence[Ints]) -> "WindowBlocks":
        """Of these counters."""
        return cls(np.concatenate((*blocks, _ZERO)), _begins(blocks))

    def places(self, of_windows: Sequence[Ints]) -> Ints:
        """Places in the counters of each window as places in those of all."""
        return _shifted(of_windows, self.begin)

    def values(self, heads: Ints) -> Ints:
        """Number of records with a value in each of the columns that begin at these places."""
        return values(self.block, heads)


_ZERO = np.zeros(1, np.int64)


def _begins(parts: Sequence[Ints]) -> Ints:
    """Where each part begins when they stand one behind the other."""
    ends = np.cumsum(_ints(map(len, parts)))
    return ends - _ints(map(len, parts))


def _shifted(parts: Sequence[Ints], by: Ints) -> Ints:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) + by.repeat(_ints(map(len, parts)))


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Stretches of an array that are not empty and do not overlap; `starts` are for `reduceat`, a gap behind each."""

    starts: Ints
    places: Ints

    @classmethod
    def of(cls, bounds: Ints) -> "_Spans":
        """From rows [start, stop) in any order."""
        order = bounds[:, 0].argsort()
        return cls(bounds[order].ravel(), order.argsort())


def side_by_side(compared: Sequence[ComparedColumns]) -> SideBySide:
    """`grouped_counts` of these columns; LayoutMismatch where a window was counted on other bins."""
    blocks, places = WindowBlocks.of(compared), [_places(one.baseline.layouts, one.names) for one in compared]
    numbers, texts = _Coarse.joined([one.numeric for one in places], blocks), [one.categorical for one in places]
    known = _Known.joined(texts, blocks)
    before = _joined_sides([_side_of_baseline(one, their) for one, their in zip(compared, places, strict=True)])
    now = _Side.of(numbers, known, blocks.block)
    sizes = np.concatenate(([before.numbers, now.numbers], [before.texts, now.texts]), axis=1)
    counts, groups = _numeric(numbers, np.array((before.coarse, now.coarse)))
    if len(known.first):
        more, their_groups = _categorical(known, np.array((before.known, now.known)), sizes[:, len(numbers.first) :])
        counts, groups = np.concatenate((counts, more), axis=1), np.concatenate((groups, their_groups))
    return SideBySide(counts, np.concatenate(([0], groups.cumsum())), sizes, _order(compared, places))


def are_categorical(compared: Sequence[ComparedColumns]) -> bool:
    """Whether no column is one of numbers."""
    return not any(isinstance(one.baseline.layouts[name], NumericLayout) for one in compared for name in one.names)


def why_not_told_apart(compared: Sequence[ComparedColumns], found: SideBySide) -> list[str]:
    """`comparable.not_told_apart` of each column, as `found` has them."""
    pairs, groups = [(one, name) for one in compared for name in one.names], np.diff(found.bounds).tolist()
    ordered = zip((pairs[place] for place in found.order), groups, strict=True)
    return [
        not_told_apart(one.baseline.columns[name], one.current.columns[name], n) if n == 1 else ""
        for (one, name), n in ordered
    ]


def _order(compared: Sequence[ComparedColumns], places: Sequence["_Places"]) -> list[int]:
    begin = list(accumulate((len(one.names) for one in compared), initial=0))
    numbers = [first + k for first, one in zip(begin, places, strict=False) for k in one.numbers]
    return numbers + [first + k for first, one in zip(begin, places, strict=False) for k in one.texts]


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
        row[is_group] = _coarse_counts(places, np.append(block, 0))
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


def usual_counts(blocks: WindowBlocks, compared: Sequence[ComparedColumns]) -> Ints:
    """Number of values within the usual range of each of these numeric columns, window after window."""
    spans = [_usual(one.baseline.layouts, one.names) for one in compared]
    starts, of_windows = blocks.places([one.starts for one in spans]), [one.places for one in spans]
    places = _shifted(of_windows, _begins(of_windows))
    found: Ints = np.add.reduceat(blocks.block, starts)[::2][places]
    return found


def _usual(layouts: Layouts, names: Names) -> _Spans:
    spans = layouts.derived.get(("usual", names))
    if not isinstance(spans, _Spans):
        usual = [layout.usual for layout in numeric_layouts(layouts, names)]
        begin = heads(layouts, names) + numeric.SPECIAL
        bounds = begin[:, np.newaxis] + np.array([(part.start, part.stop) for part in usual])
        spans = layouts.derived["usual", names] = _Spans.of(bounds)
    return spans


def values(block: Ints, heads: Ints) -> Ints:
    """Number of records with a value in each of the columns that begin at these places."""
    n: Ints = block[heads] - block[heads + numeric.MISSING] - block[heads + numeric.INVALID]
    return n


@dataclass(frozen=True, slots=True, eq=False)
class _Coarse:
    """Where `reduceat` begins the coarse groups of the columns, which of its sums are groups, and where infinities lie.

    Behind the last group of a column it begins a sum that nobody wants: of what lies between there and the next column.
    `heads` are where the columns begin.
    """

    heads: Ints
    starts: Ints
    wanted: Mask
    first: Ints
    last: Ints

    @classmethod
    def joined(cls, parts: Sequence["_Coarse"], blocks: WindowBlocks) -> "_Coarse":
        """Those of windows as those of one."""
        if len(parts) == 1:
            return parts[0]
        wanted = np.concatenate([part.wanted for part in parts])
        groups = np.cumsum([0, *(int(np.count_nonzero(part.wanted)) for part in parts)])[:-1]
        first, last = (_shifted(ends, groups) for ends in ([p.first for p in parts], [p.last for p in parts]))
        starts = blocks.places([part.starts for part in parts])
        return cls(blocks.places([part.heads for part in parts]), starts, wanted, first, last)


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Where the categories of the columns lie, the unseen values behind those of each; and where that is among them."""

    heads: Ints
    counters: Ints
    sizes: Ints
    first: Ints
    rest: Ints

    @classmethod
    def joined(cls, parts: Sequence["_Known"], blocks: WindowBlocks) -> "_Known":
        """Those of windows as those of one."""
        if len(parts) == 1:
            return parts[0]
        counters = [part.counters for part in parts]
        begin, sizes = _begins(counters), np.concatenate([part.sizes for part in parts])
        first, rest = (_shifted(ends, begin) for ends in ([p.first for p in parts], [p.rest for p in parts]))
        return cls(blocks.places([part.heads for part in parts]), blocks.places(counters), sizes, first, rest)


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """`numbers` and `texts` are the places of the columns among the names that were given."""

    numbers: Sequence[int]
    texts: Sequence[int]
    numeric: _Coarse
    categorical: _Known


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Numbers of values, of numeric columns and of others, and groups before any are put together."""

    numbers: Ints
    texts: Ints
    coarse: Ints
    known: Ints

    @classmethod
    def of(cls, numbers: _Coarse, texts: _Known, block: Ints) -> "_Side":
        coarse = _coarse_counts(numbers, block) if len(numbers.first) else np.empty(0, np.int64)
        return cls(values(block, numbers.heads), values(block, texts.heads), coarse, block[texts.counters])


def _side_of_baseline(compared: ComparedColumns, places: _Places) -> _Side:
    """Kept with the baseline, which is compared with many windows."""
    baseline = compared.baseline
    kept = baseline.derived.get(("side", compared.names))
    if not isinstance(kept, _Side):
        block = np.append(baseline.block.astype(np.int64, copy=False), 0)
        kept = baseline.derived["side", compared.names] = _Side.of(places.numeric, places.categorical, block)
    return kept


def _joined_sides(sides: Sequence[_Side]) -> _Side:
    if len(sides) == 1:
        return sides[0]
    numbers, texts = (np.concatenate(of_all) for of_all in ([s.numbers for s in sides], [s.texts for s in sides]))
    return _Side(numbers, texts, np.concatenate([s.coarse for s in sides]), np.concatenate([s.known for s in sides]))


def _places(layouts: Layouts, names: Names) -> _Places:
    kept = layouts.derived.get(("side by side", names))
    if not isinstance(kept, _Places):
        kept = layouts.derived["side by side", names] = _worked_out(layouts, names)
    return kept


def _worked_out(layouts: Layouts, names: Names) -> _Places:
    by_place = sorted(range(len(names)), key=lambda k: layouts.slices[names[k]].start)
    numbers = [k for k in by_place if isinstance(layouts[names[k]], NumericLayout)]
    texts = [k for k in by_place if not isinstance(layouts[names[k]], NumericLayout)]
    coarse, known = _coarse(layouts, [names[k] for k in numbers]), _known(layouts, [names[k] for k in texts])
    return _Places(numbers, texts, coarse, known)


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
    heads, ends = _ints(layouts.slices[name].start for name in names), np.cumsum(_ints(sizes))
    return _Coarse(heads, _ints(starts), np.array(wanted, np.bool_), ends - _ints(sizes), ends - 1)


def _known(layouts: Layouts, names: Sequence[str]) -> _Known:
    counters: list[int] = []
    sizes: list[int] = []
    for name in names:
        place = layouts.slices[name]
        counters += [*range(place.start + categorical.SPECIAL, place.stop), place.start + categorical.UNSEEN]
        sizes.append(place.stop - place.start - categorical.SPECIAL + 1)
    heads, ends = _ints(layouts.slices[name].start for name in names), np.cumsum(_ints(sizes))
    return _Known(heads, _ints(counters), _ints(sizes), ends - _ints(sizes), ends - 1)


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int64)


def _numeric(places: _Coarse, counts: Ints) -> tuple[Ints, Ints]:
    """Groups, and how many each column has."""
    if not len(places.first):
        return counts, np.empty(0, np.int64)
    return _without_empty(counts, counts[0] + counts[1] > 0, places.first)


def _coarse_counts(places: _Coarse, block: Ints) -> Ints:
    """`block` ends with a zero that is no counter: the last sum that nobody wants begins there."""
    counts: Ints = np.add.reduceat(block, places.starts)[places.wanted]
    counts[places.first] += block[places.heads + numeric.NEGATIVE_INFINITE]
    counts[places.last] += block[places.heads + numeric.POSITIVE_INFINITE]
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
