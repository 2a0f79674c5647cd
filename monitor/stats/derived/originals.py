"""Texts and vectors as they came, for those who keep them."""

from collections.abc import Sequence

import numpy as np

from monitor.domain.derived import DerivedColumn, TextColumn

_NUMBERS = {float, int, np.float64, np.float32}


def originals(spec: DerivedColumn, values: Sequence[object]) -> list[object]:
    """Each text (str), or vector (a list of floats, of any length); None for what is missing, or is none."""
    if isinstance(spec, TextColumn):
        return [value if isinstance(value, str) else None for value in values]
    return list(map(_vector, values))


def _vector(value: object) -> list[float] | None:
    if isinstance(value, np.ndarray):
        return value.astype(np.float64).tolist() if value.ndim == 1 and value.dtype.kind in "iuf" else None
    if not isinstance(value, list | tuple) or not set(map(type, value)) <= _NUMBERS:
        return None
    try:
        return list(map(float, value))
    except OverflowError:  # a whole number beyond the floats
        return None
