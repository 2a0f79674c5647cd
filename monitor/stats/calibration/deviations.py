"""Windows in units of what is usual at their hour: the scores that both detectors look at."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.calibration.components import Components
from monitor.stats.calibration.counts import Counts
from monitor.stats.calibration.noise import normal_scores
from monitor.stats.calibration.usual import Expected, Usual
from monitor.stats.columns import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """Of w windows; arrays have shape (w, components).

    `shift` is the score less its expectation, `sd` its standard deviation (noise and the baseline's own error),
    `normal` the same as a score with law N(0, 1) where nothing changed. `size` is the number of records behind it.
    """

    counts: Counts
    shift: Floats
    sd: Floats
    normal: Floats
    size: Floats
    noise: Floats

    @classmethod
    def of(cls, components: Components, usual: Usual, expected: Expected, counts: Counts) -> "Deviations":
        """Compare windows, given by their counts, with what is expected of them at their times."""
        records, size = counts.records, components.sizes(counts)
        course = expected.course * np.sqrt(records)[:, usual.model_of]
        shift = np.where(size > 0, components.scores(counts) - course, 0.0)
        noise = usual.noise(records)
        sd = np.sqrt(noise * (1 + usual.leverage(records, expected.error)))
        return cls(counts, shift, sd, normal_scores(shift / sd, usual.df, usual.measured), size, noise)

    def only(self, places: Ints, counts: Counts) -> "Deviations":
        """Those of one model, whose components are at these places, and whose counts these are."""
        arrays = (self.shift, self.sd, self.normal, self.size, self.noise)
        return Deviations(counts, *(one[:, places] for one in arrays))
