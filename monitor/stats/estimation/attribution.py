"""Why a metric changed: by other inputs, by other shares of the true classes, or with neither to blame.

Rows of the baseline are weighted to look like the window (raking). Their weight is a product of one factor a column,
and perhaps one of the true class; on the way from weight 1 to the whole, each factor is credited with what it moves the
metric by (Aumann & Shapley 1974). So the parts add up, whatever the order. What is left between the metric of the
weighted rows and that of the window no reweighting explains: the same inputs have other outcomes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.columns import Floats, Rows
from monitor.stats.estimation.raking import Raked, raked
from monitor.stats.proportions import Z95

RESAMPLES = 10
SEED = 44
"""Of the resampled rows and windows: the same facts always give the same intervals."""

_NODES, _SHARES = np.polynomial.legendre.leggauss(8)
"""Where on the way from -1 to 1 the moves are taken, and what each of these places stands for (they sum to 2)."""

Weigh = Callable[[Floats], tuple[float, Floats] | None]
"""Weights of rows to a metric, and by how much each row more moves it, times the sum of the weights."""


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a change, in the metric's unit, with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, error: float) -> "Part":
        """Symmetric, from the standard error."""
        return cls(value, value - Z95 * error, value + Z95 * error)

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves no doubt of its sign."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric on the baseline and by the truth of the window, with their standard errors."""

    before: float
    before_error: float
    now: float
    now_error: float

    @property
    def is_changed(self) -> bool:
        """By more than the errors of both allow."""
        return abs(self.now - self.before) > Z95 * float(np.hypot(self.before_error, self.now_error))


@dataclass(frozen=True, slots=True)
class Change:
    """`covariate` + `label` + `rest` = `total`, and `columns` add up to `covariate`."""

    total: Part
    covariate: Part
    label: Part
    rest: Part
    columns: Mapping[str, Part]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """`codes` are the true class of each row; `told` the window's records with truth by class.

    `from_inputs` are the shares that its predictions speak for, if each class looks as it did.
    """

    codes: Rows
    told: Floats
    from_inputs: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Rows of the baseline by group, column after column, and how many of the window's records each group has."""

    names: tuple[str, ...]
    codes: Sequence[Rows]
    wanted: Sequence[Floats]
    labels: Labels | None = None


def explain(scene: Scene, weighs: Mapping[str, Weigh], measured: Mapping[str, Measured]) -> dict[str, Change]:
    """The change of each metric in parts; a metric that is not defined on the weighted rows is left out.

    Intervals come from other rows and windows of the same origin, and the errors of the metrics themselves.
    """
    random = np.random.default_rng(SEED)
    fitted = _fitted(scene, np.ones(len(scene.codes[0])))
    first = _credits(scene, weighs, np.ones(len(scene.codes[0])), fitted)
    others = [_credited(_redrawn(scene, random), weighs, _weights(scene, random), fitted) for _ in range(RESAMPLES)]
    found = {}
    for name, credit in first.items():
        spread = np.array([one[name] for one in others if name in one]).reshape(-1, len(credit))
        found[name] = _change(scene.names, measured[name], credit, spread)
    return found


def _weights(scene: Scene, random: np.random.Generator) -> Floats:
    return random.poisson(1.0, len(scene.codes[0])).astype(np.float64)


def _redrawn(scene: Scene, random: np.random.Generator) -> Scene:
    """Another window of the same origin."""
    wanted = [random.poisson(counts).astype(np.float64) for counts in scene.wanted]
    labels = scene.labels
    if labels is not None:
        labels = Labels(labels.codes, (random.poisson(labels.told) + 0.5).astype(np.float64), labels.from_inputs)
    return Scene(scene.names, scene.codes, wanted, labels)


def _change(names: Sequence[str], one: Measured, credit: Floats, spread: Floats) -> Change:
    """`credit` (columns + 1,): of each column, then of the true class; `spread` (resamples, columns + 1)."""
    errors = spread.std(axis=0) if len(spread) else np.zeros(len(credit))
    total, noise = one.now - one.before, float(np.hypot(one.before_error, one.now_error))
    explained = float(spread.sum(axis=1).std()) if len(spread) else 0.0
    covariate = float(spread[:, :-1].sum(axis=1).std()) if len(spread) else 0.0
    return Change(
        Part.of(total, noise),
        Part.of(float(credit[:-1].sum()), covariate),
        Part.of(float(credit[-1]), float(errors[-1])),
        Part.of(total - float(credit.sum()), float(np.hypot(noise, explained))),
        {name: Part.of(float(credit[k]), float(errors[k])) for k, name in enumerate(names)},
    )


def _credited(scene: Scene, weighs: Mapping[str, Weigh], base: Floats, near: Raked) -> dict[str, Floats]:
    return _credits(scene, weighs, base, _fitted(scene, base, near.parts))


def _credits(scene: Scene, weighs: Mapping[str, Weigh], base: Floats, raking: Raked) -> dict[str, Floats]:
    found = {name: _credit(weigh, _codes(scene), raking.parts, base) for name, weigh in weighs.items()}
    return {name: credit for name, credit in found.items() if credit is not None}


def _codes(scene: Scene) -> list[Rows]:
    """Of every column, then of the true class: one and the same where nothing is known of it."""
    return [*scene.codes, scene.labels.codes if scene.labels else np.zeros(len(scene.codes[0]), np.intp)]


def _fitted(scene: Scene, base: Floats, near: Sequence[Floats] | None = None) -> Raked:
    """Weights by the inputs, and by the true class as far as both inputs and truth ask for it.

    With the inputs alone the rows have the shares of classes that follow if outcomes are as ever. Where the truth tells
    others, they are those of other classes only in so far as the window's predictions speak for them, too: otherwise
    the inputs are the same, and it is their outcomes that changed. `near` are parts to begin with.
    """
    labels = scene.labels
    by_inputs = raked(scene.codes, scene.wanted, base, near and near[:-1])
    if labels is None:
        return Raked((*by_inputs.parts, np.zeros(1)), by_inputs.weights)
    follow = np.bincount(labels.codes, by_inputs.weights, minlength=len(labels.told)) / by_inputs.weights.sum()
    towards, told = labels.from_inputs - follow, labels.told / labels.told.sum() - follow
    length = float(towards @ towards)
    share = float(np.clip(told @ towards / length, 0.0, 1.0)) if length > 0 else 0.0
    classes = np.maximum(follow + share * towards, 0.0) * float(labels.told.sum())
    start = near or (*by_inputs.parts, np.zeros(len(classes)))
    return raked(_codes(scene), [*scene.wanted, classes], base, start)


def _credit(weigh: Weigh, codes: Sequence[Rows], parts: Sequence[Floats], base: Floats) -> Floats | None:
    """What each factor moves the metric by on the way from the base weights to the full ones."""
    logs = np.sum([part[code] for code, part in zip(codes, parts, strict=True)], axis=0)
    logs -= logs.max()
    credit = np.zeros(len(codes))
    for node, share in zip(_NODES, _SHARES, strict=True):
        weights = base * np.exp((1 + node) / 2 * logs)
        found = weigh(weights)
        if found is None:
            return None
        moves = weights / weights.sum() * (found[1] - float(weights @ found[1] / weights.sum()))
        for k, (code, part) in enumerate(zip(codes, parts, strict=True)):
            credit[k] += share / 2 * float(part @ np.bincount(code, moves, minlength=len(part)))
    return credit
