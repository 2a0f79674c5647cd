"""NannyML's estimates on the data sets that it ships; runs in the peer's own environment.

`write FOLDER` puts each set there as two Parquet files, reference and analysis, with the columns `prediction`, `score`
(or `score of LABEL`), `label` and the features. `run FOLDER` estimates chunk by chunk and prints one JSON object: CPU
seconds and estimates by set.
"""

import json
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import nannyml as nml  # noqa: E402 - it warns while it is loaded

METRICS = {"binary": ["roc_auc", "f1"], "multiclass": ["f1"], "regression": ["mae", "rmse"]}
CLASSES = ("prepaid_card", "highstreet_card", "upmarket_card")


def _joined(loaded: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    reference, analysis, truth = loaded
    return reference, analysis.merge(truth, on=next(name for name in truth.columns if name in analysis.columns))


def _sets() -> Iterator[tuple[str, str, tuple[pd.DataFrame, pd.DataFrame], dict[str, str]]]:
    binary = {"y_pred_proba": "score", "y_pred": "prediction"}
    census = {"predicted_probability": "score", "employed": "label"}
    many = {"y_pred": "prediction", "y_true": "label"} | {f"y_pred_proba_{c}": f"score of {c}" for c in CLASSES}
    yield "census", "binary", _joined(nml.load_us_census_ma_employment_data()), census
    yield "car loan", "binary", _joined(nml.load_synthetic_car_loan_dataset()), binary | {"repaid": "label"}
    home = _joined(nml.load_synthetic_binary_classification_dataset())
    yield "work from home", "binary", home, binary | {"work_home_actual": "label"}
    houses = _joined(nml.load_modified_california_housing_dataset())
    yield "houses", "binary", houses, binary | {"clf_target": "label"}
    cards = _joined(nml.load_synthetic_multiclass_classification_dataset())
    yield "credit cards", "multiclass", cards, many
    cars = _joined(nml.load_synthetic_car_price_dataset())
    yield "car price", "regression", cars, {"y_pred": "prediction", "y_true": "label"}


def write(folder: Path) -> None:
    drop = {"id", "identifier", "timestamp", "period", "year", "period_x", "period_y", "partition"}
    for name, task, parts, names in _sets():
        for part, rows in zip(("reference", "analysis"), parts, strict=True):
            kept = rows[[column for column in rows.columns if column not in drop]].rename(columns=names)
            kept.to_parquet(folder / f"{name}.{task}.{part}.parquet")


def run(folder: Path, sizes: dict[str, int]) -> None:
    found = {}
    for path in sorted(folder.glob("*.reference.parquet")):
        name, task = path.name.split(".")[:2]
        reference = pd.read_parquet(path)
        analysis = pd.read_parquet(folder / f"{name}.{task}.analysis.parquet").drop(columns="label")
        began = time.process_time()
        frame = _estimator(task, reference, sizes[name]).fit(reference).estimate(analysis).to_df()
        cpu = time.process_time() - began
        chunks = frame[frame[("chunk", "period")] == "analysis"]
        found[name] = {"cpu_s": cpu} | {metric: list(chunks[(metric, "value")]) for metric in METRICS[task]}
    print(json.dumps(found))


def _estimator(task: str, reference: pd.DataFrame, size: int) -> nml.CBPE | nml.DLE:
    common = {"metrics": METRICS[task], "y_pred": "prediction", "y_true": "label", "chunk_size": size}
    if task == "regression":
        features = [column for column in reference.columns if column not in {"prediction", "label"}]
        return nml.DLE(feature_column_names=features, **common)
    scores = {c: f"score of {c}" for c in CLASSES} if task == "multiclass" else "score"
    return nml.CBPE(problem_type=f"classification_{task}", y_pred_proba=scores, **common)


if __name__ == "__main__":
    write(Path(sys.argv[2])) if sys.argv[1] == "write" else run(Path(sys.argv[2]), json.loads(sys.argv[3]))
