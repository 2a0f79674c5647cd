"""Comparing tables in a program or a notebook: the same baselines, checks and numbers as the service.

from monitor.compare import build_baseline

baseline = build_baseline(training)        # pandas, polars, pyarrow, anything with __arrow_c_stream__, a path
found = baseline.compare(this_week)        # or an iterator of record batches, which is read once
found.outcome                              # Outcome.DRIFT, NO_DRIFT or INCOMPLETE: what a build should ask
found.drifted                              # names of columns
found.to_pandas()                          # every finding, a row each
found.carried_by                           # columns and values with their shares of the drift
found.picture("amount")                    # an SVG that notebooks show
found.save_html("comparison.html")
baseline.alarms(this_week, "amount")       # rows at which a sequential detector sees a change
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, overload

from monitor.adapters.tables.frames import Table
from monitor.bootstrap.comparing import compared_with, detected_with, reference_of
from monitor.domain.derived import DerivedColumn, TextColumn, VectorColumn
from monitor.domain.errors import BaselineError
from monitor.domain.findings import Verdict
from monitor.domain.sequential import CONFORMAL, DETECTORS, LEAST_RUN_LENGTH
from monitor.domain.time import from_ms
from monitor.shells.web.attribution import attribution_svg
from monitor.shells.web.charts import chart_svg, described
from monitor.shells.web.comparison import comparison_fragment, comparison_page, headline
from monitor.stats.attribution.words import carried_by
from monitor.stats.sequential import CannotWatch
from monitor.usecases.compare import Compared, Comparison, Outcome
from monitor.usecases.detect import Asked, Raised
from monitor.usecases.reference import Reference
from monitor.usecases.training_columns import TrainingOptions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "Alarm",
    "Baseline",
    "BaselineError",
    "CannotWatch",
    "Carrier",
    "CarrierPart",
    "Finding",
    "Findings",
    "Outcome",
    "Picture",
    "Table",
    "Verdict",
    "build_baseline",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check said of one column.

    `statistic` is in the unit of its check; it and `p_value` (0 to 1) are None where nothing could be computed, and
    `p_value` where the check has none. `n_baseline` and `n_current` are the numbers of values it rests on.
    """

    column: str
    check: str
    verdict: Verdict
    statistic: float | None
    p_value: float | None
    n_baseline: int | None
    n_current: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class CarrierPart:
    """A bin or category: its share of the whole drift, and its shares of all rows before and now; each 0 to 1."""

    name: str
    share: float
    baseline: float
    current: float


@dataclass(frozen=True, slots=True)
class Carrier:
    """A column and its share (0 to 1) of the whole drift, which those of its parts add up to."""

    column: str
    share: float
    parts: tuple[CarrierPart, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A row (counted from 1) at which a sequential detector's `statistic` reached its `threshold`, in its own unit.

    The change is estimated to have begun at `since_row`, or, of rows with event times, at `since`; `at` is that of the
    row. `what` says how the values have changed, where the detector can tell.
    """

    row: int
    since_row: int | None
    at: datetime | None
    since: datetime | None
    statistic: float
    threshold: float
    what: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a column's values lay in the baseline and lie in the window, as SVG; `text` says the same in a sentence."""

    svg: str
    text: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | Path) -> None:
        """Write the SVG to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")


class Findings(Sequence[Finding]):
    """The findings of one comparison: a sequence, a table, pictures, a page."""

    def __init__(self, found: Comparison) -> None:
        self._found = found
        self._findings = tuple(map(_finding, found.checks))

    def __len__(self) -> int:
        return len(self._findings)

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | Sequence[Finding]:
        return self._findings[at]

    @property
    def outcome(self) -> Outcome:
        """What the comparison came to, of columns and of all records together, as the command's exit code tells."""
        return self._found.outcome

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """One verdict a column, the gravest first."""
        return self._found.verdicts

    @property
    def drifted(self) -> tuple[str, ...]:
        """Columns that drifted, each by itself; `outcome` knows of what all columns show together, too."""
        return tuple(name for name, verdict in self.verdicts.items() if verdict is Verdict.DRIFTED)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing about the columns, in sentences."""
        return self._found.notes

    @property
    def carried_by(self) -> tuple[Carrier, ...]:
        """Columns that moved more than chance explains, the largest share of the drift first; the shares sum to 1."""
        found = self._found.attribution
        if found is None:
            return ()
        return tuple(
            Carrier(
                part.column,
                found.share(part.bits),
                tuple(CarrierPart(one.name, found.share(one.bits), one.baseline, one.current) for one in part.groups),
            )
            for part in found.columns
        )

    def attribution_picture(self) -> Picture:
        """Those shares as bars."""
        found = self._found.attribution
        if found is None or not found.columns:
            raise ValueError("no column moved more than chance explains: there is nothing to draw")
        return Picture(attribution_svg(found), f"carried by {carried_by(found)}")

    def picture(self, column: str) -> Picture:
        """The column's picture; KeyError names those that have one."""
        chart = self._found.charts.get(column)
        if chart is None:
            raise KeyError(f"no picture of {column!r}; there are {', '.join(self._found.charts)}")
        return Picture(chart_svg(chart), described(chart))

    def to_dicts(self) -> list[dict[str, object]]:
        """A row a finding, of plain values."""
        return [_row(finding) for finding in self]

    def to_arrow(self) -> "pa.Table":
        """A row a finding, as a pyarrow table."""
        import pyarrow as pa  # noqa: PLC0415 - for those who ask for it

        return pa.Table.from_pylist(self.to_dicts(), pa.schema(_SCHEMA))

    def to_pandas(self) -> "pd.DataFrame":
        """A row a finding, as a pandas data frame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_html(self) -> str:
        """A page of its own, with every picture in it: no script, nothing from elsewhere."""
        return comparison_page(self._found)

    def save_html(self, path: str | Path) -> None:
        """Write that page."""
        Path(path).write_text(self.to_html(), encoding="utf-8")

    def _repr_html_(self) -> str:
        return comparison_fragment(self._found)

    def __repr__(self) -> str:
        return f"<Findings: {headline(self._found)}>"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a table looked like; tables are compared with it. Its rows are not kept, unless asked for."""

    _reference: Reference

    @property
    def rows(self) -> int:
        """Number of rows it was built from."""
        return self._reference.baseline.rows

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that can be compared."""
        return tuple(spec.name for spec in self._reference.baseline.schema)

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns that were left out and why, in sentences."""
        return self._reference.notes

    def compare(self, table: Table | str | Path, *, min_records: int = 100, columns_only: bool = False) -> Findings:
        """Judge a table, or an iterator of its parts, as one window, in one pass.

        Of at most 4,000 rows pairs of columns are counted; no row is kept longer than that.

        A check that has fewer than `min_records` values says `insufficient_data`. A column that cannot be compared has
        a finding that says why. `columns_only` leaves out `model_drift`, the check of all columns together, which takes
        rows for independent. BaselineError when the table cannot be read, ValueError for a `min_records` below 1.
        """
        if min_records < 1:
            raise ValueError(f"min_records is {min_records}: a check needs at least 1 row")
        return Findings(compared_with(self._reference, _path(table), min_records, columns_only=columns_only))

    def alarms(
        self,
        table: Table | str | Path,
        column: str,
        *,
        detector: str = CONFORMAL,
        run_length: int = 10_000,
        shift: float = 0.5,
        event_time: str = "",
    ) -> tuple[Alarm, ...]:
        """Show a column's values, row by row, to a sequential detector: the alarms, in the order of rows.

        `run_length` rows, at least 1,000, pass between false alarms on average. `shift` (standard deviations) is what
        `cusum` and `page_hinkley` look for. With event times a detector rests for a minute after each alarm, as in the
        service. CannotWatch says why the column cannot be watched, BaselineError what is wrong with the table.
        """
        if detector not in DETECTORS:
            raise ValueError(f"there is no detector {detector!r}; there are {', '.join(DETECTORS)}")
        if run_length < LEAST_RUN_LENGTH:
            raise ValueError(f"run_length is {run_length}: allow at most one false alarm in {LEAST_RUN_LENGTH} rows")
        asked = Asked((column,), (detector,), run_length, shift, event_time)
        found = detected_with(self._reference, _path(table), asked)
        for why in found.obstacles.values():
            raise why
        return tuple(map(_alarm, found.raised))


def build_baseline(
    table: Table | str | Path,
    *,
    exclude: Sequence[str] = (),
    categorical: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    texts: Sequence[str] = (),
    vectors: Mapping[str, int] | None = None,
    multivariate: bool = False,
) -> Baseline:
    """Profile a table: a pandas, polars or pyarrow one, anything with `__arrow_c_stream__`, parts of it, or a file.

    `exclude` are columns to leave out, `categorical` those whose numbers are categories, `rename` gives columns other
    names, here and in the tables that are compared. `texts` are columns of free text, of which descriptors are
    compared, and `vectors` columns of lists with their number of dimensions (as embeddings). A column `label` is the
    truth and no feature. With `multivariate` rows are compared as wholes, too: 2,000 to 4,000
    of each table. BaselineError when the table cannot be read.
    """
    derived: list[DerivedColumn] = [TextColumn(name) for name in _names(texts)]
    derived += [VectorColumn(name, dimensions) for name, dimensions in (vectors or {}).items()]
    options = TrainingOptions(
        dict(rename or {}), _names(exclude), categorical=_names(categorical), derived=tuple(derived)
    )
    return Baseline(reference_of(_path(table), options, tests_rows=multivariate))


_SCHEMA = {
    "column": "string",
    "check": "string",
    "verdict": "string",
    "statistic": "float64",
    "p_value": "float64",
    "n_baseline": "int64",
    "n_current": "int64",
    "reason": "string",
}


def _path(table: Table | str | Path) -> Table | Path:
    return Path(table) if isinstance(table, str) else table


def _names(said: Sequence[str]) -> tuple[str, ...]:
    """One name is a sequence of letters, too, and is not meant as that."""
    return (said,) if isinstance(said, str) else tuple(said)


def _finding(check: Compared) -> Finding:
    result = check.result
    if result is None:
        return Finding(check.column, check.test, check.verdict, None, None, None, None, check.reason)
    return Finding(
        check.column,
        check.test,
        check.verdict,
        result.statistic,
        result.p_value,
        result.n_baseline,
        result.n_current,
        check.reason,
    )


def _alarm(one: Raised) -> Alarm:
    at, since = (None if ms is None else from_ms(ms) for ms in (one.at_ms, one.since_ms))
    return Alarm(one.row, one.since_row, at, since, one.alarm.statistic, one.alarm.threshold, one.alarm.what)


def _row(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in _SCHEMA} | {"verdict": finding.verdict.value}
