"""The compiled module; src/scanner.rs and src/plan.rs say more."""

from collections.abc import Callable, Sequence
from typing import final

INTERFACE: int

Columns = tuple[
    bytes,
    bytes,
    bytes,
    bytes,
    bytes,
    bytes,
    list[list[str]],
    list[tuple[int, int]],
    list[list[str | None]],
    list[tuple[bytes, bytes]],
]
"""Row numbers and times (int64), numbers (float64) and codes (int32) column by column, ids, their ends, categories,
(column, row) of values of another type, long texts, and of vectors the rows that have one (int64) and their numbers."""

@final
class Plan:
    def __new__(
        cls,
        numeric: Sequence[str],
        categorical: Sequence[str],
        numeric_predictions: bool,
        positive_label: str | None,
        long_texts: Sequence[str],
        vectors: Sequence[tuple[str, int]],
    ) -> Plan: ...

@final
class Scanner:
    def __new__(cls, text_of: Callable[[float], str | None]) -> Scanner: ...
    def scan(
        self,
        values: list[bytes | None],
        longest: int,
        mixed: bool,
        plan_of: Callable[[str, str], Plan | None],
    ) -> tuple[bytes, list[tuple[Plan, Columns]]]: ...
