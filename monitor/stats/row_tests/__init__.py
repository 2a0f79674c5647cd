"""Tests of raw rows, one a file; the rows of a window are those that the archive keeps."""

from collections.abc import Mapping

from monitor.stats.row_test import RowTest
from monitor.stats.row_tests.domain_classifier import DomainClassifier
from monitor.stats.row_tests.duplicate_rows import DuplicateRows
from monitor.stats.row_tests.frechet_distance import FrechetDistance
from monitor.stats.row_tests.mean_discrepancy import MeanDiscrepancy
from monitor.stats.row_tests.reconstruction_error import ReconstructionError
from monitor.stats.row_tests.training_rows import TrainingRows

_KINDS: tuple[type[RowTest], ...] = (
    DomainClassifier,
    MeanDiscrepancy,
    ReconstructionError,
    FrechetDistance,
    DuplicateRows,
    TrainingRows,
)
ROW_TESTS: Mapping[str, RowTest] = {kind.name: kind() for kind in _KINDS}
"""Those that come with the program, by name, with their default parameters."""
