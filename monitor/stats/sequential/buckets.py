"""ADWIN's exponential histogram in closed form: which buckets there are after any number of blocks."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Ints

EACH = 5
"""Buckets of a size before the two oldest become one of the next: the paper's M."""


def starts_after(blocks: int) -> list[int]:
    """The blocks at which buckets begin after so many blocks, oldest first.

    The sixth bucket of a size makes one of twice the size of the two oldest. So beyond five there are four or five, by
    turns, and every pair that came before has gone on to the next size.

    >>> starts_after(6), starts_after(7)  # one bucket of two blocks, then four or five of one
    ([0, 2, 3, 4, 5], [0, 2, 3, 4, 5, 6])
    """
    found: list[int] = []
    came, size = blocks, 1
    while came:
        gone = (came - EACH + 1) // 2 if came > EACH else 0
        found[:0] = range(2 * gone * size, came * size, size)
        came, size = gone, 2 * size
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Sums over blocks up to where each bucket begins, and up to the end: all arrays have one more than buckets.

    `starts` are numbers of blocks, `sums` and `squares` those of the values before, `begun` the event times (ms) of the
    buckets' first values (of the end: 0).
    """

    starts: Ints
    sums: Ints
    squares: Ints
    begun: Ints

    @classmethod
    def of(cls, rows: Ints) -> "Buckets":
        """From a row a bucket: blocks, sum, sum of squares, event time of the first value."""
        ends = np.zeros((3, len(rows) + 1), np.int64)
        np.add.accumulate(rows[:, :3].T, axis=1, out=ends[:, 1:])
        return cls(ends[0], ends[1], ends[2], np.append(rows[:, 3], 0))

    def rows(self) -> Ints:
        """The same again."""
        sizes, sums, squares = (np.diff(ends) for ends in (self.starts, self.sums, self.squares))
        return np.stack((sizes, sums, squares, self.begun[:-1]), axis=1)

    def with_blocks(self, sums: Ints, squares: Ints, begun: Ints) -> "Buckets":
        """With each of these blocks as a bucket of its own."""
        return Buckets(
            np.append(self.starts, self.starts[-1] + np.arange(1, len(sums) + 1)),
            np.append(self.sums, self.sums[-1] + np.add.accumulate(sums)),
            np.append(self.squares, self.squares[-1] + np.add.accumulate(squares)),
            np.concatenate((self.begun[:-1], begun, (0,))),
        )

    def until(self, blocks: int) -> "Buckets":
        """What there was after so many blocks, with no more buckets of a size than there may be."""
        kept = np.searchsorted(self.starts, [*starts_after(blocks), blocks])
        return Buckets(self.starts[kept], self.sums[kept], self.squares[kept], self.begun[kept])

    def cuts(self, new: int) -> tuple[Ints, Ints]:
        """Blocks and sums before each bucket, after each of the `new` last blocks: shape (places, new).

        As `starts_after` says, for many at once: of size 2^k have come (blocks + 4) / 2^k - 4, rounded down, or none.
        Places without a bucket have 0 and 0. Each size is looked up where it begins, not after each block.
        """
        blocks = self.starts[-new:]
        powers = np.arange((int(blocks[-1]) + EACH - 1).bit_length() - 1)
        came = np.maximum(((blocks + EACH - 1) >> powers[:, None]) - EACH + 1, 0)
        begin, held = 2 * came[1:], came[:-1] - 2 * came[1:]
        lowest, lengths = begin[:, 0], begin[:, -1] - begin[:, 0] + EACH
        ends = np.cumsum(lengths)
        spans = zip(lowest.tolist(), lengths.tolist(), strict=True)
        known = np.concatenate([(0,), *(np.arange(low, low + n) << k for k, (low, n) in enumerate(spans))])
        sums = self.sums.take(np.searchsorted(self.starts, known), mode="clip")
        places = np.arange(EACH)[:, None]
        at = (begin + (1 + ends - lengths - lowest)[:, None])[:, None, :] + places
        at = np.where(places < held[:, None, :], at, 0).reshape(-1, new)
        return known[at], sums[at]
