"""The divergence of a window from its baseline, as a sum over columns and their groups, and over segments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec
import numpy as np
from scipy import special

from monitor.stats.attribution.grouping import GroupedColumns, Grouping, grouped
from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.model import ModelProfile

CHANCE_DEVIATIONS = 3.0
"""A block counts where it exceeds what chance gives by so many of its standard deviations."""

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
    above it by three standard deviations adds nothing. Fewer than `least` records on a side: nothing can be told.
    """
    n_baseline, n_current = baseline.n, current.n
    names = comparable_columns(baseline)
    if min(n_baseline, n_current) < max(1, least):
        fewest = min(n_baseline, n_current)
        noun = "record" if fewest == 1 else "records"
        why = f"{fewest:,} {noun} on one side, at least {max(1, least):,} are needed"
        return Attribution(0.0, (), 0, n_baseline, n_current, lacking=why)
    found = _columns(grouped(baseline, current, names), baseline.n, current.n)
    moved = sorted((part for part in found if part.bits), key=lambda part: (-part.bits, part.column))
    return Attribution(math.fsum(part.bits for part in moved), tuple(moved), len(names), n_baseline, n_current)


def comparable_columns(baseline: ModelProfile) -> list[str]:
    """Columns that have a value in the baseline; the others cannot move."""
    kept = baseline.derived.get("comparable")
    if kept is None:
        found = [name for name, profile in baseline.columns.items() if profile.n_values]
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
    for name in comparable_columns(baseline):
        grouping = Grouping.of(baseline.columns[name], current.columns[name])
        for k, (before, now) in enumerate(zip(*sides, strict=True)):
            counts = np.array((before.counts.of(name, grouping), now.counts.of(name, grouping)))
            bits = float(_beyond_chance(counts, baseline.n, current.n).sum())
            if bits:
                parts[k].append((name, bits))
    return [sorted(of_one, key=lambda item: (-item[1], item[0])) for of_one in parts]


def _columns(groups: GroupedColumns, n_baseline: int, n_current: int) -> list[ColumnPart]:
    """The columns' parts, element by element at once; sums are those of each column, whatever stands beside it."""
    shares = groups.counts / np.array([[n_baseline], [n_current]])
    terms, middle = _terms(shares)
    unit, left, is_held, found = _unit(n_baseline, n_current), 1 - middle, middle > 0, []
    for name, names, mine in zip(groups.columns, groups.names, groups.spans, strict=True):
        kept = _kept(terms[mine], left[mine], is_held[mine], unit)
        moved: list[GroupPart] = []
        if kept:
            bits = (terms[mine] * kept).tolist()
            moved = [GroupPart(*one) for one in zip(names, *shares[:, mine].tolist(), bits, strict=True) if one[-1]]
            moved.sort(key=_BITS, reverse=True)  # of equals the first stays the first
        found.append(ColumnPart(name, math.fsum(map(_BITS, moved)), tuple(moved)))
    return found


_BITS = attrgetter("bits")


def _beyond_chance(counts: Ints, n_baseline: int, n_current: int) -> Floats:
    """What each group adds, in bits, less its part of what chance gives; nothing where that explains the sum."""
    terms, middle = _terms(counts / np.array([[n_baseline], [n_current]]))
    found: Floats = terms * _kept(terms, 1 - middle, middle > 0, _unit(n_baseline, n_current))
    return found


def _terms(shares: Floats) -> tuple[Floats, Floats]:
    """What each group adds to the divergence, in bits, and its share half-way between both sides."""
    middle = shares.mean(axis=0)
    terms: Floats = np.maximum(special.rel_entr(shares, middle).sum(axis=0), 0.0) / (2 * math.log(2))
    return terms, middle


def _unit(n_baseline: int, n_current: int) -> float:
    """What chance gives, in bits, for each degree of freedom."""
    return (1 / n_baseline + 1 / n_current) / (8 * math.log(2))


def _kept(terms: Floats, left: Floats, is_held: Mask, unit: float) -> float:
    """The part of a column's terms that remains when what chance gives is taken off: 0 to 1.

    `left` is what the middle share of each group leaves to others; `is_held`, whether it is above 0.
    """
    expected = unit * float(np.add.reduce(left[is_held]))
    total = float(np.add.reduce(terms))
    if total <= expected + CHANCE_DEVIATIONS * math.sqrt(2 * expected * unit) or total <= 0:
        return 0.0
    return (total - expected) / total
