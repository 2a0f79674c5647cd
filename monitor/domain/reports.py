"""Drill-down reports: what to render, and what came of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReportJob:
    """Render the records of [start_ms, end_ms) in `current` files against the rows of the `reference` file.

    Paths are relative to the `archive`, a folder or URL. `current` gives each file's sampling rate: rows are thinned to
    the lowest, so that all count alike. `numeric` and `categorical` name the columns; at most `max_rows` rows of either
    side are used, evenly spread.
    """

    title: str
    archive: str
    reference: str
    current: tuple[tuple[str, float], ...]
    start_ms: int
    end_ms: int
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    output: str
    max_rows: int = 50_000


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """Where the HTML file is, how many rows it rests on, which columns had to be left out and why.

    `rate` (above 0, at most 1) is the share of the window's records that the archive kept.
    """

    path: str
    reference_rows: int
    current_rows: int
    left_out: dict[str, str] = field(default_factory=dict)
    rate: float = 1.0
