"""Two files compared without a configuration or a database."""

from pathlib import Path

from monitor.adapters.tabular import FileRows
from monitor.bootstrap.plugins import drift_tests
from monitor.usecases.compare import Comparison, compare
from monitor.usecases.training_columns import TrainingOptions


def compare_files(reference: Path, current: Path, options: TrainingOptions, min_records: int) -> Comparison:
    """By every drift test that is installed; BaselineError names a file that cannot be read."""
    return compare(FileRows(reference), FileRows(current), drift_tests(), options, min_records)
