"""What a test of pairs did not look at: silence about a column would be taken for a look at it."""

from collections.abc import Sequence

from monitor.stats.drift_test import SAYS

NAMED = 3


def with_left_out(detail: dict[str, object], columns: str, looked_at: int, names: Sequence[str]) -> dict[str, object]:
    """The detail of a result with how many of such `columns` were left out; as it is where none was.

    >>> with_left_out({SAYS: "x with y"}, "numeric columns", 2, ["z"])
    {'says': 'x with y; 1 of 3 numeric columns not looked at: z', 'left_out': 1}
    """
    if not names:
        return detail
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    said = f"{len(names)} of {len(names) + looked_at} {columns} not looked at: {', '.join(names[:NAMED])}{rest}"
    before = f"{detail[SAYS]}; " if SAYS in detail else ""
    return detail | {SAYS: before + said, "left_out": len(names)}
