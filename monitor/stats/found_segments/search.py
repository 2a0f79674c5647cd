"""The search: every slice by one condition or two against its rest, with the chance of a false find kept for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.found_segments.conditions import Condition
from monitor.stats.found_segments.slices import Scene, Slices, p_values, scene_of, slices_of
from monitor.stats.proportions import difference_interval, wilson

ALPHA = 0.05
"""Of windows without a weak segment, at most this share (0 to 1) has one named."""

MOST_SHOWN = 10
MOST_VARIANTS = 20
"""So many slices are named at most, and so many more as variants of these."""

VARIANT = 0.5
"""A slice is a variant where, without the records of those named before, at most this share of its excess is left."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean loss over `n` records, with its 95 % interval: Wilson's of a share, else Student's."""

    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A slice with its mean loss and that of the rest. It is worse by `more`, between `low` and `high` (95 %).

    `p_value` is adjusted for all slices that were tried (Holm 1979); the intervals are those of this slice alone.
    `variants` are other slices that tell most of the same, as people read them.
    """

    conditions: tuple[str, ...]
    inside: Mean
    outside: Mean
    more: float
    low: float
    high: float
    p_value: float
    variants: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The conditions, as people read them."""
        return " and ".join(self.conditions)


@dataclass(frozen=True, slots=True)
class Search:
    """What was found among `records`, the most certain first, and how many slices were tried."""

    found: tuple[FoundSegment, ...]
    tried: int
    records: int


def search(conditions: Sequence[Condition], losses: Floats, smallest: int, *, is_share: bool) -> Search:
    """Find slices of at least `smallest` records whose mean loss is significantly larger than that of the rest.

    Holm's method keeps the chance that any slice is named without cause below `ALPHA`, however they overlap. Of those
    that are significant the most certain is named, then whichever is significantly worse even among records that are
    alike in the slices named before: one that is bad only because it overlaps is not named again. Nor is one that is
    worse beyond that, but mostly where one named before is, as where a cut misses the edge of what is weak: it is told
    as a variant. A slice by two conditions gives way to that by one of them, where the other adds nothing.
    Deterministic.
    """
    scene = scene_of(conditions, losses, smallest, is_share=is_share)
    features = [one.feature for one in conditions]
    slices = slices_of(scene, features)
    raw = p_values(slices, losses, is_share=is_share)
    adjusted = _adjusted(raw)
    certain = np.argsort(raw, kind="stable")[: int((adjusted <= ALPHA).sum())]
    found = tuple(
        _described(scene, conditions, slices, family, float(adjusted[family[0]]))
        for family in _families(scene, slices, certain, features)
    )
    return Search(found, len(raw), len(losses))


def _adjusted(raw: Floats) -> Floats:
    """P-values by Holm's method (1979), in [0, 1]."""
    order = np.argsort(raw, kind="stable")
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)))
    return adjusted


def _families(scene: Scene, slices: Slices, certain: Ints, features: Sequence[str]) -> list[list[int]]:
    """Places of slices that differ, each followed by its variants; both in the order in which they are certain."""
    families: list[list[int]] = []
    for place in _distinct(scene, slices, certain):
        home = _home(scene, slices, place, families, features) if families else None
        if home is not None and not _is_core(scene, slices, place, home[0], features):
            home.append(place)
        elif len(families) == MOST_SHOWN:
            break
        else:
            families.append([place])
    return families


def _home(
    scene: Scene, slices: Slices, place: int, families: Sequence[list[int]], features: Sequence[str]
) -> list[int] | None:
    """The family whose first slice holds most of its records; None where the others are about as bad as it is.

    Of two slices by the same features that share most of the smaller one the edges alone differ.
    """
    members, named = _members(scene, slices, place), [_members(scene, slices, family[0]) for family in families]
    best = int(np.argmax([(members & one).sum() for one in named]))
    shared = (members & named[best]).sum() / min(members.sum(), named[best].sum())
    if shared > VARIANT and _features(slices, place, features) == _features(slices, families[best][0], features):
        return families[best]
    known: Mask = np.logical_or.reduce(named)
    fresh = members & ~known
    worse = _effect(scene, fresh, ~members & ~known) if fresh.sum() >= scene.smallest else 0.0
    return None if worse > VARIANT * _effect(scene, members, ~members) else families[best]


def _is_core(scene: Scene, slices: Slices, place: int, first: int, features: Sequence[str]) -> bool:
    """Whether it lies inside another slice, and a further feature tells of it that it is much worse than that."""
    members, around = _members(scene, slices, place), _members(scene, slices, first)
    further = not _features(slices, place, features) <= _features(slices, first, features)
    if not further or (members & ~around).sum() >= scene.smallest:
        return False
    return _effect(scene, members & around, around & ~members) > VARIANT * _effect(scene, members, ~members)


def _features(slices: Slices, place: int, features: Sequence[str]) -> set[str]:
    return {features[int(slices.first[place])], features[int(slices.second[place])]}


def _effect(scene: Scene, members: Mask, rest: Mask) -> float:
    """By how much the members lose more in the mean than the rest; of an empty rest, than nothing."""
    return float(scene.losses[members].mean() - (scene.losses[rest].mean() if rest.any() else 0.0))


def _distinct(scene: Scene, slices: Slices, certain: Ints) -> Iterator[int]:
    """Places of slices, in this order, that are worse than those named before explain; none comes twice."""
    strata, named = np.zeros(len(scene.losses), dtype=np.int64), set[int]()
    alone = {int(slices.first[at]): at for at in certain.tolist() if slices.first[at] == slices.second[at]}
    for place in certain.tolist():
        members = _members(scene, slices, place)
        if named and _excess_p(members, scene.losses, strata) > ALPHA / len(slices.n):
            continue
        simple = _simplest(scene, slices, place, alone)
        if simple in named:
            continue
        yield simple
        named.add(simple)
        strata = np.unique(2 * strata + _members(scene, slices, simple), return_inverse=True)[1]
        if len(named) == MOST_SHOWN + MOST_VARIANTS:
            return


def _members(scene: Scene, slices: Slices, place: int) -> Mask:
    return scene.members(int(slices.first[place]), int(slices.second[place]))


def _simplest(scene: Scene, slices: Slices, place: int, alone: Mapping[int, int]) -> int:
    """The slice by one of its two conditions alone, where that is certain, too, and the other adds nothing to it."""
    members = _members(scene, slices, place)
    for condition in (int(slices.first[place]), int(slices.second[place])):
        simple = alone.get(condition, place)
        strata = _members(scene, slices, simple).astype(np.int64)
        if simple != place and _excess_p(members, scene.losses, strata) > ALPHA / len(slices.n):
            return simple
    return place


def _excess_p(members: Mask, losses: Floats, strata: Ints) -> float:
    """How likely the members' losses are as large if, within each stratum, they are a random draw.

    The test of Mantel and Haenszel (1959) of zeros and ones, and its like for other numbers: the sum over the strata of
    what the members lose beyond the stratum's mean, over its standard deviation under permutation.
    """
    codes = np.unique(strata, return_inverse=True)[1]
    n = np.bincount(codes).astype(np.float64)
    mean = np.bincount(codes, losses) / n
    inside = np.bincount(codes, members)
    spread = np.bincount(codes, (losses - mean[codes]) ** 2) / np.maximum(n - 1, 1)
    excess = float(losses[members].sum() - (inside * mean).sum())
    variance = float((inside * (n - inside) / n * spread).sum())
    return float(special.ndtr(-excess / np.sqrt(variance))) if variance > 0 else 1.0


def _described(
    scene: Scene, conditions: Sequence[Condition], slices: Slices, family: Sequence[int], p_value: float
) -> FoundSegment:
    texts = [_texts(conditions, slices, place) for place in family]
    members = _members(scene, slices, family[0])
    bad, rest = scene.losses[members], scene.losses[~members]
    of = _of_shares if scene.is_share else _of_means
    inside, outside, low, high = of(bad, rest)
    variants = tuple(" and ".join(one) for one in texts[1:])
    return FoundSegment(texts[0], inside, outside, inside.value - outside.value, low, high, p_value, variants)


def _texts(conditions: Sequence[Condition], slices: Slices, place: int) -> tuple[str, ...]:
    pair = int(slices.second[place]), int(slices.first[place])
    return tuple(conditions[at].text for at in dict.fromkeys(pair))


Compared = tuple[Mean, Mean, float, float]


def _of_shares(bad: Floats, rest: Floats) -> Compared:
    (x, n), (y, m) = ((round(float(part.sum())), len(part)) for part in (bad, rest))
    return Mean(n, x / n, *wilson(x, n)), Mean(m, y / m, *wilson(y, m)), *difference_interval(y, m, x, n)


def _of_means(bad: Floats, rest: Floats) -> Compared:
    interval = stats.ttest_ind(bad, rest, equal_var=False).confidence_interval(0.95)
    return _student(bad), _student(rest), float(interval.low), float(interval.high)


def _student(losses: Floats) -> Mean:
    n, value = len(losses), float(losses.mean())
    half = float(special.stdtrit(n - 1, 0.975) * losses.std(ddof=1) / np.sqrt(n))
    return Mean(n, value, value - half, value + half)
