"""What tables are to a comparison: batches of columns, read once or, where types turn out late, once more."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from monitor.domain.errors import MonitorError
from monitor.stats.cells import TableBatch

Seen = Callable[[int], object]
"""Is told how many more rows were read."""


class ReadAgain(MonitorError):
    """A later row changed what is known of an earlier one: read from the start, which costs a pass and no rows."""


class TableReader(Protocol):
    """A file, a folder, a data frame, a stream of record batches."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def rows(self) -> int | None:
        """Number of rows; None when unknown."""
        ...

    def column_groups(self) -> Sequence[frozenset[str] | None]:
        """Columns to read one group after the other, so that few are held at once; None means all of them."""
        ...

    def read_as_text(self, columns: Collection[str]) -> None:
        """Take these columns for text where the table itself has no types, as CSV; before it is read."""
        ...

    def batches(self, columns: Collection[str] | None = None) -> Iterator[TableBatch]:
        """Some rows at a time. BaselineError says what is broken; ReadAgain asks to start over."""
        ...


class Gathering(Protocol):
    """What batches are added to."""

    def add(self, batch: TableBatch) -> None:
        """Take some rows."""
        ...


G = TypeVar("G", bound=Gathering)
R = TypeVar("R")

GROUPS_AT_ONCE = 2
"""More would hold more of a table, and read no faster from one disk."""


def group_by_group(table: TableReader, work: Callable[[frozenset[str] | None], R]) -> list[R]:
    """What becomes of each group of columns, in their order; two at a time, which numpy and Arrow allow."""
    groups = table.column_groups()
    if len(groups) == 1:
        return [work(groups[0])]
    with ThreadPoolExecutor(GROUPS_AT_ONCE) as pool:
        return list(pool.map(work, groups))


def gather(table: TableReader, columns: frozenset[str] | None, seen: Seen, start: Callable[[], G]) -> G:
    """Give every batch to what `start` makes; to a new one when the table asks to be read again."""
    while True:
        gathered = start()
        try:
            for batch in table.batches(columns):
                gathered.add(batch)
                seen(batch.rows)
        except ReadAgain:
            continue
        return gathered
