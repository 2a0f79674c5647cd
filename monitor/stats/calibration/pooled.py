"""The shares of a column's categories over the last few windows, all groups together.

One category more and others less is a change in no single direction: detectors that look at one group see a part of it.
Scores of the last windows are summed and squared, which is quickest for a change that two or three windows show.
"""

import numpy as np
from scipy import special

from monitor.stats.calibration.components import Components
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.sudden import GATE
from monitor.stats.columns import Floats

SPANS = (2, 4)
"""So many windows are put together, the present one among them."""

EARLIER = max(SPANS) - 1
"""So many windows before the present one are remembered."""


def log_rarity(components: Components, found: Deviations, earlier: Floats, serial_square: Floats) -> Floats:
    """-log p of each column, shape (columns,), corrected for the number of spans; 0 for numeric ones.

    `earlier` (windows, shares) are normal scores of the windows before, newest first, NaN where there was none;
    `found` has the present window alone, `serial_square` (shares,) is by how much a sum of scores varies more than if
    they were independent. An effect below the gate of the window test is none.
    """
    rarity = np.zeros(len(components.grouping.columns))
    starts = components.share_starts
    if not len(starts):
        return rarity
    p_values = [_p_values(components, found, earlier[: span - 1], serial_square) for span in SPANS]
    p = np.min(p_values, axis=0) * len(SPANS)
    rarity[components.column[starts]] = -np.log(np.clip(p, 1e-300, 1.0))
    return rarity


def _p_values(components: Components, found: Deviations, earlier: Floats, serial_square: Floats) -> Floats:
    """Of the categorical columns, for the present window and all of these earlier ones."""
    mine, starts = components.groups, components.share_starts - int(components.share_starts[0])
    noise, sd, span = found.noise[0, mine], found.sd[0, mine], len(earlier) + 1
    of_baseline = 1 - noise / sd**2  # the part of the variance that is the baseline's error, common to all windows
    variance = span * serial_square * (1 + (span - 1) * of_baseline)
    square = (earlier.sum(axis=0) + found.normal[0, mine]) ** 2 / variance
    weight = components.weight[mine]
    total = np.add.reduceat(square * weight, starts)
    terms = np.maximum(np.diff(starts, append=len(weight)) - 1, 1)
    inflation = np.maximum.reduceat(noise, starts)
    df = terms / (1 + (terms - 1) * (1 - 1 / inflation) ** 2)
    values = np.maximum(found.counts.values[0, components.column[components.share_starts]], 1.0)
    mean_square = np.add.reduceat((square - 1) * weight * variance / span * sd**2, starts) / (span * values)
    is_large = np.sqrt(np.maximum(mean_square, 0.0)) >= GATE  # NaN: too few windows were seen
    p: Floats = np.ones_like(df)
    special.chdtrc(df, total * df / terms, out=p, where=is_large)
    return p
