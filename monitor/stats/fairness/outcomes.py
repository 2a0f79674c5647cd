"""What happened to the groups of a sensitive feature: counts, and which groups are too small to speak of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.stats.proportions import wilson


class Rate(StrEnum):
    """A share of a group's records: of all, of those whose truth is favourable, of those whose truth is not."""

    SELECTION = "selection rate"
    TRUE_POSITIVE = "true positive rate"
    FALSE_POSITIVE = "false positive rate"


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Of `n` records of a group, `hits` had the favourable prediction."""

    name: str
    hits: int
    n: int

    @property
    def rate(self) -> float:
        """Share of the favourable prediction, 0 to 1; 0 of nothing."""
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate (Wilson 1927)."""
        return wilson(self.hits, self.n)


@dataclass(frozen=True, slots=True)
class Smallest:
    """A group counts from `records` on, and from this `share` (0 to 1) of all records whose group is known."""

    records: int = 30
    share: float = 0.02


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one feature: those that count, those that do not with the reason, records of no known group.

    `small` are the counts of those that do not.
    """

    counted: tuple[GroupCount, ...]
    suppressed: Mapping[str, str] = field(default_factory=dict)
    unknown: int = 0
    small: tuple[GroupCount, ...] = ()

    @property
    def n(self) -> int:
        """Number of records in groups that count."""
        return sum(one.n for one in self.counted)

    @property
    def most(self) -> GroupCount:
        """The group with the highest rate, the first by name of equal ones; ValueError when no group counts."""
        return min(self.counted, key=lambda one: (-one.rate, one.name))

    @property
    def least(self) -> GroupCount:
        """The group with the lowest rate, the first by name of equal ones; ValueError when no group counts."""
        return min(self.counted, key=lambda one: (one.rate, one.name))


def groups_of(counts: Sequence[GroupCount], smallest: Smallest, unknown: int = 0) -> Groups:
    """Tell the groups that count from those that are too small; neither is forgotten."""
    whole = sum(one.n for one in counts)
    why = {one.name: _too_small(one, whole, smallest) for one in counts}
    ordered = sorted(counts, key=lambda one: one.name)
    counted = tuple(one for one in ordered if not why[one.name])
    small = tuple(one for one in ordered if why[one.name])
    return Groups(counted, {one.name: why[one.name] for one in small}, unknown, small)


def _too_small(one: GroupCount, whole: int, smallest: Smallest) -> str:
    if one.n < smallest.records:
        return f"{one.n:,} records, fewer than {smallest.records:,}"
    if one.n < smallest.share * whole:
        return f"{one.n / whole:.1%} of {whole:,} records, less than {100 * smallest.share:.3g}%"
    return ""


def tally(names: Sequence[str | None], hits: Sequence[bool]) -> tuple[list[GroupCount], int]:
    """Counts by group in order of name, and how many records have no group (None, or an empty text)."""
    n: dict[str, int] = {}
    favoured: dict[str, int] = {}
    for name, hit in zip(names, hits, strict=True):
        if name:
            n[name] = n.get(name, 0) + 1
            favoured[name] = favoured.get(name, 0) + bool(hit)
    return [GroupCount(name, favoured[name], n[name]) for name in sorted(n)], len(names) - sum(n.values())


def counts_of(
    rate: Rate, names: Sequence[str | None], favoured: Sequence[bool], truths: Sequence[bool | None]
) -> tuple[list[GroupCount], int]:
    """Counts of a rate, record by record: the group, whether it was favoured, whether that was right (None: unknown).

    Beside them, how many of the records that the rate is about have no group.
    """
    wanted = {Rate.SELECTION: (True, False, None), Rate.TRUE_POSITIVE: (True,), Rate.FALSE_POSITIVE: (False,)}[rate]
    about = [row for row, truth in enumerate(truths) if truth in wanted]
    return tally([names[row] for row in about], [favoured[row] for row in about])
