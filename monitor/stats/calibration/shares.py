"""How an alarm budget is shared: between all traffic and its segments, outputs and features, important and others."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from monitor.stats.columns import Floats

OF_SEGMENTS = 0.4
"""Part of the budget that segments share, equally, where a model has any; the rest is that of all traffic."""

OF_OUTPUTS = 0.2
"""Part that is reserved for the model's outputs, however many features there are (Rabanser et al. 2019)."""

BY_IMPORTANCE = 0.5
"""Part of the features' that goes by importance where that is known; the rest is equal, so that none is deaf."""


def of_columns(
    columns: Sequence[str],
    importances: Mapping[str, float],
    outputs: Collection[str],
    without: Collection[str] = (),
) -> Floats:
    """Shares of the columns, which add up to 1; those `without` a share get 0, and all are 0 when none is left.

    >>> of_columns(["age", "city", "score"], {}, ["score"]).tolist()
    [0.4, 0.4, 0.2]
    >>> of_columns(["age", "city"], {"age": 3.0, "city": 1.0}, []).tolist()
    [0.625, 0.375]
    """
    held = np.array([name not in without for name in columns], np.bool_)
    is_output = np.array([name in outputs for name in columns], np.bool_) & held
    features = held & ~is_output
    important = np.array([importances.get(name, 0.0) for name in columns]) * features
    shares = _equal(features)
    if important.any():
        shares = (1 - BY_IMPORTANCE) * shares + BY_IMPORTANCE * important / important.sum()
    if not is_output.any():
        return shares
    return OF_OUTPUTS * _equal(is_output) + (1 - OF_OUTPUTS) * shares if features.any() else _equal(is_output)


def of_parts(segments: Collection[str], all_traffic: str) -> dict[str, float]:
    """The part of all traffic, and of each segment; they add up to 1.

    >>> of_parts(["de", "fr"], "")
    {'': 0.6, 'de': 0.2, 'fr': 0.2}
    """
    if not segments:
        return {all_traffic: 1.0}
    return {all_traffic: 1 - OF_SEGMENTS, **dict.fromkeys(segments, OF_SEGMENTS / len(segments))}


def _equal(held: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> Floats:
    found: Floats = held / max(1, held.sum())
    return found
