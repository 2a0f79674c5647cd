import importlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.shells.demo.dataset import FIRST_HALF_HOUR, Elec2, load_elec2
from monitor.shells.demo.model import SklearnMissing, accuracy, importances, known_by, train, write_training_set

HEADER = "feat_1,feat_2,feat_3,feat_4,feat_5,feat_6,target"
MIDNIGHT = datetime(1996, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Elec2:
    """Forty days of a made-up market whose price, and so its truth, follows the time of the day."""
    chance = np.random.default_rng(1)
    lines = [HEADER]
    for row in range(40 * 48):
        demand = 0.4 + 0.2 * np.sin(2 * np.pi * (row % 48) / 48) + chance.normal(0, 0.02)
        price = demand / 6 + chance.normal(0, 0.004)
        lines.append(f"{row % 48 / 47:.6f},{price:.6f},{demand:.6f},0.003467,0.422915,0.414912,{int(demand > 0.4)}")
    path = tmp_path_factory.mktemp("market") / "elec.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_elec2(path)


def test_the_model_learns_what_can_be_learned_and_the_same_rows_give_the_same_model(market: Elec2) -> None:
    early, late = market.between(FIRST_HALF_HOUR, MIDNIGHT), market.between(MIDNIGHT, datetime(1997, 1, 1, tzinfo=UTC))

    first, second = train(early, "1"), train(early, "1")

    assert accuracy(first, late) > 0.9
    assert np.array_equal(first.predict(late).scores_up, second.predict(late).scores_up)


def test_latency_is_the_measured_time_of_the_call_shared_by_its_rows(market: Elec2) -> None:
    model = train(market, "1")
    clock = iter([10.0, 10.5])

    predictions = model.predict(market.rows(0, 50), timer=lambda: next(clock))

    assert predictions.latency_ms == 10.0
    assert len(predictions.labels) == len(predictions.scores_up) == 50


def test_a_constant_feature_has_no_importance_and_the_deciding_one_has_the_most(market: Elec2) -> None:
    losses = importances(train(market, "1"), market)

    assert losses["vicprice"] == losses["vicdemand"] == losses["transfer"] == 0
    assert max(losses, key=losses.__getitem__) == "nswdemand"


def test_retraining_may_learn_only_from_rows_whose_truth_has_arrived(market: Elec2) -> None:
    since = datetime(1996, 5, 20, tzinfo=UTC)

    rows = known_by(market, since, MIDNIGHT)

    assert rows.event_time[0] == np.datetime64("1996-05-20T00:00:00")
    assert rows.event_time[-1] == np.datetime64("1996-05-30T23:30:00")


def test_the_training_set_has_every_column_a_baseline_is_built_from(market: Elec2, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "train.parquet"

    write_training_set(path, market)

    table = pq.read_table(path)
    assert table.column_names == ["event_time", *market.features, "prediction", "score", "label"]
    assert table.schema.field("event_time").type == pa.timestamp("us", tz="UTC")
    assert table["event_time"][0].as_py() == FIRST_HALF_HOUR
    assert table["event_time"][1].as_py() - FIRST_HALF_HOUR == timedelta(minutes=30)
    assert set(table["label"].to_pylist()) == {"UP", "DOWN"}
    assert set(table["day_of_week"].to_pylist()) == {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}


def test_scores_of_the_training_set_are_out_of_sample_and_so_do_not_flatter(tmp_path: Path, market: Elec2) -> None:
    coin = np.random.default_rng(3).random(len(market)) < 0.5
    unlearnable = Elec2(market.event_time, market.features, coin)

    write_training_set(tmp_path / "train.parquet", unlearnable)

    table = pq.read_table(tmp_path / "train.parquet")
    agreement = np.mean(np.array(table["prediction"].to_pylist()) == np.array(table["label"].to_pylist()))
    # chance gives 0.5 with a standard error of 0.011 over 1,920 rows; in sample the same model reaches about 0.75
    assert abs(agreement - 0.5) < 0.05
    assert accuracy(train(unlearnable, "1"), unlearnable) > 0.65


def test_without_scikit_learn_the_error_names_the_extra(market: Elec2, monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)

    with pytest.raises(SklearnMissing, match=r"pip install 'driftline\[demo\]'"):
        train(market, "1")
