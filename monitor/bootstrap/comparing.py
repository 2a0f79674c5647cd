"""Two tables compared without a configuration or a database."""

from pathlib import Path

from monitor.adapters.tables.files import FileTable
from monitor.adapters.tables.frames import FrameTable, Table
from monitor.bootstrap.plugins import drift_tests
from monitor.domain.progress import Progress
from monitor.usecases.compare import Comparison, compare, compare_with
from monitor.usecases.detect import Asked, Detected, detect, detect_with
from monitor.usecases.reference import Reference, read_reference
from monitor.usecases.table_reader import TableReader
from monitor.usecases.training_columns import TrainingOptions


def compare_files(
    reference: Path,
    current: Path,
    options: TrainingOptions,
    min_records: int,
    progress: Progress,
    *,
    multivariate: bool = False,
    columns_only: bool = False,
) -> Comparison:
    """By every drift test that is installed; BaselineError names a file that cannot be read.

    Those of raw rows run where `multivariate` asks for them; `columns_only` leaves out all columns together.
    """
    first = FileTable(reference, categories=options.sources_of_categories)
    second = FileTable(current, first.column_types)
    tests = drift_tests()
    return compare(
        first, second, tests, options,
        min_records=min_records, progress=progress, multivariate=multivariate, columns_only=columns_only,
    )  # fmt: skip


def detect_in_files(
    reference: Path, current: Path, asked: Asked, categorical: tuple[str, ...], progress: Progress
) -> Detected:
    """Alarms of sequential detectors on the rows of a file; BaselineError names a file that cannot be read."""
    first = FileTable(reference, categories=frozenset(categorical))
    return detect(first, FileTable(current, first.column_types), asked, categorical, progress)


def detected_with(reference: Reference, table: Table | Path, asked: Asked) -> Detected:
    """The same on a table, a stream of its parts, or a file, against a baseline."""
    return detect_with(reference, _reader(table, "the table"), asked, _unseen)


def reference_of(table: Table | Path, options: TrainingOptions, *, tests_rows: bool = False) -> Reference:
    """The baseline of a table, a stream of its parts, or a file; for tests of raw rows, too, where they are to run."""
    reader = _reader(table, "the reference", options.sources_of_categories)
    return read_reference(reader, options, _unseen, tests_rows=tests_rows)


def compared_with(
    reference: Reference, table: Table | Path, min_records: int, *, columns_only: bool = False
) -> Comparison:
    """The checks of a table, a stream of its parts, or a file against a baseline."""
    second = _reader(table, "the table")
    return compare_with(reference, second, drift_tests(), min_records, _unseen, columns_only=columns_only)


def _reader(table: Table | Path, name: str, categories: frozenset[str] = frozenset()) -> TableReader:
    return FileTable(table, categories=categories) if isinstance(table, Path) else FrameTable(table, name)


def _unseen(rows: int) -> None:
    """Nobody watches."""
