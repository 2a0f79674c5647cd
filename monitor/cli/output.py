"""Tables and bars for people, JSON for machines."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_FILE_WIDTH = 240
"""Characters a line where the output is no terminal."""

_MOST_CHARS = 5_000
"""Of one cell; what this program writes itself stays far below."""

VERDICT_STYLES = {
    "ok": "green",
    "warning": "yellow",
    "drifted": "bold red",
    "degraded": "bold red",
    "low_volume": "bold red",
    "low_coverage": "bold red",
    "no_data": "bold red",
    "insufficient_data": "dim",
    "failed": "magenta",
}


def print_json(rows: Iterable[Mapping[str, object]]) -> None:
    """One JSON array, a row a line: whole for parsers, line by line for people who grep."""
    separator = "["
    for row in rows:
        click.echo(f"{separator}\n" + json.dumps(row, default=str, ensure_ascii=False, allow_nan=False), nl=False)
        separator = ","
    click.echo("[]" if separator == "[" else "\n]")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table as wide as the terminal; `empty` is said when there is nothing to show."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in {"name", "id", "column", "key"})
    number = 0
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in row))
        number += 1
    if number:
        console().print(table)
    else:
        click.echo(empty)


def written(path: Path, text: str) -> None:
    """Write a file and say so on standard error; a click error where that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {path}", err=True)


def verdict_text(verdict: str) -> Text:
    """The verdict in its colour."""
    return Text(verdict, style=VERDICT_STYLES.get(verdict, ""))


def labels_text(labels: object) -> str:
    """Labels as they are typed: name=value, with blanks between."""
    return " ".join(f"{name}={value}" for name, value in labels.items()) if isinstance(labels, dict) else ""


def number(value: float | None) -> str:
    """A statistic, short."""
    return "" if value is None else f"{value:.4g}"


def console(*, err: bool = False) -> Console:
    """On standard output, without colours where nobody sees them."""
    shown = Console(stderr=err, highlight=False)
    return shown if shown.is_terminal else Console(stderr=err, highlight=False, width=_FILE_WIDTH)


def _shown(cell: object) -> str:
    """In a terminal: what others wrote must not move its cursor, nor fill it."""
    text = "" if cell is None else str(cell).replace("\t", " ")
    rest = len(text) - _MOST_CHARS
    text = text if rest <= 0 else f"{text[:_MOST_CHARS]}... ({rest:,} characters more; --json shows all)"
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


@dataclass(frozen=True, slots=True)
class Bars:
    """Progress bars on standard error; the port `Progress`."""

    rich: "RichProgress"

    @contextmanager
    def task(self, title: str, total: int | None) -> Iterator["Bar"]:
        """One bar; it stays, full, when left."""
        task = self.rich.add_task(title, total=total)
        bar = Bar(self.rich, task)
        yield bar
        done = next(t.completed for t in self.rich.tasks if t.id == task)
        self.rich.update(task, total=done if total is None else total)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; the port `ProgressTask`."""

    rich: "RichProgress"
    task: "TaskID"

    def advance(self, steps: int = 1) -> None:
        """So many steps further."""
        self.rich.advance(self.task, steps)


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars while a command works; nothing is drawn where standard error is no terminal."""
    from rich import progress  # noqa: PLC0415 - most commands draw no bar

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    err = console(err=True)
    with progress.Progress(*columns, console=err, disable=not err.is_terminal) as rich:
        yield Bars(rich)


def left_out_words(windows: int) -> str:
    """What is to be said of windows of a baseline that are too small to calibrate alarms on; empty of none."""
    if not windows:
        return ""
    from monitor.stats.calibration.windows import LEAST_RECORDS  # noqa: PLC0415 - heavy

    return f"; {windows:,} between them left out, with fewer than {LEAST_RECORDS} rows each"
