"""Sequential detectors: from a baseline and a stated rate of false alarms to a judge of single records."""

from collections.abc import Callable

from monitor.domain.errors import MonitorError
from monitor.domain.sequential import (
    ADWIN,
    CONFORMAL,
    CUSUM,
    DAY,
    KSWIN,
    LEAST_RUN_LENGTH,
    PAGE_HINKLEY,
    SequentialSpec,
)
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.sequential.adwin import Adwin
from monitor.stats.sequential.conformal import Conformal
from monitor.stats.sequential.cusum import Cusum
from monitor.stats.sequential.detector import Detector
from monitor.stats.sequential.kswin import Kswin
from monitor.stats.sequential.page_hinkley import PageHinkley
from monitor.stats.sequential.scores import LEAST_BASELINE, Scores

_MAKERS: dict[str, Callable[[Scores, float, float], Detector]] = {
    ADWIN: lambda scores, arl, _: Adwin.of(scores, arl),
    CONFORMAL: lambda scores, arl, _: Conformal.of(scores, arl),
    CUSUM: Cusum.of,
    KSWIN: lambda scores, arl, _: Kswin.of(scores, arl),
    PAGE_HINKLEY: PageHinkley.of,
}

DETECTOR_KINDS: tuple[type[Detector], ...] = (Adwin, Conformal, Cusum, Kswin, PageHinkley)
"""Every kind of detector, by name."""


class CannotWatch(MonitorError):
    """A baseline and a detector do not go together; the message says why, and what would help."""


def records_a_day(baseline: Baseline) -> float | None:
    """The traffic that the baseline's rows are of; None where they have no event times."""
    if baseline.period is None or baseline.period[0] >= baseline.period[1]:
        return None
    return baseline.rows / ((baseline.period[1] - baseline.period[0]) / DAY)


def run_length(spec: SequentialSpec, baseline: Baseline) -> float:
    """Records between false alarms that the specification asks for, on average, at least 1,000."""
    length = spec.rate.run_length(records_a_day(baseline))
    if length is None:
        raise CannotWatch(
            f"{spec.name}: the baseline has no event times, so nobody knows how many records {spec.rate} is: write the "
            "rate as 1 per 100000 records, or build the baseline with --event-time COLUMN"
        )
    return max(length, float(LEAST_RUN_LENGTH))


def scores_of(spec: SequentialSpec, baseline: Baseline) -> Scores:
    """How the baseline ranks the column's values; CannotWatch when it does not."""
    layout = baseline.layouts.get(spec.column)
    profile = baseline.profiles().get(spec.column)
    if not isinstance(layout, NumericLayout) or not isinstance(profile, NumericProfile):
        known = ", ".join(name for name, one in baseline.layouts.items() if isinstance(one, NumericLayout)) or "none"
        raise CannotWatch(f"{spec.name}: the baseline has no numeric column {spec.column!r}; numeric are: {known}")
    scores = Scores.of(layout, profile)
    if scores is None:
        raise CannotWatch(
            f"{spec.name}: the baseline has {int(profile.counts.sum())} numbers there; it takes {LEAST_BASELINE}, and "
            "more than one different"
        )
    return scores


def make_detector(spec: SequentialSpec, scores: Scores, arl: float) -> Detector:
    """The detector for one false alarm in `arl` records of the baseline's law."""
    return _MAKERS[spec.detector](scores, arl, spec.shift)


def watcher(spec: SequentialSpec, baseline: Baseline) -> tuple[Scores, Detector]:
    """Both for a baseline, made once for each; CannotWatch says what is in the way."""
    made = baseline.layouts.derived
    if str(spec) not in made:
        try:
            scores = scores_of(spec, baseline)
            made[str(spec)] = scores, make_detector(spec, scores, run_length(spec, baseline))
        except CannotWatch as error:
            made[str(spec)] = error
    found = made[str(spec)]
    if isinstance(found, CannotWatch):
        raise found
    return found  # type: ignore[return-value]
