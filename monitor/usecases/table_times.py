"""Event times of the rows of a table."""

from monitor.stats.cells import Cells, NumberCells, TimeCells
from monitor.stats.columns import Ints
from monitor.usecases.object_cells import ObjectCells
from monitor.usecases.training_columns import event_times


def times_ms(cells: Cells, name: str) -> Ints:
    """Milliseconds since the epoch, `NO_TIME` where there is none; BaselineError for what is no time.

    Timestamps and dates as they are, numbers are seconds, text is RFC 3339; no zone means UTC.
    """
    if isinstance(cells, TimeCells):
        return cells.read()
    if isinstance(cells, ObjectCells):
        return event_times(cells.values, name)
    if isinstance(cells, NumberCells):
        return event_times(cells.numeric().values.tolist(), name)
    return event_times(list(cells.categorical().values), name)
