"""Which version serves when, and how a retraining run makes the next one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.domain.errors import MonitorError
from monitor.shells.demo.dataset import FIRST_HALF_HOUR, Elec2, load_elec2
from monitor.shells.demo.serving import Plan, ReplayStopped, Serving

DAY = timedelta(days=1)
PLAN = Plan(FIRST_HALF_HOUR, FIRST_HALF_HOUR + 4 * DAY, FIRST_HALF_HOUR + 5 * DAY, FIRST_HALF_HOUR + 8 * DAY)
EARLY, LATER = FIRST_HALF_HOUR + 6 * DAY, FIRST_HALF_HOUR + 10 * DAY


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Elec2:
    chance = np.random.default_rng(1)
    lines = ["feat_1,feat_2,feat_3,feat_4,feat_5,feat_6,target"]
    for row in range(14 * 48):
        demand = chance.random()
        lines.append(f"{row % 48 / 47:.6f},0.05,{demand:.6f},0.003467,0.422915,0.414912,{int(demand > 0.5)}")
    path = tmp_path_factory.mktemp("market") / "elec.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_elec2(path)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def serving(market: Elec2, tmp_path: Path, stop: threading.Event) -> Serving:
    return Serving(market, tmp_path, PLAN, stop.is_set)


def retrained_at(serving: Serving, day: datetime, *, accepted: bool) -> str:
    """The version that serves on `day` when a run is asked for just before."""
    with ThreadPoolExecutor(1) as pipeline:
        run = pipeline.submit(serving.retrain, "job-1")
        while not serving.is_waiting():
            assert not run.done()
        run.add_done_callback(lambda _: serving.settle("job-1", accepted))
        return serving.model_for(day).version


def test_the_first_version_serves_and_its_training_set_is_written(serving: Serving) -> None:
    assert serving.model_for(EARLY).version == "1"
    assert serving.model_for(LATER).version == "1"
    assert pq.read_table(serving.training_set("1")).num_rows == 4 * 48


def test_a_run_learns_what_is_known_where_the_replay_stands_and_its_version_serves_from_that_day(
    serving: Serving,
) -> None:
    served = retrained_at(serving, LATER, accepted=True)

    times = pq.read_table(serving.training_set("2"))["event_time"].to_pylist()
    assert served == "2"
    assert (times[0], times[-1]) == (PLAN.retraining_since, LATER - DAY - timedelta(minutes=30))
    assert serving.model_for(LATER - DAY).version == "1"


def test_a_version_that_the_monitor_did_not_accept_never_serves(serving: Serving) -> None:
    assert retrained_at(serving, LATER, accepted=False) == "1"


def test_the_replay_does_not_wait_before_there_is_enough_to_learn_from(serving: Serving, stop: threading.Event) -> None:
    with ThreadPoolExecutor(1) as pipeline:
        run = pipeline.submit(serving.retrain, "job-1")

        served = serving.model_for(EARLY).version
        stop.set()

        assert served == "1"
        assert isinstance(run.exception(timeout=10), ReplayStopped)


def test_after_the_end_of_the_log_a_run_learns_from_all_of_it(serving: Serving, market: Elec2) -> None:
    end = FIRST_HALF_HOUR + 14 * DAY
    serving.end_at(end)

    trained = serving.retrain("job-1")

    assert trained.effective_from == end
    assert pq.read_table(trained.training_data).num_rows == len(market.between(PLAN.retraining_since, end - DAY))


def test_after_a_restart_the_same_version_serves_from_the_same_day(
    serving: Serving, market: Elec2, tmp_path: Path
) -> None:
    retrained_at(serving, LATER, accepted=True)
    row = market.between(LATER, LATER + DAY)

    again = Serving(market, tmp_path, PLAN, lambda: False)

    assert again.model_for(LATER - DAY).version == "1"
    assert again.model_for(LATER).version == "2"
    assert np.array_equal(
        again.model_for(LATER).predict(row).scores_up, serving.model_for(LATER).predict(row).scores_up
    )


def test_a_spoilt_ledger_says_what_to_do(market: Elec2, tmp_path: Path) -> None:
    (tmp_path / "versions.json").write_text('[{"version": 2}]', encoding="utf-8")

    with pytest.raises(MonitorError, match=r"versions\.json is no ledger of versions: .*; delete it to start over"):
        Serving(market, tmp_path, PLAN, lambda: False)


def test_instants_of_the_ledger_are_utc(serving: Serving, tmp_path: Path) -> None:
    retrained_at(serving, LATER, accepted=True)

    assert LATER.tzinfo is UTC
    assert '"known_at":"1996-05-17T00:00:00Z"' in (tmp_path / "versions.json").read_text(encoding="utf-8")
