"""What looks at windows, of one model or of several whose components lie in one array."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.stats.calibration.accumulating import Accumulated, Accumulation, speaks
from monitor.stats.calibration.calibration import Calibration
from monitor.stats.calibration.components import Components, places_among
from monitor.stats.calibration.rare import Rare
from monitor.stats.calibration.sudden import holm, weighted
from monitor.stats.calibration.usual import Usual
from monitor.stats.columns import Floats, Ints, Mask

_SURELY = 1 + 1e-9
"""More than rounding makes of a sum of shares."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What both detectors have seen in one model.

    `evidence` is what was found over what an alarm takes, in logarithms, in the column `nearest` to one; `p_value` that
    of the window test, corrected for all columns. `falls` and `rises` (columns,) say which the window test finds
    changed, and where evidence was added up to an alarm; None: in none.
    """

    evidence: float
    nearest: int
    p_value: float
    loud: tuple[Mask, Mask] | None


@dataclass(frozen=True, slots=True, eq=False)
class Detectors:
    """The detectors with all that they know of what is usual.

    `shares` (columns,) say how the budget is shared among the columns of a model; `alpha` (columns,) is what the window
    test of the column's model may spend.
    """

    components: Components
    usual: Usual
    rare: Rare
    accumulation: Accumulation
    alpha: Floats
    shares: Floats

    @classmethod
    def of(
        cls, components: Components, calibration: Calibration, accumulation: Accumulation, alpha: float, shares: Floats
    ) -> "Detectors":
        """Of one model."""
        usual, rare = calibration.usual(), Rare.of(components, calibration)
        return cls(components, usual, rare, accumulation, np.full(len(shares), alpha), shares)

    @classmethod
    def joined(cls, parts: "Sequence[Detectors]") -> "tuple[Detectors, list[Ints]]":
        """Of several models; and the places of the components of each among all."""
        places = places_among([part.components for part in parts])
        if len(parts) == 1:
            return parts[0], places
        components = Components.joined([part.components for part in parts], places)
        together = cls(
            components,
            Usual.joined([part.usual for part in parts], places),
            Rare.joined([part.rare for part in parts]),
            Accumulation.joined([part.accumulation for part in parts], components, places),
            np.concatenate([part.alpha for part in parts]),
            np.concatenate([part.shares for part in parts]),
        )
        return together, places

    def seen(self, p_values: Floats, state: Accumulated) -> list[Seen]:
        """What was seen in a window of each model, given by the p-values of its columns, and in those before."""
        strength = self.accumulation.strength(state)
        needed = -np.log(np.maximum(self.alpha * self.shares, 1e-300))
        of_window = -np.log(np.maximum(p_values, 1e-300)) / needed
        found: Floats = np.maximum(of_window, np.maximum(0.0, 1 + strength / needed))
        evidence, over_shares = np.where(self.shares > 0, found, 0.0), weighted(p_values, self.shares)
        starts = np.flatnonzero(np.diff(self.components.grouping.model_of, prepend=-1))
        columns = [slice(*ends) for ends in pairwise([*starts.tolist(), len(p_values)])]
        least, most = np.minimum.reduceat(over_shares, starts), np.maximum.reduceat(evidence, starts).tolist()
        may_fall = (
            least * np.add.reduceat(self.shares, starts) <= self.alpha[starts] * _SURELY
        )  # else Holm's first stands
        loud = (may_fall | speaks(np.maximum.reduceat(strength, starts))).tolist()
        p_value = np.minimum(1.0, least).tolist()
        return [
            Seen(
                most[k],
                int(evidence[mine].argmax()),
                p_value[k],
                self._loud(mine, p_values, strength) if loud[k] else None,
            )
            for k, mine in enumerate(columns)
        ]

    def _loud(self, mine: slice, p_values: Floats, strength: Floats) -> tuple[Mask, Mask] | None:
        falls = holm(p_values[mine], float(self.alpha[mine.start]), self.shares[mine])
        rises = speaks(strength[mine])
        return (falls, rises) if (falls | rises).any() else None
