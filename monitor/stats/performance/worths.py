"""What each outcome is worth: a matrix by true and predicted class, written in a configuration."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from monitor.stats.columns import Floats
from monitor.stats.performance.metric import Judged


@dataclass(frozen=True, slots=True)
class Worths:
    """Worths by true, then by predicted class; `otherwise` is that of every outcome which is not written (None: none).

    >>> Worths.parsed('{"cat": {"dog": -5}}', 1.0).of("cat", "dog")
    -5.0
    """

    by_truth: Mapping[str, Mapping[str, float]]
    otherwise: float | None = None

    @classmethod
    def parsed(cls, text: str, otherwise: float | None = None) -> "Worths":
        """From JSON; ValueError says which cell is no finite number, or is missing where nothing holds otherwise."""
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"matrix is no JSON: {error}") from error
        if not isinstance(found, dict) or not found or not all(isinstance(row, dict) for row in found.values()):
            raise ValueError("matrix takes the worths by true, then by predicted class: {cat: {cat: 1, dog: -5}}")
        worths = cls({truth: {said: _worth(truth, said, row[said]) for said in row} for truth, row in found.items()})
        if otherwise is None and (missing := worths.missing()):
            truth, said = missing[0]
            more = f", nor {len(missing) - 1} more cells" if len(missing) > 1 else ""
            raise ValueError(
                f"matrix does not say what predicting {said!r} is worth where {truth!r} is true{more}: "
                "write them, or `otherwise`"
            )
        return cls(worths.by_truth, otherwise)

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that are named, in order."""
        return tuple(sorted({*self.by_truth, *(said for row in self.by_truth.values() for said in row)}))

    def missing(self) -> list[tuple[str, str]]:
        """Pairs of named classes, true and predicted, without a worth of their own."""
        return [
            (truth, said) for truth in self.classes for said in self.classes if said not in self.by_truth.get(truth, {})
        ]

    def of(self, truth: str, said: str) -> float:
        """The worth of one outcome; NaN where none is known."""
        return self.by_truth.get(truth, {}).get(said, math.nan if self.otherwise is None else self.otherwise)

    def of_rows(self, judged: Judged) -> Floats:
        """The worth of every row; NaN where none is known."""
        return np.array(list(map(self.of, judged.labels, judged.predictions)), dtype=np.float64)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worth(truth: str, said: str, value: object) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"the worth of predicting {said!r} where {truth!r} is true must be a finite number: {value!r}")
    return float(value)
