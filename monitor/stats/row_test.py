"""What a test of raw rows is: a pure function of rows of the baseline and of a window, all columns together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from monitor.domain.checks import Threshold
from monitor.domain.derived import is_made_of
from monitor.domain.findings import TestResult
from monitor.stats.columns import Column, Ints

DRAWN_FROM = "drawn_from"
"""In the detail of a result that cannot be told, for only some of so many neighbouring rows were looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class RawRows:
    """Columns of equal length. `window_of` (rows,) numbers the windows that rows of a baseline lie in.

    It is -1 for a row without event time; None where no row has one. `drawn_from` is the number of rows of which these
    are one of each few neighbours, so that copies that follow each other are not among them; 0 where nothing was drawn.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    window_of: Ints | None = None
    drawn_from: int = 0

    def __len__(self) -> int:
        """Number of rows."""
        return max(map(len, self.columns.values()), default=0)

    @property
    def lacks_neighbours(self) -> bool:
        """Whether only some of neighbouring rows are here."""
        return self.drawn_from > len(self)


@dataclass(frozen=True, slots=True, eq=False)
class JointRows:
    """Rows of the baseline and rows of the window that is compared with them.

    Whatever chance a test needs follows from `seed`: the same rows and seed give the same result.
    """

    reference: RawRows
    current: RawRows
    seed: int = 0

    def of(self, column: str) -> "JointRows":
        """The rows of the columns that were made of this vector or text alone."""
        return JointRows(_made_of(column, self.reference), _made_of(column, self.current), self.seed)


def _made_of(column: str, rows: RawRows) -> RawRows:
    made = {name: one for name, one in rows.columns.items() if is_made_of(name, column)}
    return RawRows(made, rows.window_of, rows.drawn_from)


@runtime_checkable
class RowTest(Protocol):
    """An algorithm that compares raw rows: it sees what goes with what, which no profile of columns keeps.

    Implementations are frozen dataclasses whose fields are the test's parameters, each with a default, as those of a
    `DriftTest`; `unit`, `minimum`, `maximum` and `default_threshold` mean the same. The column of such a check is
    `records`, or a vector or text: then the rows hold the columns that are made of it, and no others. `run_rows` is
    deterministic, changes nothing, takes bounded time whatever the number of rows, and copes with empty sides.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    minimum: ClassVar[float]
    maximum: ClassVar[float]
    default_threshold: ClassVar[Threshold]

    def run_rows(self, rows: JointRows) -> TestResult:
        """Compare the rows of both sides."""
        ...
