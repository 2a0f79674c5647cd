"""Profile of a categorical column: counters of the values that the baseline knows, and of what came beside them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect
from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import CategoricalColumn, Ints
from monitor.stats.profiles.unseen import UnseenSample, printable
from monitor.stats.texts import counted

RECORDS, MISSING, INVALID, UNSEEN = 0, 1, 2, 3
SPECIAL = 4
"""Counters of all records and of what is no known category; they stand before those of the categories."""

MAX_CATEGORIES = 1_000
"""More distinct values than this are not told apart: the rarer ones count as unseen, in the baseline, too."""

RARE = 10
"""Values that occur more often than this in a baseline are no accident of its size."""


@dataclass(frozen=True, slots=True)
class CategoricalLayout:
    """The values that the baseline knows, most frequent first (equal frequencies by name)."""

    categories: tuple[str, ...]
    digest: str = field(init=False)
    positions: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive what every update needs."""
        digest = hashlib.blake2b(digest_size=16)
        for category in self.categories:
            encoded = category.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        object.__setattr__(self, "digest", digest.hexdigest())
        object.__setattr__(self, "positions", {name: SPECIAL + k for k, name in enumerate(self.categories)})

    @classmethod
    def of(cls, values: Sequence[str | None]) -> "CategoricalLayout":
        """The layout that a baseline's values ask for: the `MAX_CATEGORIES` most frequent ones.

        Where that cuts through values of one frequency of at most `RARE`, all of these are left out: chance, or the
        alphabet, must not decide which of the rare values are known.
        """
        seen = dict(counted(values))
        seen.pop(None, None)
        storable = ((value, n) for value, n in seen.items() if value is not None and printable(value) == value)
        ranked = sorted(storable, key=lambda item: (-item[1], item[0]))
        known = ranked[:MAX_CATEGORIES]
        if len(ranked) > MAX_CATEGORIES and (dropped := ranked[MAX_CATEGORIES][1]) <= RARE:
            known = [(value, n) for value, n in known if n > dropped]
        return cls(tuple(value for value, _ in known))

    @property
    def size(self) -> int:
        """Number of counters that a profile on this layout has."""
        return SPECIAL + len(self.categories)


class CategoricalProfile:
    """Counts of a categorical column's values; a commutative monoid under `merge`.

    All state is integers and a bounded sample of unseen values: any order and grouping of updates and merges gives the
    same bits. `counters` may be a view into the array of a `ModelProfile`.
    """

    __slots__ = ("counters", "layout", "sample")

    aspects: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.CATEGORIES, Aspect.MISSING, Aspect.UNSEEN})

    def __init__(self, layout: CategoricalLayout, counters: Ints, sample: UnseenSample) -> None:
        self.layout, self.counters, self.sample = layout, counters, sample

    @classmethod
    def empty(cls, layout: CategoricalLayout) -> "CategoricalProfile":
        """The profile of no records."""
        return cls(layout, np.zeros(layout.size, np.int64), UnseenSample())

    @property
    def counts(self) -> Ints:
        """Number of records of each category of the layout, in its order."""
        return self.counters[SPECIAL:]

    @property
    def missing(self) -> int:
        """Number of records without a value."""
        return int(self.counters[MISSING])

    @property
    def invalid(self) -> int:
        """Number of records whose value was neither text nor a number or boolean that stands for one."""
        return int(self.counters[INVALID])

    @property
    def unseen(self) -> int:
        """Number of records whose value is none of the layout's categories."""
        return int(self.counters[UNSEEN])

    @property
    def n(self) -> int:
        """Number of records, with a value or without."""
        return int(self.counters[RECORDS])

    @property
    def n_values(self) -> int:
        """Number of records with a value."""
        records, missing, invalid = self.counters[: INVALID + 1].tolist()
        return int(records - missing - invalid)

    def update(self, column: CategoricalColumn) -> None:
        """Count the values of a batch. The column is left as it is."""
        seen = dict(counted(column.values))
        invalid = 0 if column.invalid is None else int(np.count_nonzero(column.invalid))
        missing = seen.pop(None, 0) - invalid
        positions = self.layout.positions
        where, how_many = [RECORDS, MISSING, INVALID], [len(column), missing, invalid]
        strangers = []
        for value, n in seen.items():
            position = positions.get(value, UNSEEN)  # type: ignore[arg-type]  # None was taken out above
            if position == UNSEEN:
                strangers.append((value, n))
            else:
                where.append(position)
                how_many.append(n)
        self.counters[where] += np.array(how_many)  # every position occurs once
        if strangers:
            self.counters[UNSEEN] += sum(n for _, n in strangers)
            self.sample.add(strangers)  # type: ignore[arg-type]  # the same

    def add_missing(self, n: int) -> None:
        """Count n records in which the column is absent."""
        self.counters[RECORDS] += n
        self.counters[MISSING] += n

    def add_invalid(self, n: int) -> None:
        """Count n records in which the whole column has another type."""
        self.counters[RECORDS] += n
        self.counters[INVALID] += n

    def merge(self, other: "CategoricalProfile") -> "CategoricalProfile":
        """The profile of both sets of records; LayoutMismatch when they know different categories."""
        if self.layout.digest != other.layout.digest:
            raise LayoutMismatch("cannot merge profiles of different categories: they belong to different baselines")
        sample = UnseenSample.merged(self.sample.counts, other.sample.counts)
        return CategoricalProfile(self.layout, self.counters + other.counters, sample)
