"""Our estimates on the sets that `nannyml_estimate.py` wrote: a baseline from the reference, a profile a chunk.

Called with the folder and the chunk sizes by set; prints one JSON object: CPU seconds, estimates and realized metrics
by set. Reading files is not in the CPU seconds, nor is measuring what was realized, nor loading libraries. Of many
classes we see the largest score alone, as records carry it.
"""

import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg, optimize, sparse

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef, Task
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.estimation.band import standardised, stretched
from monitor.stats.estimation.learning import learn_outcomes, try_outcomes
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.stats.profiles.model import ModelProfile
from monitor.stream.batch import category_text

LOADED = (linalg, optimize, sparse)
"""Otherwise loaded where first needed: the peer has loaded its libraries before its CPU seconds begin, too."""

METRICS = {Task.BINARY: ("roc_auc", "f1"), Task.MULTICLASS: ("f1",), Task.REGRESSION: ("mae", "rmse")}


def main(folder: str, sizes: str) -> None:
    found = {}
    for path in sorted(Path(folder).glob("*.reference.parquet")):
        name, task = path.name.split(".")[:2]
        reference, analysis = (pd.read_parquet(path.with_name(f"{name}.{task}.{part}.parquet")) for part in PARTS)
        found[name] = measured(Task(task), reference, analysis, json.loads(sizes)[name])
    print(json.dumps(found))


PARTS = ("reference", "analysis")


def measured(task: Task, reference: pd.DataFrame, analysis: pd.DataFrame, size: int) -> dict[str, object]:
    positive = "1" if task is Task.BINARY else None
    training, truth = columns(reference, task), texts(reference["label"])
    chunks = [analysis.iloc[start : start + size] for start in range(0, len(analysis), size)]
    read = [columns(chunk, task) for chunk in chunks]
    began = time.process_time()
    outcomes, _ = learn_outcomes(training, truth, task, positive)
    baseline = Baseline.build(ModelRef("m", "1"), training, outcomes=outcomes)
    if outcomes is not None:
        baseline = replace(baseline, tried=try_outcomes(outcomes, training, truth, baseline.layouts)[0])
    estimates = [estimated(baseline, part) for part in read]
    cpu = time.process_time() - began
    realized = [judged(chunk, part) for chunk, part in zip(chunks, read, strict=True)]
    result: dict[str, object] = {"cpu_s": cpu}
    for name in METRICS[task]:
        true = [PERFORMANCE_METRICS[name].run(one, positive) for one in realized]
        result[name] = [one[name].statistic for one in estimates]
        result[f"{name} realized"] = [one.statistic if one else None for one in true]
        pairs = [(one[name], truth.statistic) for one, truth in zip(estimates, true, strict=True) if truth]
        result[f"{name} covered"] = float(np.mean([covers(one, truth) for one, truth in pairs]))
        result[f"{name} covered with truth"] = float(np.mean(list(with_truth(pairs))))
    return result


def with_truth(pairs: list[tuple[TestResult, float]]) -> Iterator[bool]:
    """Whether each band holds its truth where the truth of all chunks before has come and taught it."""
    realised: list[float] = []
    for estimate, truth in pairs:
        yield covers(stretched(estimate, realised, -math.inf, math.inf), truth)
        realised.append(standardised(estimate, truth))


def covers(estimate: TestResult, value: float) -> bool:
    return (estimate.low or 0.0) <= value <= (estimate.high or 0.0)


def estimated(baseline: Baseline, part: dict[str, Column]) -> dict[str, TestResult]:
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(part, len(next(iter(part.values()))))
    return dict(baseline.estimator.estimates(profile)) if baseline.estimator else {}


def columns(rows: pd.DataFrame, task: Task) -> dict[str, Column]:
    """Features and outputs as records carry them: of many classes the largest score alone."""
    scores = [str(name) for name in rows.columns if str(name).startswith("score")]
    found: dict[str, Column] = {
        str(name): column(rows[name]) for name in rows.columns if name != "label" and name not in scores
    }
    if task is Task.REGRESSION:
        return found
    largest = NumericColumn(np.asarray(rows[scores], dtype=np.float64).max(axis=1))
    return found | {"prediction": CategoricalColumn(texts(rows["prediction"])), "score": largest}


def column(values: "pd.Series[float]") -> Column:
    if pd.api.types.is_numeric_dtype(values):
        return NumericColumn(np.asarray(values, dtype=np.float64))
    return CategoricalColumn(texts(values))


def texts(values: "pd.Series[float]") -> list[str | None]:
    return [category_text(value) for value in values.tolist()]


def judged(rows: pd.DataFrame, part: dict[str, Column]) -> Judged:
    said, true = (tuple(map(str, texts(rows[name]))) for name in ("prediction", "label"))
    score = part.get("score")
    return Judged(said, score.values if isinstance(score, NumericColumn) else np.full(len(rows), np.nan), true)


if __name__ == "__main__":
    main(*sys.argv[1:])
