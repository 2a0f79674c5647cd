"""What is usual in a window while nothing has changed, as what is seen in it is compared with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.stats.calibration.counts import placed
from monitor.stats.columns import Floats, Ints, Mask


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Of w windows at their times: `course` (w, components) the expected scores per square root of records, and `error`
    (w, models) the variance of what a season makes of them, in units of the noise for each record. Without any season
    all times are alike: there is one row.
    """

    course: Floats
    error: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Expected]", places: Sequence[Ints]) -> "Expected":
        """Of several models, the components of each at their `places` among all."""
        course = placed([part.course[0] for part in parts], places)
        return cls(course[np.newaxis], np.concatenate([part.error for part in parts], axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """How scores vary at any time: arrays have shape (components,), those of records (models,).

    `excess` is their variance less 1, in a usual window of `usual_records`; the baseline's windows have `records`
    together. `df` are degrees of freedom, infinite but at the places `measured`. `model_of` is the model of each.
    """

    seasonal: Mask
    excess: Floats
    df: Floats
    measured: Ints
    model_of: Ints
    usual_records: Floats
    records: Floats

    @classmethod
    def of(cls, seasonal: Mask, variance: Floats, df: Floats, usual_records: Floats, records: Floats) -> "Usual":
        """Of one model."""
        measured, one = np.flatnonzero(np.isfinite(df)), np.zeros(len(df), np.int64)
        return cls(seasonal, variance - 1, df, measured, one, usual_records, records)

    @classmethod
    def joined(cls, parts: "Sequence[Usual]", places: Sequence[Ints]) -> "Usual":
        """Of several models, the components of each at their `places` among all."""
        df = placed([part.df for part in parts], places)
        return cls(
            placed([part.seasonal for part in parts], places),
            placed([part.excess for part in parts], places),
            df,
            np.flatnonzero(np.isfinite(df)),
            placed([np.full(len(place), model) for model, place in enumerate(places)], places),
            np.concatenate([part.usual_records for part in parts]),
            np.concatenate([part.records for part in parts]),
        )

    def noise(self, records: Floats) -> Floats:
        """Variance of a score around its course, shape (w, components), in windows of so many records (w, models).

        What windows of the usual size show beyond chance may be dependence of neighbours, which larger windows share,
        or a change from window to window, which grows with them: whichever is more is taken.
        """
        found: Floats = 1 + self.excess * np.maximum(records / self.usual_records, 1.0)[:, self.model_of]
        return found

    def leverage(self, records: Floats, error: Floats) -> Floats:
        """Variance of the expected score in units of the noise: the error of the baseline, shape (w, components)."""
        with_season, without = (error * records)[:, self.model_of], (records / self.records)[:, self.model_of]
        return np.where(self.seasonal, with_season, without)
