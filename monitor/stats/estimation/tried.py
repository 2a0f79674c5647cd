"""What a baseline's own rows tell of the errors of its estimates: trials on parts of them, and a sample to reweight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from monitor.domain.models import PREDICTION, SCORE
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, NumericColumn
from monitor.stats.estimation.error_model import ErrorModel
from monitor.stats.estimation.expected import measures_of
from monitor.stats.estimation.outcomes import ScoredOutcomes
from monitor.stats.estimation.reweighting import ErrorSample, ScoredSample
from monitor.stats.estimation.sampled_rows import SampledRows, StoredRows, spread_rows
from monitor.stats.estimation.trials import Trial, error_trials, parts_of, scored_trials
from monitor.stats.profiles.layouts import Layouts

SORTED = (
    "the rows are sorted by their truth, so they do not show how estimates change with time: "
    "name their event time (--event-time), or give them in its order"
)


class StoredTried(msgspec.Struct, array_like=True, frozen=True):
    """`Tried` in a baseline; arrays as little-endian bytes, errors and claimed errors one after the other."""

    trials: list[tuple[str, bytes]]
    rows: StoredRows
    values: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """`trials` by metric (of regression: by target). `values` of each row, as its kind of estimate needs them.

    For classification its cell by true class, predicted class and score bin; for regression its error by each target,
    then what the model says of each; row after row.
    """

    trials: Mapping[str, Trial]
    rows: SampledRows
    values: Floats

    def drift(self, name: str) -> float:
        """Standard deviation of estimates between the baseline's parts; 0 where nothing was tried."""
        return self.trials[name].drift if name in self.trials else 0.0

    def stored(self) -> StoredTried:
        """As it stands in a baseline."""
        pairs = [(name, np.stack((t.errors, t.claimed)).astype("<f8").tobytes()) for name, t in self.trials.items()]
        return StoredTried(sorted(pairs), self.rows.stored(), self.values.astype("<f4").tobytes())

    def scored(self, outcomes: ScoredOutcomes) -> ScoredSample:
        """The rows as classification needs them."""
        return ScoredSample(outcomes, self.rows, self.values.astype(np.int64))

    def errors(self, targets: int) -> ErrorSample:
        """The rows as regression needs them."""
        errors, fitted = np.split(self.values.reshape(-1, 2 * targets), 2, axis=1)
        return ErrorSample(self.rows, errors, fitted)

    @classmethod
    def restored(cls, stored: StoredTried) -> "Tried":
        """The inverse of `stored`, values in single precision."""
        trials = {
            name: Trial(*np.frombuffer(data, "<f8").astype(np.float64).reshape(2, -1)) for name, data in stored.trials
        }
        rows = SampledRows.restored(stored.rows)
        return cls(trials, rows, np.frombuffer(stored.values, "<f4").astype(np.float64))


def try_scores(
    outcomes: ScoredOutcomes,
    columns: Mapping[str, Column],
    truth: Sequence[str | None],
    layouts: Layouts,
    times_ms: Ints | None = None,
) -> tuple[Tried, str]:
    """Try the estimates on the rows that they were learned from; in words, what the rows' order does not tell."""
    predictions, scores = columns[PREDICTION], columns[SCORE]
    if not isinstance(predictions, CategoricalColumn) or not isinstance(scores, NumericColumn):
        raise TypeError(f"{PREDICTION} and {SCORE} are not those that were learned from")
    rows, cells = outcomes.cells(truth, predictions.values, scores.values)
    shape = outcomes.shape
    parts, is_ordered = parts_of(np.unravel_index(cells, shape)[0], None if times_ms is None else times_ms[rows])
    number, size = int(parts.max(initial=0)) + 1, int(np.prod(shape))
    counts = np.bincount(parts * size + cells, minlength=number * size).reshape(number, *shape)
    trials = scored_trials(counts, outcomes.means, measures_of(binary=outcomes.is_binary), binary=outcomes.is_binary)
    chosen = spread_rows(np.arange(len(rows)))
    sample = SampledRows.of(columns, layouts, rows[chosen])
    return Tried(trials, sample, cells[chosen].astype(np.float64)), "" if is_ordered else SORTED


def try_errors(model: ErrorModel, columns: Mapping[str, Column], truth: Floats, layouts: Layouts) -> Tried:
    """Try a model of errors on the rows that it was learned from; `truth` as numbers, NaN where there is none."""
    predictions = columns[PREDICTION]
    if not isinstance(predictions, NumericColumn):
        raise TypeError(f"{PREDICTION} is not the column that was learned from")
    rows, errors, fitted, unseen, fold = model.on_rows(columns, predictions.values, truth)
    trials = error_trials(model.targets, unseen, errors, fold)
    chosen = spread_rows(np.arange(len(rows)))
    sample = SampledRows.of(columns, layouts, rows[chosen])
    return Tried(trials, sample, np.concatenate((errors, fitted), axis=1)[chosen].ravel())
