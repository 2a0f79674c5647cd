"""Columns of a model: what they are called, and how they are profiled."""

from dataclasses import dataclass
from enum import StrEnum


class ColumnKind(StrEnum):
    """How the values of a column are profiled."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A feature or output with its kind, as the baseline's schema states it."""

    name: str
    kind: ColumnKind
