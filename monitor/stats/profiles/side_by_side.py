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
    """The counters of windows one behind the other, and where those of each begin."""

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
        return cls(np.concatenate(blocks), _begins(blocks))

    def places(self, of_windows: Sequence[Ints]) -> Ints:
        """Places in the counters of each window as places in those of all."""
        return _shifted(of_windows, self.begin)

    def values(self, heads: Ints) -> Ints:
        """Number of records with a value in each of the columns that begin at these places."""
        return values(self.block, heads)


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
    """Stretches of an array that are not empty and do not overlap, by their ascending `bounds`; a gap behind each."""

    bounds: Ints
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
    before = _joined_sides(
        [_side_of_baseline(one.baseline, one.names, their) for one, their in zip(compared, places, strict=True)]
    )
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
    why = [""] * len(found.order)
    alone = (np.diff(found.bounds) == 1).nonzero()[0].tolist()
    pairs = [(one, name) for one in compared for name in one.names] if alone else []
    for k in alone:
        one, name = pairs[found.order[k]]
        why[k] = not_told_apart(one.baseline.columns[name], one.current.columns[name], 1)
    return why


def _order(compared: Sequence[ComparedColumns], places: Sequence["_Places"]) -> list[int]:
    begin = list(accumulate((len(one.names) for one in compared), initial=0))
    numbers = [first + k for first, one in zip(begin, places, strict=False) for k in one.numbers]
    return numbers + [first + k for first, one in zip(begin, places, strict=False) for k in one.texts]


@dataclass(frozen=True, slots=True, eq=False)
class EveryGroup:
    """Every group of columns, numeric ones first, and behind those of each column its records without a value.

    `counts` has shape (2, groups of all columns): the baseline's, the window's. The groups of `columns[k]` are
    [bounds[k], bounds[k + 1]).
    """

    columns: Sequence[str]
    counts: Ints
    bounds: Ints


def every_group(baseline: ModelProfile, current: ModelProfile, names: Names) -> EveryGroup:
    """Coarse groups of numeric columns, the empty ones, too; categories that are frequent enough, then all others as
    one. LayoutMismatch as above.
    """
    places, blocks = _places(baseline.layouts, names), same_layouts(baseline, current)
    numbers, texts = places.numeric, places.categorical
    sides = _side_of_baseline(baseline, names, places), _Side.of(numbers, texts, blocks[1])
    counts, sizes = np.array([side.coarse for side in sides]), numbers.last - numbers.first + 1
    if len(texts.first):
        known, n_values = np.array([side.known for side in sides]), np.array([side.texts for side in sides])
        more, their_sizes = _common(texts, known, n_values)
        counts, sizes = np.concatenate((counts, more), axis=1), np.concatenate((sizes, their_sizes))
    bounds = np.concatenate(([0], (sizes + 1).cumsum()))
    is_group = np.ones(bounds[-1], np.bool_)
    is_group[bounds[1:] - 1] = False
    found = np.empty((2, len(is_group)), np.int64)
    for row, of_groups, block, side in zip(found, counts, blocks, sides, strict=True):
        row[is_group], row[~is_group] = of_groups, _lacking(places, block, side)
    return EveryGroup([names[place] for place in (*places.numbers, *places.texts)], found, bounds)


def _lacking(places: "_Places", block: Ints, side: "_Side") -> Ints:
    heads = np.concatenate((places.numeric.heads, places.categorical.heads))
    return block[heads] - np.concatenate((side.numbers, side.texts))


def _common(places: "_Known", counts: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """Categories that are frequent enough for the sizes of both, then the others; and how many each column has."""
    both = sizes[0] + sizes[1]
    fewest = np.minimum(sizes[0], sizes[1])
    least = MIN_EXPECTED * both / np.maximum(1, np.where(fewest, fewest, both))  # an empty side asks for nothing
    kept = counts[0] + counts[1] >= least.repeat(places.sizes)
    kept[places.rest] = False
    counts[:, places.rest] = sizes - np.add.reduceat(counts * kept, places.first, axis=1)
    kept[places.rest] = True
    return counts.compress(kept, axis=1), np.add.reduceat(kept, places.first, dtype=np.int64)


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
    bounds, of_windows = blocks.places([one.bounds for one in spans]), [one.places for one in spans]
    places = _shifted(of_windows, _begins(of_windows))
    found: Ints = _sums(blocks.block, bounds)[::2][places]
    return found


def _usual(layouts: Layouts, names: Names) -> _Spans:
    spans = layouts.derived.get(("usual", names))
    if not isinstance(spans, _Spans):
        usual = [layout.usual for layout in numeric_layouts(layouts, names)]
        begin = heads(layouts, names) + numeric.SPECIAL
        bounds = begin[:, np.newaxis] + np.array([(part.start, part.stop) for part in usual])
        spans = layouts.derived["usual", names] = _Spans.of(bounds)
    return spans


def _sums(block: Ints, bounds: Ints) -> Ints:
    """What `reduceat` adds up between each of these ascending places and the next; the last may be the block's end."""
    sums: Ints = np.add.reduceat(block[: bounds[-1]], bounds[:-1])
    return sums


def values(block: Ints, heads: Ints) -> Ints:
    """Number of records with a value in each of the columns that begin at these places."""
    n: Ints = block[heads] - block[heads + numeric.MISSING] - block[heads + numeric.INVALID]
    return n


@dataclass(frozen=True, slots=True, eq=False)
class _Coarse:
    """The bounds of the coarse groups of the columns, which sums between them are groups, and where infinities lie.

    Nobody wants the sums of what lies between one column and the next. `heads` are where the columns begin.
    """

    heads: Ints
    bounds: Ints
    wanted: Mask
    first: Ints
    last: Ints

    @classmethod
    def joined(cls, parts: Sequence["_Coarse"], blocks: WindowBlocks) -> "_Coarse":
        """Those of windows as those of one."""
        if len(parts) == 1 or not any(len(part.heads) for part in parts):
            return parts[0]
        wanted = np.concatenate([part.wanted for part in parts])
        groups = np.cumsum([0, *(int(np.count_nonzero(part.wanted)) for part in parts)])[:-1]
        first, last = (_shifted(ends, groups) for ends in ([p.first for p in parts], [p.last for p in parts]))
        bounds = blocks.places([part.bounds for part in parts])
        return cls(blocks.places([part.heads for part in parts]), bounds, wanted, first, last)


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
        if len(parts) == 1 or not any(len(part.heads) for part in parts):
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


def _side_of_baseline(baseline: ModelProfile, names: Names, places: _Places) -> _Side:
    """Kept with the baseline, which is compared with many windows."""
    kept = baseline.derived.get(("side", names))
    if not isinstance(kept, _Side):
        block = baseline.block.astype(np.int64, copy=False)
        kept = baseline.derived["side", names] = _Side.of(places.numeric, places.categorical, block)
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
    bounds: list[int] = []
    wanted: list[bool] = []
    sizes: list[int] = []
    numbers = [(layout, layouts.slices[name]) for name in names if isinstance(layout := layouts[name], NumericLayout)]
    for layout, place in numbers:
        groups = (place.start + numeric.SPECIAL + layout.coarse_starts).tolist()
        bounds += [*groups, place.stop]
        wanted += [*(True for _ in groups), False]
        sizes.append(len(groups))
    heads, ends = _ints(layouts.slices[name].start for name in names), np.cumsum(_ints(sizes))
    return _Coarse(heads, _ints(bounds), np.array(wanted, np.bool_), ends - _ints(sizes), ends - 1)


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
    counts: Ints = _sums(block, places.bounds)[places.wanted[:-1]]
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
    return (counts if kept.all() else counts.compress(kept, axis=1)), sizes
