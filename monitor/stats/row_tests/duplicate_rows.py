"""Whether rows of a window are the same as others of it, more than those of the baseline are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.columns import Ints, Rows
from monitor.stats.drift_test import LACKS, SAYS
from monitor.stats.joint.exchange import LEAST_ROWS
from monitor.stats.joint.row_ids import row_ids
from monitor.stats.row_test import DRAWN_FROM, JointRows, RawRows

_SEEN_IN_A_SAMPLE = 1.0
"""Percentage points. Copies that are found were there; fewer tell nothing where copies may have been left out."""


@dataclass(frozen=True, slots=True)
class DuplicateRows:
    """By how many percentage points more rows of the window repeat an earlier one, in every column: 0 to 100.

    100 (n - distinct) / n, of equally many rows of both sides (at most `most_rows`), the baseline's taken off: where
    few values are possible, rows are alike without a fault. Two rows are the same when all columns that both sides have
    hold the same, missing values included; ids and event times are no columns. Unit: percentage points. The p-value
    comes from exchanging rows (Fisher 1935): a row and its copy seldom stay on one side. The default threshold asks for
    5 points *and* p <= 0.02. Use it where a join may multiply rows, or a producer sends one content under many ids;
    `duplicates` sees the same id sent again. It needs raw rows: `archive` in the model's file, or
    `driftline compare --multivariate`. Of a random sample it sees fewer copies than there are: where one row in ten is
    kept, about one in ten of the rows that come twice. Of a sample that has one of each few neighbours, as `compare`
    draws of more than 4,000 rows, copies that follow each other are gone: less than 1 point is no answer there, but a
    note.
    """

    name: ClassVar[str] = "duplicate_rows"
    title: ClassVar[str] = "Duplicate rows"
    unit: ClassVar[str] = "percentage points"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=5.0, warning=1.0, alpha=0.02)
    most_rows: int = 5_000
    permutations: int = 99

    def __post_init__(self) -> None:
        """ValueError for numbers that make no sense."""
        if self.most_rows < 1 or self.permutations < 1:
            raise ValueError("most_rows and permutations must be at least 1")

    def run_rows(self, rows: JointRows) -> TestResult:
        """Count on both sides, as it is and for every exchange."""
        sides, n_baseline, n_current = (rows.reference, rows.current), len(rows.reference), len(rows.current)
        if min(n_baseline, n_current) < LEAST_ROWS:
            return TestResult(0.0, None, n_baseline, n_current, detail={"needs": LEAST_ROWS})
        names = sorted(rows.reference.columns.keys() & rows.current.columns.keys())
        if not names:
            return TestResult(0.0, None, n_baseline, n_current, detail={LACKS: "no column is on both sides"})
        random = np.random.default_rng(rows.seed)
        n = min(n_baseline, n_current, self.most_rows)
        drawn = [_drawn(len(side), n, random) for side in sides]
        ids = row_ids([side.columns[name].take(at) for side, at in zip(sides, drawn, strict=True)] for name in names)
        excesses = [_excess(ids, n)] + [_excess(random.permutation(ids), n) for _ in range(self.permutations)]
        before, now = _repeated(ids[:n]), _repeated(ids[n:])
        excess = 100 * max(0, now - before) / n
        if rows.current.lacks_neighbours and excess < _SEEN_IN_A_SAMPLE:
            unseen: dict[str, object] = {LACKS: _sampled(rows.current), DRAWN_FROM: rows.current.drawn_from}
            return TestResult(0.0, None, n_baseline, n_current, detail=unseen)
        detail: dict[str, object] = {
            "baseline_share": before / n,
            "share": now / n,
            SAYS: f"{100 * now / n:.3g} % of {n:,} rows, {100 * before / n:.3g} % in the baseline" + _doubts(rows),
        }
        p_value = float(np.mean(np.array(excesses) >= excesses[0]))
        return TestResult(excess, p_value, n_baseline, n_current, detail=detail)


def _drawn(have: int, n: int, random: np.random.Generator) -> Rows:
    rows: Rows = np.sort(random.choice(have, n, replace=False))
    return rows


def _sampled(side: RawRows) -> str:
    return (
        f"copies that follow each other cannot be seen, for {len(side):,} of {side.drawn_from:,} rows were drawn, one "
        "of each few neighbours: count distinct rows where the table is made"
    )


def _doubts(rows: JointRows) -> str:
    """What the shares do not tell, in words."""
    current = ", or more: copies that follow each other were not drawn" if rows.current.lacks_neighbours else ""
    known = rows.reference
    drawn = (
        f" ({len(known):,} rows drawn of {known.drawn_from:,}, which may hide some)" if known.lacks_neighbours else ""
    )
    return drawn + current


def _excess(ids: Ints, n: int) -> int:
    return _repeated(ids[n:]) - _repeated(ids[:n])


def _repeated(ids: Ints) -> int:
    return len(ids) - len(np.unique(ids))
