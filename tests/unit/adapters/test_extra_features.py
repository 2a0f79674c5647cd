"""Features that no baseline knows are noticed in a sample of the records, the same whatever is polled together."""

import json

import numpy as np
import pytest

from monitor.adapters.codec import JsonCodec
from monitor.adapters.extra_features import EVERY
from monitor.domain.models import ColumnKind, ColumnSpec, ModelRef, MonitoredModel
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import Claim, TopicKind
from monitor.stats.baseline import Baseline
from monitor.stats.columns import NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.renamed import concealed
from monitor.stream.schema import RecordSchema
from monitor.stream.shards import Shards
from tests.unit.usecases.ingest_rig import START_MS, models

BASELINE = Baseline.build(ModelRef("fraud", "2"), {"age": NumericColumn(np.arange(100.0))})
SCHEMA = RecordSchema((ColumnSpec("age", ColumnKind.NUMERIC),))
MODELS: dict[str, MonitoredModel] = models()
PARTITION = PartitionId("log", 0)


def record(offset: int, **features: object) -> RawRecord:
    about = {"event_id": f"e{offset}", "model": "fraud", "model_version": "2", "event_time": START_MS}
    return RawRecord(offset, json.dumps({**about, "features": {"age": 1.0, **features}}).encode())


def profile(records: list[RawRecord], poll: int, *, safe: bool = True) -> ModelProfile:
    """The profile of the only share, from polls of so many records."""
    shards = Shards(Claim(PARTITION, 1, 0, None), MODELS, lambda _ref, _pane: (BASELINE.id, BASELINE))
    codec = JsonCodec(safe=safe)
    for start in range(0, len(records), poll):
        some = records[start : start + poll]
        for batch in codec.decode(PARTITION, TopicKind.INFERENCE, some, lambda _model, _version: SCHEMA).batches:
            shards.add(batch, np.zeros(len(batch), np.bool_))
    (share,) = shards.dirty()
    return ModelProfile.from_bytes(share.payload, BASELINE.layouts)


@pytest.mark.parametrize("safe", [True, False])
def test_every_32nd_record_tells_unknown_features_whatever_is_polled_together(*, safe: bool) -> None:
    records = [record(k, new=k, text="personal", flag=True, odd=[1], gone=None) for k in range(3 * EVERY)]

    by_one, at_once = profile(records, 1, safe=safe), profile(records, 1_000, safe=safe)

    assert by_one.to_bytes() == at_once.to_bytes()
    assert by_one.extra == {"new", "text", "flag", "odd", "gone"}
    counts = {name: sample.counts for name, sample in by_one.extra_values.items()}
    assert counts["new"] == {"0": 1, str(EVERY): 1, str(2 * EVERY): 1}
    assert counts["text"] == {concealed("personal"): 3}
    assert counts["flag"] == {"true": 3}
    assert counts["odd"] == counts["gone"] == {}


def test_no_text_of_an_unknown_feature_is_stored() -> None:
    kept = profile([record(0, text="alice@example.com")], 1)

    assert b"alice" not in kept.content()


def test_records_as_agreed_leave_the_profile_as_it_always_was() -> None:
    kept = profile([record(k) for k in range(3 * EVERY)], 10)

    assert not kept.extra
    assert b"extra" not in kept.content()


def test_what_python_writes_for_no_number_hides_no_unknown_feature() -> None:
    assert profile([record(0, age=float("nan"), new=float("inf"))], 1).extra == {"new"}
