"""What a declared column becomes."""

from collections.abc import Sequence

from monitor.domain.derived import DerivedColumn, TextColumn
from monitor.stats.columns import Column
from monitor.stats.derived.descriptors import text_columns
from monitor.stats.derived.vectors import vector_columns


def derive(spec: DerivedColumn, values: Sequence[object]) -> dict[str, Column]:
    """The columns that are made of these values, by name: a function of each value alone."""
    return text_columns(spec, values) if isinstance(spec, TextColumn) else vector_columns(spec, values)
