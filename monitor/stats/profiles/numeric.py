"""Profile of a numeric column: integer counters in bins that the baseline fixed."""

import hashlib
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Aspect
from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import Floats, Ints, Mask, NumericColumn
from monitor.stats.profiles import edges as choose

RECORDS, MISSING, INVALID, NEGATIVE_INFINITE, POSITIVE_INFINITE = 0, 1, 2, 3, 4
SPECIAL = 5
"""Counters of all records and of what no bin can hold; they stand before those of the bins."""


@dataclass(frozen=True, slots=True, eq=False)
class NumericLayout:
    """Where the bins of a column lie, and what else of the baseline the tests need.

    `edges` (e of them, ascending) make e + 1 bins: below the first, [edge, next edge) ..., from the last upwards.
    `coarse` are the positions in `edges` of deciles and heavy atoms; `low` and `high` bound the usual range [low, high)
    and are among the edges. `minimum`, `maximum`, `median` and `spread` (standard deviation within the usual range)
    describe the baseline. A column without a finite value has no edges and NaN for all of these.
    """

    edges: Floats
    coarse: Ints
    low: float
    high: float
    minimum: float
    maximum: float
    median: float
    spread: float
    digest: str = field(init=False)
    coarse_starts: Ints = field(init=False)
    atoms: Mask = field(init=False)
    usual: slice = field(init=False)

    def __post_init__(self) -> None:
        """Derive what every comparison needs."""
        numbers = np.array([self.low, self.high, self.minimum, self.maximum, self.median, self.spread])
        text = b"|".join(array.tobytes() for array in (self.edges, self.coarse, numbers))
        atoms = np.zeros(self.bins, dtype=np.bool_)
        with np.errstate(under="ignore"):  # next to zero lies a subnormal float
            atoms[1:-1] = np.nextafter(self.edges[:-1], math.inf) == self.edges[1:]
        usual = slice(0, 1)
        if len(self.edges):
            first, last = np.searchsorted(self.edges, [self.low, self.high]).tolist()
            usual = slice(first + 1, last + 1)
        object.__setattr__(self, "digest", hashlib.blake2b(text, digest_size=16).hexdigest())
        object.__setattr__(self, "coarse_starts", np.concatenate((np.zeros(1, np.int64), self.coarse + 1)))
        object.__setattr__(self, "atoms", atoms)
        object.__setattr__(self, "usual", usual)

    @classmethod
    def of(cls, values: Floats) -> "NumericLayout":
        """The layout that a baseline's values ask for; NaN and infinities are left out."""
        ordered = np.sort(values[np.isfinite(values)]) + 0.0
        if not len(ordered):
            nothing = math.nan
            return cls(np.empty(0), np.empty(0, np.int64), nothing, nothing, nothing, nothing, nothing, nothing)
        edges = choose.fine_edges(ordered)
        coarse = np.searchsorted(edges, choose.coarse_edges(ordered)).astype(np.int64)
        low, high = choose.usual_range(ordered)
        median = float(choose.quantiles(ordered, np.array([0.5]))[0])
        return cls(edges, coarse, low, high, float(ordered[0]), float(ordered[-1]), median, choose.spread(ordered))

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1

    @property
    def size(self) -> int:
        """Number of counters that a profile on this layout has."""
        return SPECIAL + self.bins


class NumericProfile:
    """Counts of a numeric column's values; a commutative monoid under `merge`.

    All state is integers, but for the smallest and largest finite value: any order and grouping of updates and merges
    gives the same bits. `counters` and `extremes` may be views into the arrays of a `ModelProfile`.
    """

    __slots__ = ("counters", "extremes", "layout")

    aspects: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.MISSING, Aspect.RANGE})

    def __init__(self, layout: NumericLayout, counters: Ints, extremes: Floats) -> None:
        self.layout, self.counters, self.extremes = layout, counters, extremes

    @classmethod
    def empty(cls, layout: NumericLayout) -> "NumericProfile":
        """The profile of no records."""
        return cls(layout, np.zeros(layout.size, np.int64), np.array([math.inf, -math.inf]))

    @property
    def counts(self) -> Ints:
        """Number of finite values in each bin, shape (layout.bins,)."""
        return self.counters[SPECIAL:]

    @property
    def missing(self) -> int:
        """Number of records without a value."""
        return int(self.counters[MISSING])

    @property
    def invalid(self) -> int:
        """Number of records whose value was no number."""
        return int(self.counters[INVALID])

    @property
    def neg_inf(self) -> int:
        """Number of values that were minus infinity."""
        return int(self.counters[NEGATIVE_INFINITE])

    @property
    def pos_inf(self) -> int:
        """Number of values that were plus infinity."""
        return int(self.counters[POSITIVE_INFINITE])

    @property
    def min(self) -> float:
        """Smallest finite value, plus infinity when there was none."""
        return float(self.extremes[0])

    @property
    def max(self) -> float:
        """Largest finite value, minus infinity when there was none."""
        return float(self.extremes[1])

    @property
    def n(self) -> int:
        """Number of records, with a value or without."""
        return int(self.counters[RECORDS])

    @property
    def n_values(self) -> int:
        """Number of records with a value, infinities included."""
        records, missing, invalid = self.counters[: INVALID + 1].tolist()
        return int(records - missing - invalid)

    def update(self, column: NumericColumn) -> None:
        """Count the values of a batch. The column is left as it is."""
        ordered = np.sort(column.values)
        n = len(ordered)
        if not n:
            return
        first, end, numbers = _finite(ordered)
        invalid = 0 if column.invalid is None else int(np.count_nonzero(column.invalid))
        self.counters[:SPECIAL] += (n, n - numbers - invalid, invalid, first, numbers - end)
        if end > first:
            self._count(ordered, first, end)

    def _count(self, ordered: Floats, first: int, end: int) -> None:
        bounds = np.empty(self.layout.bins + 1, np.int64)
        bounds[0], bounds[-1] = first, end
        bounds[1:-1] = ordered.searchsorted(self.layout.edges)
        self.counters[SPECIAL:] += bounds[1:] - bounds[:-1]
        self.extremes[0] = min(self.extremes[0], ordered[first] + 0.0)
        self.extremes[1] = max(self.extremes[1], ordered[end - 1] + 0.0)

    def add_missing(self, n: int) -> None:
        """Count n records in which the column is absent."""
        self.counters[RECORDS] += n
        self.counters[MISSING] += n

    def add_invalid(self, n: int) -> None:
        """Count n records in which the whole column has another type."""
        self.counters[RECORDS] += n
        self.counters[INVALID] += n

    def merge(self, other: "NumericProfile") -> "NumericProfile":
        """The profile of both sets of records; LayoutMismatch when they were counted on different bins."""
        if self.layout.digest != other.layout.digest:
            raise LayoutMismatch("cannot merge numeric profiles on different bins: they belong to different baselines")
        low, high = min(self.min, other.min), max(self.max, other.max)
        return NumericProfile(self.layout, self.counters + other.counters, np.array([low, high]))

    def binned(self) -> Ints:
        """Values in each bin, infinities in the outermost: what distribution tests compare, shape (layout.bins,)."""
        counts = self.counters[SPECIAL:].copy()
        counts[0] += self.counters[NEGATIVE_INFINITE]
        counts[-1] += self.counters[POSITIVE_INFINITE]
        return counts

    def coarse(self) -> Ints:
        """Values in each coarse bin: deciles of the baseline and its heavy atoms; infinities in the outermost."""
        counts: Ints = np.add.reduceat(self.counters[SPECIAL:], self.layout.coarse_starts)
        counts[0] += self.counters[NEGATIVE_INFINITE]
        counts[-1] += self.counters[POSITIVE_INFINITE]
        return counts

    def outside(self) -> int:
        """Number of values, infinities included, outside the usual range of the baseline."""
        return self.n_values - int(self.counters[SPECIAL:][self.layout.usual].sum())


def _finite(ordered: Floats) -> tuple[int, int, int]:
    """Where the finite values of a sorted batch begin and end, and how many values are no NaN."""
    n = len(ordered)
    if -math.inf < ordered[0] and ordered[-1] < math.inf:
        return 0, n, n
    numbers = int(ordered.searchsorted(math.nan))
    first = int(ordered.searchsorted(-math.inf, side="right"))
    return first, int(ordered.searchsorted(math.inf)), numbers
