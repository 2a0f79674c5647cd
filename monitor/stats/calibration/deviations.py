"""Windows in units of what is usual at their hour: the scores that both detectors look at."""

from dataclasses import dataclass

import numpy as np

from monitor.stats.calibration.calibration import Calibration
from monitor.stats.calibration.components import Components
from monitor.stats.calibration.counts import Counts
from monitor.stats.calibration.noise import normal_scores
from monitor.stats.columns import Floats


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
    def of(cls, components: Components, calibration: Calibration, counts: Counts, middles_ms: Floats) -> "Deviations":
        """Compare windows, given by their counts and middles, with what the calibration expects of them."""
        records = counts.records
        size = components.sizes(counts)
        shift = np.where(size > 0, components.scores(counts) - calibration.expected(records, middles_ms), 0.0)
        noise = calibration.noise_variance(records)
        sd = np.sqrt(noise * (1 + calibration.leverage(records, middles_ms)))
        return cls(counts, shift, sd, normal_scores(shift / sd, calibration.df), size, noise)
