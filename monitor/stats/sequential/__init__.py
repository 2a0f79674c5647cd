"""Sequential detectors: from a baseline and a stated rate of false alarms to a judge of single records."""

from collections.abc import Callable

import numpy as np

from monitor.domain.errors import MonitorError
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.sequential import (
    ADWIN,
    CONFORMAL,
    CUSUM,
    DAY,
    KSWIN,
    LEAST_RUN_LENGTH,
    PAGE_HINKLEY,
    WATCHES_CATEGORIES,
    SequentialSpec,
)
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Mask, NumericColumn
from monitor.stats.profiles.categorical import MAX_CATEGORIES, CategoricalLayout, CategoricalProfile
from monitor.stats.profiles.layouts import Layout
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.sequential.adwin import Adwin
from monitor.stats.sequential.bets import bets_on
from monitor.stats.sequential.categories import Categories
from monitor.stats.sequential.conformal import Conformal
from monitor.stats.sequential.cusum import Cusum
from monitor.stats.sequential.detector import Codes, Detector
from monitor.stats.sequential.kswin import Kswin
from monitor.stats.sequential.page_hinkley import PageHinkley
from monitor.stats.sequential.scores import LEAST_BASELINE, Scores
from monitor.stats.texts import NumberTexts

Law = Scores | Categories
"""How the values of a column are distributed in the baseline."""

_MAKERS: dict[str, Callable[[Scores, float, float], Detector]] = {
    ADWIN: lambda scores, arl, _: Adwin.of(scores, arl),
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


def share_of(spec: SequentialSpec, baseline: Baseline) -> float:
    """The share of the baseline's rows (0 to 1) that the detector would have looked at; CannotWatch if unknown."""
    if spec.segment == ALL_TRAFFIC:
        return 1.0
    if spec.segment not in baseline.segments:
        raise CannotWatch(
            f"{spec.name}: the baseline was built before the segment {spec.segment!r} was configured: build it again"
        )
    return baseline.segments[spec.segment].n / baseline.rows


def run_length(spec: SequentialSpec, baseline: Baseline) -> float:
    """Records between false alarms of this detector, on average, at least 1,000; of a segment its own records.

    All parts of a line together then raise as many as it allows for, in the traffic that the baseline's rows are of.
    """
    length = spec.rate.run_length(records_a_day(baseline))
    if length is None:
        raise CannotWatch(
            f"{spec.name}: the baseline has no event times, so nobody knows how many records {spec.rate} is: write the "
            "rate as 1 per 100000 records, or build the baseline with --event-time COLUMN"
        )
    return max(length * spec.parts * share_of(spec, baseline), float(LEAST_RUN_LENGTH))


def law_of(spec: SequentialSpec, baseline: Baseline) -> Law:
    """What the baseline says of the column; CannotWatch when the detector cannot use it."""
    layout = baseline.layouts.get(spec.column)
    if layout is None:
        known = ", ".join(baseline.layouts) or "none"
        raise CannotWatch(
            f"{spec.name}: the baseline compares no column {spec.column!r}; there are: {known} (columns of times, of "
            "lists, or with a value of its own in every row are not compared)"
        )
    share_of(spec, baseline)
    profile = baseline.profiles(spec.segment)[spec.column]
    law: Law | None = None
    if isinstance(layout, NumericLayout) and isinstance(profile, NumericProfile):
        n, law = int(profile.counts.sum()), Scores.of(layout, profile)
    elif isinstance(layout, CategoricalLayout) and isinstance(profile, CategoricalProfile):
        require_order(spec)
        n, law = profile.n_values, Categories.of(layout, profile)
    if law is None:
        raise CannotWatch(f"{spec.name}: {_lacking(n, layout)}")
    return law


def _lacking(n: int, layout: Layout) -> str:
    if n < LEAST_BASELINE:
        return f"the baseline has {n:,} values there; it takes {LEAST_BASELINE:,}"
    if isinstance(layout, NumericLayout):
        return f"all {n:,} values of the baseline are the same number; it takes two that differ"
    return f"too many values of the baseline are none of its {MAX_CATEGORIES:,} most frequent categories"


def require_order(spec: SequentialSpec) -> None:
    """CannotWatch for a detector that cannot do without the order of values, on a column of categories."""
    if spec.detector not in WATCHES_CATEGORIES:
        can = " or ".join(sorted(WATCHES_CATEGORIES))
        raise CannotWatch(f"{spec.name}: the column is categorical, and {spec.detector} needs numbers: take {can}")


def make_detector(spec: SequentialSpec, law: Law, arl: float) -> Detector:
    """The detector for one false alarm in `arl` records of the baseline's law."""
    if isinstance(law, Scores) and spec.detector != CONFORMAL:
        return _MAKERS[spec.detector](law, arl, spec.shift)
    require_order(spec)
    return Conformal.of(bets_on(law), arl)


def watcher(spec: SequentialSpec, baseline: Baseline) -> tuple[Law, Detector]:
    """Both for a baseline, made once for each; CannotWatch says what is in the way."""
    made = baseline.layouts.derived
    if str(spec) not in made:
        try:
            law = law_of(spec, baseline)
            made[str(spec)] = law, make_detector(spec, law, run_length(spec, baseline))
        except CannotWatch as error:
            made[str(spec)] = error
    found = made[str(spec)]
    if isinstance(found, CannotWatch):
        raise found
    return found  # type: ignore[return-value]


def code(law: Law, column: Column) -> tuple[Codes, Mask]:
    """The values that there are as positions in the law, and which ones these were."""
    if isinstance(law, Categories):
        return law.code(column.values if isinstance(column, CategoricalColumn) else NumberTexts(column.values))
    if isinstance(column, NumericColumn):
        return law.code(column.values)
    return np.zeros(0, np.uint16), np.zeros(len(column), np.bool_)  # numbers were promised, and none came
