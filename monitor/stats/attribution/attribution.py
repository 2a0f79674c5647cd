"""The divergence of a window from its baseline, as a sum over columns and their groups, and over segments."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import special

from monitor.stats.attribution.grouping import Grouping, group_names
from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.side_by_side import every_group

ALPHA = 0.01
"""Of so many windows in which nothing changed any column is given a part, if their records are independent."""

REST = "all other records"


class GroupPart(msgspec.Struct, frozen=True):
    """A bin or category: its shares of all records (0 to 1) before and now, and its part of the divergence in bits."""

    name: str
    baseline: float
    current: float
    bits: float


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """What a column adds to the divergence, in bits; the parts of its `groups`, the largest first, add up to it."""

    column: str
    bits: float
    groups: tuple[GroupPart, ...]


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """What the records of a segment add, in bits, and their shares of all records (0 to 1) before and now.

    `columns` (name, bits) add up to it, the largest first.
    """

    segment: str
    baseline: float
    current: float
    bits: float
    columns: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Division:
    """All records divided by the values of `column`: the `segments` of it that are declared, and the rest.

    Their parts add up to `bits`, the largest first.
    """

    column: str
    bits: float
    segments: tuple[SegmentPart, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The divergence in `bits`, and the parts that it is the sum of: every column that moved, the largest first.

    `compared` is how many columns were compared; `divisions` tell the same by segments, each with a sum of its own.
    `lacking` says why nothing can be told; then there are no parts.
    """

    bits: float
    columns: tuple[ColumnPart, ...]
    compared: int
    n_baseline: int
    n_current: int
    divisions: tuple[Division, ...] = ()
    lacking: str = ""

    def share(self, bits: float) -> float:
        """A part as a share of the whole, 0 to 1."""
        return bits / self.bits if self.bits else 0.0


def attribute(baseline: ModelProfile, current: ModelProfile, least: int = 1) -> Attribution:
    """Divide the divergence of a window among its columns and their groups.

    A column's is the Jensen-Shannon divergence of its groups (Lin 1991), the records without a value among them:
    sum over groups of (p log2(p/m) + q log2(q/m)) / 2 with m = (p + q) / 2, of which no term is negative. What chance
    gives to independent records, (groups - 1) (1/n + 1/m) / (8 ln 2), is taken off in proportion; a column that is not
    above what chance gives to any of them in one of a hundred windows (a chi-squared law, Bonferroni) adds nothing.
    Fewer than `least` records on a side: nothing can be told.
    """
    n_baseline, n_current = baseline.n, current.n
    names = comparable_columns(baseline)
    if min(n_baseline, n_current) < max(1, least):
        fewest = min(n_baseline, n_current)
        noun = "record" if fewest == 1 else "records"
        why = f"{fewest:,} {noun} on one side, at least {max(1, least):,} are needed"
        return Attribution(0.0, (), 0, n_baseline, n_current, lacking=why)
    moved = sorted(_moved_columns(baseline, current, names), key=lambda part: (-part.bits, part.column))
    return Attribution(math.fsum(part.bits for part in moved), tuple(moved), len(names), n_baseline, n_current)


def comparable_columns(baseline: ModelProfile) -> tuple[str, ...]:
    """Columns that have a value in the baseline; the others cannot move."""
    kept = baseline.derived.get("comparable")
    if kept is None:
        found = tuple(name for name, profile in baseline.columns.items() if profile.n_values)
        kept = baseline.derived["comparable"] = found
    return kept  # type: ignore[return-value]  # it is ours


def divide(
    column: str, segments: Sequence[str], baseline: Mapping[str, ModelProfile], current: Mapping[str, ModelProfile]
) -> Division:
    """Divide the divergence among segments that have no record in common: those of one column.

    `baseline` and `current` are profiles by segment, all traffic under the empty name. Segments and groups of a column
    together are its cells, and a segment's part is what its cells add: that there is more or less of it, and that it
    is other. The whole is that of the cells, no less than that of the columns alone.
    """
    sides = [_of_segments(side, segments) for side in (baseline, current)]
    parts = _segment_parts(baseline[""], current[""], sides)
    n = np.array([[part.n for part in side] for side in sides])
    before, now = n / np.maximum(1, [[baseline[""].n], [current[""].n]])
    ranked = sorted(
        (
            SegmentPart(name, float(before[k]), float(now[k]), math.fsum(bits for _, bits in parts[k]), tuple(parts[k]))
            for k, name in enumerate((*segments, REST))
            if n[:, k].any()
        ),
        key=lambda part: (-part.bits, part.segment),
    )
    return Division(column, math.fsum(part.bits for part in ranked), tuple(ranked))


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Records of one segment: their number and their groups by column."""

    n: int
    counts: "_Counts"


class _Counts:
    """Groups by column of a profile, less those of others."""

    def __init__(self, profile: ModelProfile, less: Sequence[ModelProfile] = ()) -> None:
        self._profile, self._less = profile, less

    def of(self, name: str, grouping: Grouping) -> Ints:
        counts = grouping.count(self._profile.columns[name])
        for other in self._less:
            counts = counts - grouping.count(other.columns[name])
        return counts


def _of_segments(profiles: Mapping[str, ModelProfile], segments: Sequence[str]) -> list[_Side]:
    held = [profiles[name] for name in segments]
    whole = profiles[""]
    rest = _Side(whole.n - sum(part.n for part in held), _Counts(whole, held))
    return [*(_Side(part.n, _Counts(part)) for part in held), rest]


def _segment_parts(
    baseline: ModelProfile, current: ModelProfile, sides: Sequence[Sequence[_Side]]
) -> list[list[tuple[str, float]]]:
    parts: list[list[tuple[str, float]]] = [[] for _ in sides[0]]
    names = comparable_columns(baseline)
    alpha = ALPHA / max(1, len(names) * len(parts))
    for name in names:
        grouping = Grouping.of(baseline.columns[name], current.columns[name])
        for k, (before, now) in enumerate(zip(*sides, strict=True)):
            counts = np.array((before.counts.of(name, grouping), now.counts.of(name, grouping)))
            bits = float(_beyond_chance(counts, baseline.n, current.n, alpha).sum())
            if bits:
                parts[k].append((name, bits))
    return [sorted(of_one, key=lambda item: (-item[1], item[0])) for of_one in parts]


def _moved_columns(baseline: ModelProfile, current: ModelProfile, names: tuple[str, ...]) -> Iterator[ColumnPart]:
    """The columns' parts, element by element at once; sums are those of each column, whatever stands beside it."""
    groups = every_group(baseline, current, names)
    shares = groups.counts / np.array([[baseline.n], [current.n]])
    terms, kept = _terms_kept(shares, groups.bounds, _unit(baseline.n, current.n), ALPHA / max(1, len(names)))
    of_column = np.arange(len(kept)).repeat(np.diff(groups.bounds))
    bits = terms * kept[of_column]
    places = bits.nonzero()[0]
    places = places[np.lexsort((-bits[places], of_column[places]))]  # of equals the first stays the first
    moved, columns = kept.nonzero()[0], of_column[places]
    ranks, parts = (places - groups.bounds[columns]).tolist(), bits[places].tolist()
    before, now = shares[:, places].tolist()
    ends = columns.searchsorted(moved, side="right").tolist()
    for k, mine in zip(moved.tolist(), map(slice, [0, *ends], ends), strict=True):
        labels = group_names(baseline, current, groups.columns[k])
        of_groups = map(GroupPart, [labels[rank] for rank in ranks[mine]], before[mine], now[mine], parts[mine])
        yield ColumnPart(groups.columns[k], math.fsum(parts[mine]), tuple(of_groups))


def _terms_kept(shares: Floats, bounds: Ints, unit: float, alpha: float) -> tuple[Floats, Floats]:
    """What each group adds to the divergence, in bits, and the part of it that remains, by column."""
    terms, middle = _terms(shares)
    left, is_held, kept, ends = 1 - middle, middle > 0, np.zeros(len(bounds) - 1), bounds.tolist()
    for k in _may_have_moved(terms, left * is_held, bounds[:-1], unit, alpha):
        mine = slice(ends[k], ends[k + 1])
        kept[k] = _kept(terms[mine], left[mine], is_held[mine], unit, alpha)
    return terms, kept


def _may_have_moved(terms: Floats, left: Floats, starts: Ints, unit: float, alpha: float) -> list[int]:
    """Columns for which `_kept` may be above 0: its sums, to the last bit, are worth their time for these alone."""
    by_chance = unit * special.chdtri(np.maximum(np.add.reduceat(left, starts), _LEAST_FREE), alpha)
    may = np.add.reduceat(terms, starts) * _MORE > by_chance
    found: list[int] = may.nonzero()[0].tolist()
    return found


_LEAST_FREE = 1e-3
"""Degrees of freedom of one group that has all records."""

_MORE = 1 + 1e-9
"""Exceeds by far how much sums of some thousand terms, none negative, differ by the order in which they are added."""


def _beyond_chance(counts: Ints, n_baseline: int, n_current: int, alpha: float) -> Floats:
    """What each group adds, in bits, less its part of what chance gives; nothing where that explains the sum."""
    terms, middle = _terms(counts / np.array([[n_baseline], [n_current]]))
    found: Floats = terms * _kept(terms, 1 - middle, middle > 0, _unit(n_baseline, n_current), alpha)
    return found


def _terms(shares: Floats) -> tuple[Floats, Floats]:
    """What each group adds to the divergence, in bits, and its share half-way between both sides."""
    middle = (shares[0] + shares[1]) / 2
    of_sides = special.rel_entr(shares, middle)
    terms: Floats = np.maximum(of_sides[0] + of_sides[1], 0.0) / (2 * math.log(2))
    return terms, middle


def _unit(n_baseline: int, n_current: int) -> float:
    """What chance gives, in bits, for each degree of freedom."""
    return (1 / n_baseline + 1 / n_current) / (8 * math.log(2))


def _kept(terms: Floats, left: Floats, is_held: Mask, unit: float, alpha: float) -> float:
    """The part of a column's terms that remains when what chance gives is taken off: 0 to 1.

    `left` is what the middle share of each group leaves to others; `is_held`, whether it is above 0.
    """
    free, total = float(np.add.reduce(left[is_held])), float(np.add.reduce(terms))
    if total <= unit * float(special.chdtri(max(free, _LEAST_FREE), alpha)) or total <= 0:
        return 0.0
    return max(0.0, total - unit * free) / total
