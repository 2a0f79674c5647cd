"""Two tables compared without a configuration or a database."""

from pathlib import Path

from monitor.adapters.tables.files import FileTable
from monitor.bootstrap.plugins import drift_tests
from monitor.domain.ports import Progress
from monitor.usecases.compare import Comparison, compare
from monitor.usecases.training_columns import TrainingOptions


def compare_files(
    reference: Path, current: Path, options: TrainingOptions, min_records: int, progress: Progress
) -> Comparison:
    """By every drift test that is installed; BaselineError names a file that cannot be read."""
    first = FileTable(reference)
    second = FileTable(current, first.column_types)
    return compare(first, second, drift_tests(), options, min_records=min_records, progress=progress)
