"""What makes the scores of many classes no probabilities, row by row and in words."""

import numpy as np

from monitor.stats.columns import Mask
from monitor.stats.performance.metric import Judged

SUM_TOLERANCE = 0.01
"""The scores of a record may sum to 1 within so much: producers round them."""

_SHOWN = 40


def faults_of_scores(judged: Judged) -> list[tuple[Mask, str]]:
    """Which rows have a fault, each the first of three that applies, and what it is; rows without scores have none."""
    labels = list(judged.by_label)
    scores = np.stack([judged.by_label[label] for label in labels], axis=1)
    is_said = ~np.isnan(scores).all(axis=1)
    with np.errstate(invalid="ignore"):
        beyond = (scores < 0.0) | (scores > 1.0)
    is_outside: Mask = is_said & np.asarray(beyond.any(axis=1))
    sums = np.nansum(scores, axis=1)
    is_off: Mask = is_said & ~is_outside & (np.abs(sums - 1.0) > SUM_TOLERANCE)
    is_strange: Mask = is_said & ~is_outside & ~is_off & ~np.isin(np.array(judged.labels, dtype=object), labels)
    found: list[tuple[Mask, str]] = []
    if is_outside.any():
        found.append((is_outside, f"have a score outside [0, 1], such as {scores[beyond][0]:.4g}"))
    if is_off.any():
        found.append((is_off, f"have scores that do not sum to one, such as {sums[is_off][0]:.4g}"))
    if is_strange.any():
        label = judged.labels[int(np.flatnonzero(is_strange)[0])][:_SHOWN]
        found.append((is_strange, f"have a truth that no score is about, such as {label!r}"))
    return found
