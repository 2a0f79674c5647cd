"""Learn from training rows with truth what estimates of performance rest on later."""

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.domain.models import PREDICTION, SCORE, BaselineRole, Task
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn
from monitor.stats.estimation.error_model import ErrorModel
from monitor.stats.estimation.outcomes import MAX_LABELS, ScoredOutcomes
from monitor.stats.estimation.tried import Tried, try_errors, try_scores
from monitor.stats.profiles.layouts import Layouts

Outcomes = ScoredOutcomes | ErrorModel


def learn_outcomes(
    columns: Mapping[str, Column],
    truth: Sequence[str | None],
    task: Task,
    positive: str | None,
    role: BaselineRole | None = None,
) -> tuple[Outcomes | None, str]:
    """What the rows teach, and a sentence about it: what it rests on, or why there is nothing to learn.

    Classification needs the columns `prediction` and `score`, regression a numeric `prediction`.
    """
    if not (task.has_classes or task.has_numbers):
        return None, f"performance will not be estimated: that is not done for {task}"
    learned, lacking = _regression(columns, truth) if task.has_numbers else _scored(columns, truth, positive)
    if learned is None:
        return None, f"performance will not be estimated: {lacking}"
    return learned, f"performance will be estimated from {learned.rows:,} rows with truth{_WARNINGS[role]}"


def try_outcomes(
    outcomes: Outcomes,
    columns: Mapping[str, Column],
    truth: Sequence[str | None],
    layouts: Layouts,
    times_ms: Ints | None = None,
) -> tuple[Tried, str]:
    """What the rows tell of the errors of estimates, and a remark on what they do not (mostly none)."""
    if isinstance(outcomes, ScoredOutcomes):
        return try_scores(outcomes, columns, truth, layouts, times_ms)
    return try_errors(outcomes, columns, _numbers(truth), layouts), ""


_OVERESTIMATED = "overestimated: build the baseline from rows that it has not seen"
_WARNINGS: Mapping[BaselineRole | None, str] = {
    None: f"; if the model was fitted to these very rows, it will be {_OVERESTIMATED}",
    BaselineRole.TRAINING: f"; the model was fitted to these very rows, so it will be {_OVERESTIMATED}",
    BaselineRole.HOLDOUT: "",
    BaselineRole.PRODUCTION: "",
}


def _scored(
    columns: Mapping[str, Column], truth: Sequence[str | None], positive: str | None
) -> tuple[ScoredOutcomes | None, str]:
    predictions, scores = columns.get(PREDICTION), columns.get(SCORE)
    if not isinstance(predictions, CategoricalColumn) or not isinstance(scores, NumericColumn):
        return None, f"that takes the columns {PREDICTION} and {SCORE} beside the truth"
    learned = ScoredOutcomes.of(truth, predictions.values, scores.values, positive)
    needed = "the positive label and another one" if positive is not None else "two labels"
    return learned, f"that takes rows with a score in [0, 1] and truths of {needed}, and {MAX_LABELS} labels at most"


def _regression(columns: Mapping[str, Column], truth: Sequence[str | None]) -> tuple[ErrorModel | None, str]:
    predictions = columns.get(PREDICTION)
    if not isinstance(predictions, NumericColumn):
        return None, f"that takes a numeric column {PREDICTION} beside the truth"
    learned = ErrorModel.of(columns, predictions.values, _numbers(truth))
    return learned, "there are too few rows with a finite prediction and truth for so many columns"


def _numbers(truth: Sequence[str | None]) -> Floats:
    return np.array([_number(text) for text in truth], dtype=np.float64)


def _number(text: str | None) -> float:
    try:
        return np.nan if text is None else float(text)
    except ValueError:
        return np.nan
