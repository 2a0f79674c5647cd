"""Files and folders as tables."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from monitor.adapters.tables.csv import csv_batches, padded_columns
from monitor.adapters.tables.json_lines import json_batches
from monitor.adapters.tables.located import located
from monitor.adapters.tables.parquet import column_groups, ipc_batches, parquet_batches, parquet_rows
from monitor.domain.errors import BaselineError
from monitor.stats.cells import TableBatch


@dataclass(slots=True)
class FileTable:
    """The rows of a file, or of all files of one format in a folder, in the order of their names.

    `column_types` is what became known of the columns of CSV files. Tables that are compared share it. `categories` are
    columns of a CSV file that are text where they hold whole numbers with zeros before them: `007` is a code then.
    """

    path: Path
    column_types: dict[str, pa.DataType] = field(default_factory=dict)
    categories: frozenset[str] = frozenset()
    paths: Sequence[Path] = field(init=False)
    file_format: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the files; BaselineError when there is none."""
        self.paths, self.file_format = located(self.path)

    @property
    def name(self) -> str:
        """As people know it."""
        return str(self.path)

    @property
    def rows(self) -> int | None:
        """Number of rows, where the files say so."""
        if self.file_format != "parquet":
            return None
        return sum(map(_rows_of, self.paths))

    def column_groups(self) -> Sequence[frozenset[str] | None]:
        """Parquet's columns lie apart and are read in groups; others are read all at once."""
        rows = self.rows
        return [None] if rows is None else column_groups(self.paths, rows)

    def read_as_text(self, columns: Collection[str]) -> None:
        """CSV has no types: what is text in the reference is text here, too, where all its values spell numbers."""
        for name in columns:
            self.column_types.setdefault(name, pa.string())

    def batches(self, columns: Collection[str] | None = None) -> Iterator[TableBatch]:
        """Some rows at a time; BaselineError says which file is broken."""
        if self.categories and self.file_format == "csv":
            self._look_for_codes()
        for path in self.paths:
            with _explained(path, self.file_format):
                yield from self._batches_of(path, columns)

    def _batches_of(self, path: Path, columns: Collection[str] | None) -> Iterator[TableBatch]:
        match self.file_format:
            case "parquet":
                return parquet_batches(path, columns)
            case "csv":
                return csv_batches(path, columns, self.column_types)
            case "json":
                return json_batches(path, columns)
        return ipc_batches(path, columns)

    def _look_for_codes(self) -> None:
        """Once: later reads know."""
        asked, self.categories = self.categories, frozenset()
        for path in self.paths:
            with _explained(path, self.file_format):
                self.read_as_text(padded_columns([path], asked))


def _rows_of(path: Path) -> int:
    with _explained(path, "parquet"):
        return parquet_rows(path)


@contextmanager
def _explained(path: Path, file_format: str) -> Iterator[None]:
    """Arrow's words about a broken file, with its name and what to do."""
    if path.is_file() and not path.stat().st_size:
        raise BaselineError(f"{path} is empty, without even a header: check what should have written it")
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BaselineError(f"{path} cannot be read as {file_format}: {said}; write it again, or mend it") from error
