"""Which rows a metric can be computed of, and why it cannot be: in words for whoever sent the rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.domain.models import Task
from monitor.stats.columns import Floats, Mask
from monitor.stats.performance.class_faults import faults_of_scores
from monitor.stats.performance.forecasting import bounds_of
from monitor.stats.performance.metric import Judged, PerformanceMetric
from monitor.stats.performance.value import Value
from monitor.stats.structured import grades_of, items_of

MOST_ASIDE = 0.05
"""Share of rows (0 to 1) that may be put aside; with more, what is left may not be like the rest."""

_OF_SCORES = frozenset(
    {"roc_auc", "pr_auc", "log_loss", "brier", "calibration_error", "precision_at", "recall_at", "lift"}
)
_OF_CLASS_SCORES = frozenset({"roc_auc", "log_loss"})
_OF_PROBABILITIES = frozenset({"log_loss", "brier", "calibration_error"})
_OF_LISTS_ALONE = frozenset({"catalogue_coverage", "diversity"})
_SHOWN = 40
_LARGEST = 1e100
"""Larger numbers are as good as infinite: their squares, and sums of these, may be."""


@dataclass(frozen=True, slots=True, eq=False)
class Usable:
    """The rows that a metric can take, and a sentence on those put aside (empty: none)."""

    judged: Judged
    aside: str = ""
    share_aside: float = 0.0

    @property
    def suffices(self) -> bool:
        """Whether few enough were put aside."""
        return self.share_aside <= MOST_ASIDE


def usable(metric: PerformanceMetric, judged: Judged) -> Usable:
    """The rows that this metric can take; the others are counted and said, and cost the rest nothing."""
    if Task.FORECAST in metric.tasks and Task.TEXT not in metric.tasks:
        numbers = _finite_numbers(judged)
        return numbers if Task.REGRESSION in metric.tasks else _with_intervals(metric, numbers)
    if metric.tasks == {Task.RANKING}:
        return _rankings(judged)
    if metric.name == "rating":
        return _ratings(judged)
    if metric.name in _OF_CLASS_SCORES and judged.by_label:
        return _class_scores(judged)
    if metric.name in _OF_PROBABILITIES:
        return _probabilities(judged)
    return _priced(metric, judged) if isinstance(metric, Value) else Usable(judged)


def why_undefined(metric: PerformanceMetric, judged: Judged, positive: str | None) -> str:
    """What about these rows leaves the metric undefined; every reason that applies, as one sentence."""
    return "; ".join(_reasons(metric, judged, positive)) or "it is not defined on these rows"


def _reasons(metric: PerformanceMetric, judged: Judged, positive: str | None) -> Iterator[str]:
    if not judged.n:
        yield "no prediction has known truth"
        return
    if Task.TEXT in metric.tasks:
        return
    if Task.FORECAST in metric.tasks:
        yield from _of_numbers(metric, judged)
        return
    if metric.tasks == {Task.RANKING}:
        yield from _of_rankings(metric)
        return
    if positive is None and Task.MULTICLASS not in metric.tasks:
        yield "it is about one label, and no positive_label is configured"
    if positive is None and metric.name in _OF_CLASS_SCORES:
        if not judged.by_label:
            yield "no record has the scores of all classes (`scores`)"
    elif metric.name in _OF_SCORES and not np.isfinite(judged.scores).any():
        yield "no record has a score"
    yield from _of_labels(judged, positive)


def _of_rankings(metric: PerformanceMetric) -> Iterator[str]:
    if metric.name == "catalogue_coverage" and not getattr(metric, "catalogue", 0):
        yield "how many items the catalogue has is not said: parameters: {catalogue: 20000}"
    elif metric.name in _OF_LISTS_ALONE:
        yield "no list shows an item"
    else:
        yield "no truth names a relevant item"


def _of_numbers(metric: PerformanceMetric, judged: Judged) -> Iterator[str]:
    if metric.tasks == {Task.FORECAST} and bounds_of(judged, metric.level) is None:  # type: ignore[attr-defined]  # all of them have a level
        yield f"no record has the quantiles of the level {metric.level:g} (`scores`, by level)"  # type: ignore[attr-defined]  # the same
    if metric.name == "mase" and not getattr(metric, "scale", 0.0):
        yield "the naive error is not known: set training.season and build a baseline, or give the parameter scale"
    truth = _as_numbers(judged.labels)
    zeros = int((truth == 0.0).sum())
    if metric.name == "mape" and zeros:
        yield f"{zeros:,} of {judged.n:,} truths are zero, where a percentage is infinite: smape is defined there"
    if len(set(truth.tolist())) == 1:
        yield f"every truth is {truth[0]:g}"


def _of_labels(judged: Judged, positive: str | None) -> Iterator[str]:
    labels, said = set(judged.labels), set(judged.predictions)
    if len(labels) == 1:
        yield f"every truth is {_quoted(judged.labels[0])}: there is one class only"
    elif positive is not None and positive not in labels:
        yield f"no truth is {_quoted(positive)}"
    if len(said) == 1:
        yield f"every prediction is {_quoted(judged.predictions[0])}"
    elif positive is not None and positive not in said:
        yield f"no prediction is {_quoted(positive)}"


def _finite_numbers(judged: Judged) -> Usable:
    said, truth = _as_numbers(judged.predictions), _as_numbers(judged.labels)
    fits = [np.abs(values) <= _LARGEST for values in (said, truth)]
    is_fit = fits[0] & fits[1]
    if is_fit.all():
        return Usable(judged)
    examples = [
        f"{what} {_quoted(texts[int(np.flatnonzero(~fit)[0])])}"
        for what, texts, fit in zip(("prediction", "truth"), (judged.predictions, judged.labels), fits, strict=True)
        if not fit.all()
    ]
    return _without(judged, is_fit, f"are no finite numbers ({', '.join(examples)})")


def _priced(metric: Value, judged: Judged) -> Usable:
    """Rows whose outcome has a worth."""
    worths = metric.priced
    if worths is None:
        return Usable(judged)
    is_fit = ~np.isnan(worths.of_rows(judged))
    if is_fit.all():
        return Usable(judged)
    named, row = set(worths.classes), int(np.flatnonzero(~is_fit)[0])
    strange = next(text for text in (judged.labels[row], judged.predictions[row]) if text not in named)
    return _without(judged, is_fit, f"have a class that the matrix does not price, such as {_quoted(strange)}")


def _probabilities(judged: Judged) -> Usable:
    scores = judged.scores
    with np.errstate(invalid="ignore"):
        is_fit = np.isnan(scores) | ((scores >= 0.0) & (scores <= 1.0))
    if is_fit.all():
        return Usable(judged)
    return _without(judged, is_fit, f"have a score outside [0, 1], such as {scores[~is_fit][0]:.4g}")


def _class_scores(judged: Judged) -> Usable:
    """Rows whose scores are probabilities of all classes, the true one among them; rows without any say nothing."""
    faults = faults_of_scores(judged)
    if not faults:
        return Usable(judged)
    is_bad = np.logical_or.reduce([rows for rows, _ in faults])
    told = " and ".join(f"{int(rows.sum()):,} of {judged.n:,} {why}" for rows, why in faults)
    kept = judged.take(np.flatnonzero(~is_bad))
    return Usable(kept, f"{told}, and are put aside", int(is_bad.sum()) / judged.n)


def _with_intervals(metric: PerformanceMetric, numbers: Usable) -> Usable:
    """Rows whose interval has two finite ends in their order; rows without any quantile of the level say nothing."""
    bounds = bounds_of(numbers.judged, metric.level)  # type: ignore[attr-defined]  # metrics of intervals have a level
    if bounds is None:
        return numbers
    low, high = bounds
    with np.errstate(invalid="ignore"):
        is_fit = (np.abs(low) <= _LARGEST) & (np.abs(high) <= _LARGEST) & (low <= high)
    is_fit |= np.isnan(low) & np.isnan(high)
    if is_fit.all():
        return numbers
    row = int(np.flatnonzero(~is_fit)[0])
    why = f"have no interval with two ends in order, such as {low[row]:.4g} to {high[row]:.4g}"
    found = _without(numbers.judged, is_fit, why)
    aside = "; ".join(filter(None, (numbers.aside, found.aside)))
    return Usable(found.judged, aside, 1 - (1 - numbers.share_aside) * (1 - found.share_aside))


def _rankings(judged: Judged) -> Usable:
    """Rows whose prediction is a list and whose truth is items or grades."""
    said = np.array([items_of(text) is not None for text in judged.predictions], dtype=np.bool_)
    known = np.array([grades_of(text) is not None for text in judged.labels], dtype=np.bool_)
    is_fit = said & known
    if is_fit.all():
        return Usable(judged)
    row = int(np.flatnonzero(~is_fit)[0])
    example = judged.labels[row] if said[row] else judged.predictions[row]
    return _without(judged, is_fit, f"have no list of items, or grades that are no numbers, such as {_quoted(example)}")


def _ratings(judged: Judged) -> Usable:
    values = _as_numbers(judged.labels)
    is_fit = np.abs(values) <= _LARGEST
    if is_fit.all():
        return Usable(judged)
    return _without(judged, is_fit, f"are no finite numbers, such as {_quoted(judged.labels[int(np.argmin(is_fit))])}")


def _without(judged: Judged, is_fit: Mask, why: str) -> Usable:
    aside = int((~is_fit).sum())
    kept = judged.take(np.flatnonzero(is_fit))
    return Usable(kept, f"{aside:,} of {judged.n:,} {why}, and are put aside", aside / judged.n)


def _as_numbers(texts: Sequence[str]) -> Floats:
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def never_predicted(judged: Judged) -> str:
    """Labels that are true somewhere and predicted nowhere, the most frequent first; empty where there are none."""
    counts = Counter(judged.labels)
    strangers = sorted(counts.keys() - set(judged.predictions), key=lambda label: (-counts[label], label))
    if not strangers:
        return ""
    shown = ", ".join(f"{_quoted(label)} ({counts[label]:,})" for label in strangers[:3])
    more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
    if len(strangers) == len(counts):
        example = _quoted(judged.predictions[0])
        alike = "if they mean the same, let both records spell it alike"
        return f"no true label was ever predicted: {shown}{more}, where predictions are like {example}: {alike}"
    return f"true, but never predicted: {shown}{more}"
