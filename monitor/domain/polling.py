"""A table of ground truth that is asked again and again: its rows, and how far it has been read."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

ALWAYS_MS = 1 << 53
"""Stands for the time of a row whose `updated_at` is no time: it is remembered for good."""


@dataclass(frozen=True, slots=True)
class PolledRow:
    """One row. `place` and `newest` are texts that only the table reads: the row's place in the order of
    (updated_at, id), and its `updated_at`.

    `id` is a digest of all that the row says, with its `updated_at`. `message` is the ground-truth record, None where
    the label is not known yet. `at_ms` is `updated_at` as an instant, None when it is none.
    """

    id: bytes
    place: str
    newest: str
    at_ms: int | None
    message: bytes | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a table has been read.

    `place` is that of the last row read; `newest` and `newest_ms` are of the latest `updated_at` seen. `reached_ms` is
    the latest one that there was when the poll began, or the present then, if that was earlier: a row in the future
    must hide nothing, and what was committed while the poll was under way, or lay idle, is looked for by the next. A
    poll that `is_complete` has seen the end of the table; the next one then looks back, another goes on after `place`.
    """

    place: str
    newest: str
    newest_ms: int
    reached_ms: int
    is_complete: bool

    def after(self, rows: Sequence[PolledRow]) -> "Cursor":
        """The cursor behind these rows, which are in order and at least one."""
        newest_ms, newest = self.newest_ms, self.newest
        for row in rows:
            if row.at_ms is not None and (row.at_ms > newest_ms or not newest):
                newest_ms, newest = row.at_ms, row.newest
        return Cursor(rows[-1].place, newest, newest_ms, self.reached_ms, is_complete=False)


NOTHING_READ = Cursor("", "", 0, 0, is_complete=True)
"""Where a table stands that was never read."""


@dataclass(frozen=True, slots=True)
class TableState:
    """What is known of a table that is polled; times are of the wall clock, 0 for never.

    `asked` is a digest of what was asked of it. `rows` were appended to the log, `unlabelled` of those read had no
    label yet, each counted once while it is remembered. `failures` in a row have the reason `error`; `undated` rows
    have no `updated_at` and are never read.
    """

    source: str
    cursor: Cursor
    revision: int = 0
    asked: str = ""
    completed_at_ms: int = 0
    rows: int = 0
    unlabelled: int = 0
    undated: int = 0
    failures: int = 0
    error: str = ""


class TruthTable(Protocol):
    """A table of somebody else's database, which is only read. SourceUnavailable when it cannot be read now."""

    def read(self, cursor: Cursor) -> Generator[Sequence[PolledRow]]:
        """The rows from the cursor on in order, in batches; at most `page` of them in all."""
        ...

    @property
    def asks(self) -> str:
        """A digest of what is asked of it: when that is another, the table is read from its start."""
        ...

    @property
    def page(self) -> int:
        """Most rows that `read` gives: fewer mean that the end of the table was seen."""
        ...

    def newest_ms(self) -> int | None:
        """The latest `updated_at` that there is now; None when there is none, or it is no time."""
        ...

    def undated(self) -> int:
        """How many rows have no `updated_at`; it stops counting at some number."""
        ...

    def look_back_ms(self, cursor: Cursor) -> int:
        """The instant from which a later poll reads again."""
        ...


class PolledLog(Protocol):
    """Keeps the rows of tables, and how far each has been read, in one transaction. StoreUnavailable on trouble."""

    def state(self, source: str) -> TableState:
        """What is known of the table."""
        ...

    def append(
        self, state: TableState, rows: Sequence[PolledRow], cursor: Cursor, keep_ids_from_ms: int, now_ms: int
    ) -> TableState:
        """Keep the rows that are new, and the cursor behind them; ids of rows before that instant are forgotten.

        Nothing is kept, and PolledElsewhere raised, when the table's state is not this one any more.
        """
        ...

    def note(self, state: TableState) -> TableState:
        """Save what is known of the table; PolledElsewhere as with `append`."""
        ...
