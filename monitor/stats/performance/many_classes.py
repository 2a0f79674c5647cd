"""Metrics of the scores of many classes, each with the influence of every record."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.performance.influence import share_result, standard_error
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.ranking import roc_area, scored_groups

_SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Records with scores of all classes: true class by position in `labels`, scores (n, classes)."""

    labels: tuple[str, ...]
    truth: Ints
    scores: Floats

    @classmethod
    def of(cls, judged: Judged) -> "_Scored | None":
        """A class without a score beside others has the score 0; None where no record has scores."""
        labels = tuple(judged.by_label)
        if not labels:
            return None
        scores = np.stack([judged.by_label[label] for label in labels], axis=1)
        positions = {label: k for k, label in enumerate(labels)}
        truth = np.array([positions.get(label, -1) for label in judged.labels])
        rows = np.flatnonzero(~np.isnan(scores).all(axis=1) & (truth >= 0))
        return cls(labels, truth[rows], np.nan_to_num(scores[rows])) if len(rows) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The area of some of the records, and by how much one record more of all moves it, times n (0 where not its own).

    `rows` says whose area it is, in the sense of its weight.
    """

    rows: Mask
    value: float
    influence: Floats


def given_to_truth(judged: Judged) -> Floats | None:
    """The probability that each record gave to what was true; None where no record has scores of all classes."""
    scored = _Scored.of(judged)
    return None if scored is None else scored.scores[np.arange(len(scored.truth)), scored.truth]


def class_roc_auc(judged: Judged, scheme: str, *, is_weighted: bool) -> TestResult | None:
    """The mean area over classes (`ovr`) or pairs of them (`ovo`) that truth names; None with fewer than two."""
    scored = _Scored.of(judged)
    if scored is None:
        return None
    present = np.unique(scored.truth).tolist()
    if len(present) < 2:
        return None
    parts = list(_against_rest(scored, present) if scheme == "ovr" else _in_pairs(scored, present))
    value, influence = _mean(parts, is_weighted=is_weighted)
    n = len(scored.truth)
    result = share_result(value, standard_error(influence, np.ones(n)), n)
    return replace(result, detail=_detail(scored, present, parts, scheme))


def _against_rest(scored: _Scored, present: list[int]) -> Iterator[_Part]:
    for k in present:
        yield _area(scored.truth == k, scored.scores[:, k])


def _in_pairs(scored: _Scored, present: list[int]) -> Iterator[_Part]:
    """Both directions of a pair count the same: by the score of the one, and by that of the other."""
    n = len(scored.truth)
    for j, k in combinations(present, 2):
        rows = (scored.truth == j) | (scored.truth == k)
        at = np.flatnonzero(rows)
        both = [_area(scored.truth[at] == one, scored.scores[at, one]) for one in (j, k)]
        influence = np.zeros(n)
        influence[at] = (both[0].influence + both[1].influence) / 2 * (n / len(at))
        yield _Part(rows, (both[0].value + both[1].value) / 2, influence)


def _area(is_positive: Mask, scores: Floats) -> _Part:
    groups = scored_groups(is_positive, scores)
    area = roc_area(*groups)
    if area is None:  # the callers ask only where both sides have records
        raise ValueError("an area needs records of both sides")
    at = np.searchsorted(np.unique(scores), scores)
    # as in DeLong's variance, one degree of freedom of either side goes to its mean: a class may have few records
    positive, negative = (side * _without_bias(n) for side, n in zip(area.influence, groups.sum(axis=1), strict=True))
    return _Part(is_positive, area.value, np.where(is_positive, positive[at], negative[at]))


def _without_bias(n: float) -> float:
    return math.sqrt(n / (n - 1)) if n > 1 else 1.0


def _mean(parts: list[_Part], *, is_weighted: bool) -> tuple[float, Floats]:
    """Mean area and its influence; weights that are shares of the records move with each record, too."""
    weights = np.array([part.rows.mean() if is_weighted else 1.0 for part in parts])
    values = np.array([part.value for part in parts])
    total, value = float(weights.sum()), float(weights @ values / weights.sum())
    influence: Floats = sum((w * part.influence for w, part in zip(weights, parts, strict=True)), np.zeros(1)) / total
    if is_weighted:
        moved = ((part.rows - w) * (part.value - value) for w, part in zip(weights, parts, strict=True))
        influence = influence + sum(moved, np.zeros(1)) / total
    return value, influence


def _detail(scored: _Scored, present: list[int], parts: list[_Part], scheme: str) -> dict[str, object]:
    absent = [label for k, label in enumerate(scored.labels) if k not in present]
    detail: dict[str, object] = {"classes": len(present), "without_truth": absent[:_SHOWN]}
    if scheme == "ovr" and len(present) <= _SHOWN:
        detail["by_class"] = {scored.labels[k]: part.value for k, part in zip(present, parts, strict=True)}
    return detail
