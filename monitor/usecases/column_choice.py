"""Which kind a training column is, or why it is left out."""

import numpy as np

from monitor.domain.errors import BaselineError
from monitor.domain.models import LATENCY, OUTPUT_COLUMNS, SCORE
from monitor.stats.cells import NUMBERS, PROFILED, TIMES, Cells, distinct_and_present
from monitor.stats.columns import Column, NumericColumn

_ID_SHARE = 0.95
_MIN_ROWS_OF_AN_ID = 100


def choose_column(name: str, cells: Cells, *, is_categorical: bool) -> tuple[Column | None, str]:
    """The column, None when it is left out; and a note where people should know something.

    `is_categorical` says that numbers are categories here. BaselineError for an output that must hold numbers and does
    not.
    """
    kinds = cells.kinds
    if not kinds:
        note = f"{name} has no value in any row: only its missing rate is checked"
        return NumericColumn(np.full(len(cells), np.nan)), note
    if TIMES in kinds:
        return None, f"{name} holds times and is left out: derive a number (an age, an hour) to monitor it"
    if not kinds <= PROFILED:
        odd = ", ".join(sorted(kinds))
        return None, f"{name} holds {odd} and is left out: only numbers, text and booleans are profiled"
    if name in {SCORE, LATENCY}:
        if kinds != {NUMBERS}:
            raise BaselineError(f"{name} must hold numbers, and holds {', '.join(sorted(kinds))}")
        return cells.numeric(), ""
    if kinds == {NUMBERS} and not is_categorical:
        return cells.numeric(), ""
    return _categories(name, cells)


def _categories(name: str, cells: Cells) -> tuple[Column | None, str]:
    column = cells.categorical()
    distinct, present = distinct_and_present(column)
    if present >= _MIN_ROWS_OF_AN_ID and distinct > _ID_SHARE * present and name not in OUTPUT_COLUMNS:
        return None, f"{name} looks like an identifier ({distinct:,} values in {present:,} rows) and is left out"
    return column, ""
