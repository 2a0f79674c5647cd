"""The numbers of a notebook are those of the service: the same rows as records, ingested and judged."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from monitor.adapters.sql.stores import SqlStores
from monitor.compare import build_baseline
from monitor.domain.findings import Verdict
from monitor.domain.models import MonitoredModel
from monitor.domain.windows import WindowSpec
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.proposals import AnyTest
from monitor.stats.quality import QUALITY_TESTS
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.usecases.baseline import BuildBaseline
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.judging import Judge
from tests.unit.usecases.ingest_rig import CHURN, NOW, PANE_MS, START_MS, Rig, message, partition, run_to_end

PANE = timedelta(milliseconds=PANE_MS)
MODEL = MonitoredModel("churn", WindowSpec(PANE, PANE), timedelta(0), timedelta(hours=1))
TESTS: Mapping[str, AnyTest] = {**DRIFT_TESTS, **QUALITY_TESTS, **WINDOW_TESTS}
SERVICE_ALONE = {"duplicates"}
"""A table has no ids of records."""

WHOLE = ("all_columns", "model_drift")
"""Goes by the model's alarm budget in the service, by a rate of its own in a comparison."""


def frame(rows: int, seed: int, shift: float) -> pd.DataFrame:
    """Every kind of column that records can have, with gaps."""
    chance = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "amount": chance.lognormal(3 + shift, 1, rows),
            "visits": chance.poisson(3 + shift, rows),
            "country": chance.choice(["DE", "FR", "CH", "ÄÖ"], rows, p=[0.4 + shift / 4, 0.3 - shift / 4, 0.2, 0.1]),
            "is_new": chance.random(rows) < 0.3,
            "score": chance.beta(2, 5, rows),
            "prediction": chance.choice(["yes", "no"], rows),
            "latency_ms": chance.gamma(3, 10, rows),
        }
    )
    made["income"] = np.where(chance.random(rows) < 0.05 + shift / 5, np.nan, chance.normal(50, 9, rows))
    made["plan"] = pd.Series(chance.choice(["pro", "basic"], rows)).mask(chance.random(rows) < 0.1)
    return made


def served(rows: pd.DataFrame) -> list[bytes]:
    """The rows as records of one pane, and one of the next that lets the first close."""
    outputs = ["score", "prediction", "latency_ms"]
    found = []
    for number, row in enumerate(json.loads(rows.to_json(orient="records", double_precision=15))):
        for name in rows.select_dtypes("float"):
            row[name] = None if np.isnan(rows[name].iloc[number]) else float(rows[name].iloc[number])
        features = {name: value for name, value in row.items() if name not in outputs}
        said = {name: row[name] for name in outputs}
        found.append(message(number, START_MS + number, features=features, **said))
    return [*found, message(10**6, START_MS + 3 * PANE_MS)]


class RowsOf:
    """Training data as the service reads it: values, not arrays."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows

    def batches(self) -> list[dict[str, list[object]]]:
        return [pa.Table.from_pandas(self.rows, preserve_index=False).to_pydict()]


def test_a_table_has_the_findings_that_the_service_stores_for_the_same_rows() -> None:
    training, window = frame(2_000, 1, 0.0), frame(900, 2, 0.5)
    rig = Rig(models={"churn": replace(MODEL, min_records=100)})
    stores = SqlStores.of(rig.engine)
    built = BuildBaseline(rig.models, stores.baselines, TESTS).build(CHURN, RowsOf(training))
    stores.baselines.promote(CHURN, built.id, None, "test")
    rig.log.append(partition(), served(window))
    run_to_end(rig, rig.worker())
    judge = Judge(TESTS, {}, stores.windows, stores.baselines, "test")

    Evaluate(rig.models, (), judge, stores.windows, stores.evaluations).run_once(NOW)
    found = build_baseline(training).compare(window)

    stored = {
        (one.check.column, one.check.test): (one.verdict, one.reason, one.result.statistic, one.result.p_value)
        for one in stores.evaluations.findings("churn")
        if one.check.test in TESTS.keys() - SERVICE_ALONE and one.window.start_ms == START_MS and one.result
    }
    told = {(one.column, one.check): (one.verdict, one.reason, one.statistic, one.p_value) for one in found}
    assert told.pop(WHOLE)[0] is Verdict.DRIFTED
    assert told == stored
    assert len(told) > 20
    assert found.drifted
