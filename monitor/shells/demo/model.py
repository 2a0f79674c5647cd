"""The demo's model: does the New South Wales price stand above its mean of the last 24 hours."""

import importlib
import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.domain.errors import MonitorError
from monitor.shells.demo.dataset import CATEGORICAL_FEATURES, DAY_PARTS, DAYS_OF_WEEK, NUMERIC_FEATURES, Elec2

MODEL_NAME = "elec2-price"
TRUTH_DELAY = timedelta(hours=24)
"""How long after the prediction its ground truth is known. The file does not say; the replay chooses a day."""
SEED = 7
FOLDS = 5
"""Blocks of consecutive rows for out-of-sample scores; neighbouring half-hours are too alike to shuffle."""

Floats: TypeAlias = npt.NDArray[np.float64]


class SklearnMissing(MonitorError):
    """scikit-learn, which only the demo needs, is not installed."""


class Classifier(Protocol):
    """What the demo uses of a scikit-learn classifier."""

    def fit(self, inputs: Floats, truth: npt.NDArray[np.bool_]) -> object:
        """Learn, in place."""
        ...

    def predict_proba(self, inputs: Floats) -> Floats:
        """Probability of each class, one row an input row."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the model said of some rows: labels "UP" or "DOWN", the score of "UP", and what it cost."""

    labels: npt.NDArray[np.str_]
    scores_up: Floats
    latency_ms: float
    """Measured time of the call that predicted these rows together, divided by their number."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceModel:
    """A trained version of the model; predicting does not change it."""

    version: str
    classifier: Classifier

    def predict(self, rows: Elec2, timer: Callable[[], float] = time.perf_counter) -> Predictions:
        """Predict one or more rows in one call; `timer` counts seconds."""
        with _one_thread():
            started = timer()
            scores = self.classifier.predict_proba(_inputs(rows))[:, 1]
        latency_ms = (timer() - started) * 1000 / len(rows)
        return Predictions(np.where(scores >= 0.5, "UP", "DOWN"), scores, latency_ms)


def train(rows: Elec2, version: str) -> PriceModel:
    """Train a version on `rows`; the same rows give the same model. Raises `SklearnMissing`."""
    return PriceModel(version, _fitted(_inputs(rows), rows.went_up))


def known_by(history: Elec2, since: datetime, now: datetime) -> Elec2:
    """Rows from `since` whose ground truth has arrived by `now`: all that a retraining job may learn from."""
    return history.between(since, now - TRUTH_DELAY)


def accuracy(model: PriceModel, rows: Elec2) -> float:
    """Share of `rows` that `model` gets right, 0 to 1."""
    return float(np.mean((model.predict(rows).labels == "UP") == rows.went_up))


def importances(model: PriceModel, rows: Elec2, seed: int = SEED) -> dict[str, float]:
    """Loss of accuracy when one feature is shuffled over `rows`, by feature (permutation importance).

    About 0 for a feature that the model does not use; a constant one has exactly 0. Breiman (2001).
    """
    chance = np.random.default_rng(seed)
    whole = accuracy(model, rows)
    losses = {}
    for name, values in rows.features.items():
        shuffled = Elec2(rows.event_time, {**rows.features, name: chance.permutation(values)}, rows.went_up)
        losses[name] = whole - accuracy(model, shuffled)
    return losses


def write_training_set(path: Path, rows: Elec2) -> None:
    """Write what a version is trained on as Parquet: event_time, features, prediction, score, target.

    Predictions and scores are out of sample (each of `FOLDS` consecutive blocks is scored by a model of the
    other blocks): a model's scores of its own training rows are surer than anything it serves later, and
    would make every window look drifted.
    """
    scores = _out_of_sample_scores(rows)
    columns: dict[str, object] = {"event_time": pa.array(rows.event_time, pa.timestamp("us", tz="UTC"))}
    columns |= rows.features
    columns |= {
        "prediction": np.where(scores >= 0.5, "UP", "DOWN"),
        "score": scores,
        "label": np.where(rows.went_up, "UP", "DOWN"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def _out_of_sample_scores(rows: Elec2) -> Floats:
    edges = np.linspace(0, len(rows), FOLDS + 1).astype(int)
    inputs = _inputs(rows)
    scores = np.empty(len(rows))
    for first, last in itertools.pairwise(edges):
        others = np.ones(len(rows), dtype=bool)
        others[first:last] = False
        classifier = _fitted(inputs[others], rows.went_up[others])
        scores[first:last] = classifier.predict_proba(inputs[first:last])[:, 1]
    return scores


def _fitted(inputs: Floats, truth: npt.NDArray[np.bool_]) -> Classifier:
    classifier = _classifier()
    with _one_thread():
        classifier.fit(inputs, truth)
    return classifier


def _one_thread() -> AbstractContextManager[object]:
    """So few rows gain nothing from more threads; on a busy machine their waiting for each other costs much."""
    limit: AbstractContextManager[object] = _thread_pools().limit(limits=1)
    return limit


@cache
def _thread_pools() -> Any:  # noqa: ANN401 - the library has no types
    """Those that are loaded by the time of the first fit; scikit-learn brings the library that knows them."""
    return importlib.import_module("threadpoolctl").ThreadpoolController()


def _classifier() -> Classifier:
    categorical = range(len(NUMERIC_FEATURES), len(NUMERIC_FEATURES) + len(CATEGORICAL_FEATURES))
    try:
        ensemble: Any = importlib.import_module("sklearn.ensemble")
    except ImportError as error:
        raise SklearnMissing(
            "the demo trains a model with scikit-learn, which is not installed; pip install 'driftline[demo]'"
        ) from error
    classifier: Classifier = ensemble.HistGradientBoostingClassifier(
        max_iter=100, max_depth=4, categorical_features=list(categorical), random_state=SEED
    )
    return classifier


def _inputs(rows: Elec2) -> Floats:
    numeric = [rows.features[name].astype(np.float64) for name in NUMERIC_FEATURES]
    day = _codes(rows.features["day_of_week"], DAYS_OF_WEEK)
    part = _codes(rows.features["day_part"], DAY_PARTS)
    return np.column_stack([*numeric, day, part])


def _codes(values: npt.NDArray[Any], categories: tuple[str, ...]) -> Floats:
    order = np.argsort(categories)
    return order[np.searchsorted(np.array(categories)[order], values)].astype(np.float64)
