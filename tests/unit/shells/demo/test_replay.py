from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from monitor.shells.demo.dataset import FIRST_HALF_HOUR, Elec2, load_elec2
from monitor.shells.demo.model import PriceModel
from monitor.shells.demo.replay import ReplayedRecord, replay

DAY = timedelta(days=1)


class Constant:
    """A classifier that always answers the same probability."""

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def fit(self, inputs: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_]) -> object:
        return self

    def predict_proba(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.tile([1 - self.probability, self.probability], (len(inputs), 1))


OLD, NEW = PriceModel("1", Constant(0.25)), PriceModel("2", Constant(0.75))


@pytest.fixture
def market(tmp_path: Path) -> Elec2:
    rows = [f"{row % 48 / 47:.6f},0.05,0.4,0.003467,0.422915,0.414912,{row % 2}" for row in range(4 * 48)]
    path = tmp_path / "elec.csv"
    path.write_text("\n".join(["feat_1,feat_2,feat_3,feat_4,feat_5,feat_6,target", *rows]), encoding="utf-8")
    return load_elec2(path)


def ticking() -> Iterator[float]:
    return (0.048 * tick for tick in count())


def replayed(market: Elec2, days: float, model: PriceModel = OLD) -> list[ReplayedRecord]:
    clock = ticking()
    end = FIRST_HALF_HOUR + days * DAY
    return list(replay(market, FIRST_HALF_HOUR, end, lambda _: model, timer=lambda: next(clock)))


def decoded(record: ReplayedRecord) -> dict[str, object]:
    fields: dict[str, object] = msgspec.json.decode(record.payload)
    return fields


def test_a_prediction_is_a_canonical_inference_record(market: Elec2) -> None:
    first = decoded(replayed(market, days=1)[0])

    event_id = first.pop("event_id")
    assert isinstance(event_id, str)
    assert len(event_id) == 24
    assert first == {
        "type": "inference",
        "model": "elec2-price",
        "model_version": "1",
        "event_time": "1996-05-07T00:00:00Z",
        "features": {
            "period": 0,
            "nswprice": 0.05,
            "nswdemand": 0.4,
            "vicprice": 0.003467,
            "vicdemand": 0.422915,
            "transfer": 0.414912,
            "day_of_week": "tue",
            "day_part": "night",
        },
        "prediction": "DOWN",
        "scores": {"UP": 0.25},
        "latency_ms": 1.0,
    }


def test_ground_truth_follows_its_prediction_by_a_day_under_the_same_id(market: Elec2) -> None:
    records = replayed(market, days=3)

    predicted = {decoded(each)["event_id"]: each.event_time for each in records if each.kind == "inference"}
    truths = [each for each in records if each.kind == "ground_truth"]

    assert len(predicted) == 3 * 48
    assert len(truths) == 2 * 48
    assert all(each.event_time - predicted[decoded(each)["event_id"]] == DAY for each in truths)
    assert [decoded(each)["label"] for each in truths[:3]] == ["DOWN", "UP", "DOWN"]
    assert decoded(truths[0])["event_time"] == "1996-05-08T00:00:00Z"


def test_records_come_in_event_time_order_and_truth_goes_first_at_a_tie(market: Elec2) -> None:
    records = replayed(market, days=3)

    assert all(earlier.event_time <= later.event_time for earlier, later in pairwise(records))
    assert [each.kind for each in records[47:52]] == [
        "inference",
        "ground_truth",
        "inference",
        "ground_truth",
        "inference",
    ]


def test_truth_that_falls_due_after_the_end_is_not_known_yet_and_not_sent(market: Elec2) -> None:
    records = replayed(market, days=1.5)

    assert sum(each.kind == "inference" for each in records) == 72
    assert sum(each.kind == "ground_truth" for each in records) == 24


def test_a_version_promoted_while_the_log_is_read_serves_from_the_next_day(market: Elec2) -> None:
    serving = [OLD]
    records = replay(market, FIRST_HALF_HOUR, FIRST_HALF_HOUR + 2 * DAY, lambda _: serving[0])

    early = [next(records) for _ in range(10)]
    serving[0] = NEW
    late = [each for each in records if each.kind == "inference"]

    assert {decoded(each)["model_version"] for each in early} == {"1"}
    versions = {each.event_time: decoded(each)["model_version"] for each in late}
    assert versions[datetime(1996, 5, 7, 23, 30, tzinfo=UTC)] == "1"
    assert versions[datetime(1996, 5, 8, tzinfo=UTC)] == "2"
    assert decoded(late[-1])["prediction"] == "UP"


def test_two_replays_differ_in_nothing_but_the_measured_latency(market: Elec2) -> None:
    def without_latency(record: ReplayedRecord) -> dict[str, object]:
        return {name: value for name, value in decoded(record).items() if name != "latency_ms"}

    one = list(replay(market, FIRST_HALF_HOUR, FIRST_HALF_HOUR + DAY, lambda _: OLD))
    two = list(replay(market, FIRST_HALF_HOUR, FIRST_HALF_HOUR + DAY, lambda _: OLD))

    assert [without_latency(each) for each in one] == [without_latency(each) for each in two]


def test_ids_name_the_version_so_that_two_versions_may_answer_the_same_half_hour(market: Elec2) -> None:
    old = {decoded(each)["event_id"] for each in replayed(market, days=1, model=OLD)}
    new = {decoded(each)["event_id"] for each in replayed(market, days=1, model=NEW)}

    assert len(old) == len(new) == 48
    assert not old & new
