"""The law of a categorical column: its most frequent categories, the others together, and what nobody has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.stats.columns import Floats, Ints, Mask
from monitor.stats.profiles.categorical import CategoricalLayout, CategoricalProfile
from monitor.stats.sequential.detector import Codes
from monitor.stats.sequential.scores import LEAST_BASELINE, PSEUDO_COUNT
from monitor.stats.texts import MISSING, CodedTexts

APART = 12
"""So many categories are watched each by itself, the most frequent ones; bets on more would cost all of them delay."""

MOST_UNKNOWN = 0.01
"""Share of the baseline's values beyond its 1,000 categories up to which the share of unknown ones can be told."""


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """Groups of a column's values in the baseline: `names` in words, their `masses` (probabilities), and `counts`.

    The last group holds the values that the baseline does not know. There are about as many of them as the baseline
    has values that came once (Good 1953); those were too many among the rarer values, then. `n` is the sum of counts.
    """

    names: tuple[str, ...]
    masses: Floats
    counts: Ints
    groups: Mapping[str, int] = field(repr=False)
    n: int

    @classmethod
    def of(cls, layout: CategoricalLayout, profile: CategoricalProfile) -> "Categories | None":
        """From a column of a baseline; None where it has too few values, or too many that it does not tell apart."""
        n, unseen = profile.n_values, profile.unseen
        if n < LEAST_BASELINE or unseen > MOST_UNKNOWN * n:
            return None
        known, once = layout.categories, int(np.count_nonzero(profile.counts == 1))
        apart = min(APART, int(np.count_nonzero(profile.counts > 1)))
        names, counts = [repr(name) for name in known[:apart]], profile.counts[:apart].tolist()
        if len(known) > apart:
            names.append("the rarer values")
            counts.append(int(profile.counts[apart:].sum()) - once)
        counted = np.array([*counts, 2 * unseen + once], np.int64)  # what is not told apart may have come once, too
        masses = (counted + PSEUDO_COUNT) / (counted.sum() + PSEUDO_COUNT * len(counted))
        groups = {name: min(place, apart) for place, name in enumerate(known)}
        return cls((*names, "values that the baseline does not know"), masses, counted, groups, int(counted.sum()))

    def code(self, values: Sequence[str | None]) -> tuple[Codes, Mask]:
        """The groups of the values that there are, and which ones these were."""
        if not isinstance(values, CodedTexts):
            present = np.fromiter((value is not None for value in values), np.bool_, len(values))
            return np.array([self._group(value) for value in values if value is not None], np.uint16), present
        present = values.codes != MISSING
        codes = values.codes[present]
        groups = np.zeros(int(codes.max(initial=-1)) + 1, np.uint16)
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            groups[code] = self._group(values.categories[code])
        return groups[codes], present

    def _group(self, value: str) -> int:
        return self.groups.get(value, len(self.names) - 1)
