"""Scores of every class of a record: as text beside its prediction, and as columns for metrics."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.stats.columns import Floats

MOST_LABELS = 100
"""Scores of more labels than this are not kept: each record would be stored with all of them."""


def scores_text(by_label: Mapping[str, float | None] | None) -> str | None:
    """The scores of a record as JSON that repeats, labels in order; None where there are none, or too many.

    >>> scores_text({"b": 0.25, "a": 0.75})
    '{"a":0.75,"b":0.25}'
    """
    if not by_label or len(by_label) > MOST_LABELS:
        return None
    return json.dumps(by_label, sort_keys=True, separators=(",", ":"))


def scores_by_label(texts: Sequence[str | None]) -> dict[str, Floats]:
    """Columns of what `scores_text` made, by label: NaN where a record has no score of it."""
    found: dict[str, Floats] = {}
    for row, text in enumerate(texts):
        for label, score in json.loads(text).items() if text else ():
            if label not in found:
                found[label] = np.full(len(texts), np.nan)
            found[label][row] = np.nan if score is None else score
    return {label: found[label] for label in sorted(found)}
