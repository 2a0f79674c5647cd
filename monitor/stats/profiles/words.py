"""What bins and categories are called, for people."""

import itertools
import math
from collections.abc import Sequence

MISSING, UNSEEN = "missing", "not in the baseline"
_MAX_LABEL_CHARS = 24
_TINY = 1e-300


def ranges(inner: Sequence[float]) -> list[str]:
    """Names of the bins between these ascending edges: below the first, between two, from the last upwards.

    A bin that holds one value alone is called by it.

    >>> ranges([1.0, 20.0])
    ['below 1', '1 to 20', '20 or more']
    >>> ranges([0.0, 5e-324, 3.0])
    ['below 0', '0', 'above 0 to 3', '3 or more']
    """
    if not inner:
        return ["any value"]
    behind_value = [False, *map(_is_one_value, itertools.pairwise(inner))]
    named = [
        _between(*ends, is_above=above) for ends, above in zip(itertools.pairwise(inner), behind_value, strict=False)
    ]
    last = f"above {_number(inner[-1])}" if behind_value[-1] else f"{_number(inner[-1])} or more"
    return [f"below {_number(inner[0])}", *named, last]


def _between(low: float, high: float, *, is_above: bool) -> str:
    if _is_one_value((low, high)):
        return _number(low)
    return f"{'above ' if is_above else ''}{_number(low)} to {_number(high)}"


def _is_one_value(ends: tuple[float, float]) -> bool:
    return math.nextafter(ends[0], math.inf) == ends[1]


def _number(value: float) -> str:
    """With four digits; the smallest float above 0 is none that anybody means."""
    return "0" if abs(value) < _TINY else f"{value:.4g}"


def cut(text: str) -> str:
    """A category, short enough for a label."""
    return text if len(text) <= _MAX_LABEL_CHARS else text[: _MAX_LABEL_CHARS - 1] + "…"
