"""How often values are missing, or beyond what was seen, while nothing has changed: counts too small to be normal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.stats.calibration.calibration import LEAST_EXPECTED, Calibration, inflation
from monitor.stats.calibration.components import Components
from monitor.stats.calibration.counts import shifted
from monitor.stats.columns import Floats, Ints, Mask

_LARGER = 2.0
"""Clusters of categories that were never seen are taken to be so many times as large as the others': nothing tells."""


@dataclass(frozen=True, slots=True, eq=False)
class RareLaw:
    """Relative variances of counts, beyond Poisson's, shape (..., columns): by its windows, by the baseline's error."""

    dispersion: Floats
    error: Floats

    def p_value(self, hits: Floats, expected: Floats, size: Floats, wanted: Mask) -> Floats:
        """P(at least so many hits), negative binomial, where it is `wanted`, otherwise 1.

        `size` is that of the window over a usual one's.
        """
        spread = self.dispersion / np.minimum(np.maximum(size, 1e-9), 1.0) + self.error
        r = 1 / np.maximum(spread, 1e-9)
        mean = np.maximum(expected, 1e-12)
        found: Floats = np.ones_like(mean)
        special.betainc(hits, r, mean / (r + mean), out=found, where=wanted & (hits >= 1))
        return found

    @classmethod
    def joined(cls, parts: "Sequence[RareLaw]") -> "RareLaw":
        """Of all columns of several models."""
        dispersion = np.concatenate([part.dispersion for part in parts], axis=-1)
        return cls(dispersion, np.concatenate([part.error for part in parts], axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Rare:
    """What is known of each column's counts; arrays have shape (columns,).

    `is_often_missing`: in a usual window so often that its score is normal. `beyond_share` is what is expected beyond:
    such values come in clusters where records depend on each other, and the next cluster beyond either end of the range
    is expected, too: the baseline has fewer than there will be, as the ends lie where it has few. Of categories that
    none of its windows had, half a cluster is, and relative variances are `narrowed`: divided by so much, as they were
    found on a mean of half a record.
    """

    model_of: Ints
    usual_records: Floats
    missing: RareLaw
    is_often_missing: Mask
    beyond: RareLaw
    beyond_share: Floats
    narrowed: Floats

    @classmethod
    def of(cls, components: Components, calibration: Calibration) -> "Rare":
        """Of one model."""
        share, columns = components.missing_share, len(components.grouping.columns)
        of_baseline = calibration.own_part * calibration.rare_beyond
        error = 1 / np.maximum(share * calibration.records, 1.0) + calibration.own_part * calibration.rare_missing
        is_new = ~components.grouping.is_numeric & (calibration.most_beyond == 0)
        cluster = 1 + _LARGER * (inflation(components, calibration.variance) - 1)
        narrowed = np.where(is_new, cluster / _LARGER, 1.0)
        return cls(
            np.zeros(columns, np.int64),
            np.full(columns, calibration.usual_records),
            RareLaw(calibration.rare_missing, error),
            share * calibration.usual_records >= LEAST_EXPECTED,
            RareLaw(calibration.rare_beyond / narrowed, components.beyond_error + np.where(is_new, 0.0, of_baseline)),
            components.beyond_share * np.where(is_new, cluster, 1 + 2 * of_baseline),
            narrowed,
        )

    @classmethod
    def joined(cls, parts: "Sequence[Rare]") -> "Rare":
        """Of all columns of several models."""
        return cls(
            shifted([part.model_of for part in parts], range(len(parts))),
            np.concatenate([part.usual_records for part in parts]),
            RareLaw.joined([part.missing for part in parts]),
            np.concatenate([part.is_often_missing for part in parts]),
            RareLaw.joined([part.beyond for part in parts]),
            np.concatenate([part.beyond_share for part in parts]),
            np.concatenate([part.narrowed for part in parts]),
        )
