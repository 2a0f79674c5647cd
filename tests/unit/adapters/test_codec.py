"""What the decoder counts, what it refuses and why, and that no message costs its neighbours anything."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.adapters.codec import SLICE, JsonCodec
from monitor.domain.errors import RejectReason, StoreUnavailable
from monitor.domain.models import ColumnKind, ColumnSpec, ModelRef
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stream.batch import Decoded
from monitor.stream.schema import RecordSchema

PARTITION = PartitionId("t", 0)
NUMERIC, CATEGORICAL = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL
SCHEMA = RecordSchema(
    (
        ColumnSpec("age", NUMERIC),
        ColumnSpec("plan", CATEGORICAL),
        ColumnSpec("prediction", CATEGORICAL),
        ColumnSpec("score", NUMERIC),
        ColumnSpec("latency_ms", NUMERIC),
    ),
    positive_label="1",
)
GOOD = {
    "event_id": "e1",
    "model": "churn",
    "model_version": "3",
    "event_time": 1_700_000_000,
    "features": {"age": 31.5, "plan": "pro"},
    "prediction": "1",
    "score": 0.75,
    "latency_ms": 12,
}
TRUTH = {"event_id": "e1", "model": "churn", "event_time": "2026-11-01T10:00:00Z", "label": 1}


def schemas(model: str, version: str) -> RecordSchema | None:
    return SCHEMA if model == "churn" else None


def decode(*messages: object, kind: TopicKind = TopicKind.INFERENCE, codec: JsonCodec | None = None) -> Decoded:
    """Messages are bytes, None, or something to write as JSON (as Python writes it)."""
    values = [m if m is None or isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    records = [RawRecord(100 + k, value) for k, value in enumerate(values)]
    return (codec or JsonCodec()).decode(PARTITION, kind, records, schemas)


def good(**changes: object) -> dict[str, object]:
    return {**GOOD, **changes}


def features(**values: object) -> dict[str, object]:
    return good(features=values)


def numbers(decoded: Decoded, name: str = "age") -> NumericColumn:
    (batch,) = decoded.batches
    column = batch.columns[name]
    assert isinstance(column, NumericColumn)
    return column


def categories(decoded: Decoded, name: str = "plan") -> CategoricalColumn:
    (batch,) = decoded.batches
    column = batch.columns[name]
    assert isinstance(column, CategoricalColumn)
    return column


def refusals(decoded: Decoded) -> list[tuple[int, RejectReason]]:
    return [(letter.offset, letter.reason) for letter in decoded.rejected]


def test_a_record_as_agreed_becomes_a_row_with_its_outputs() -> None:
    decoded = decode(GOOD)

    (batch,) = decoded.batches
    assert (batch.ref, batch.offsets.tolist()) == (ModelRef("churn", "3"), [100])
    assert batch.event_time_ms.tolist() == [1_700_000_000_000]
    assert (list(batch.event_ids), list(batch.predictions), batch.scores.tolist()) == (["e1"], ["1"], [0.75])
    assert numbers(decoded).values.tolist() == [31.5]
    assert list(categories(decoded).values) == ["pro"]
    assert numbers(decoded, "latency_ms").values.tolist() == [12.0]
    assert not decoded.rejected


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        (None, RejectReason.EMPTY, "tombstone"),
        (b"", RejectReason.EMPTY, "no bytes"),
        (b'{"event_id": "e', RejectReason.MALFORMED_JSON, "cut off after"),
        (b"{} {}", RejectReason.MALFORMED_JSON, "Extra data"),
        (json.dumps(GOOD).encode().replace(b"pro", b"\xff"), RejectReason.MALFORMED_JSON, "UTF-8"),
        (b"[" * 100_000, RejectReason.MALFORMED_JSON, "nested too deeply"),
        (b"[1]", RejectReason.NOT_AN_OBJECT, "an array"),
        (b"null", RejectReason.NOT_AN_OBJECT, "null"),
        ({k: v for k, v in GOOD.items() if k != "event_id"}, RejectReason.MISSING_FIELD, "event_id"),
        (good(event_id=""), RejectReason.MISSING_FIELD, "event_id"),
        (good(event_id=None), RejectReason.MISSING_FIELD, "event_id"),
        (good(event_id=7), RejectReason.WRONG_TYPE, "event_id: expected text, got a number"),
        ({k: v for k, v in GOOD.items() if k != "model"}, RejectReason.MISSING_FIELD, "model"),
        ({k: v for k, v in GOOD.items() if k != "model_version"}, RejectReason.MISSING_FIELD, "model_version"),
        (good(model_version=1.5), RejectReason.WRONG_TYPE, "model_version"),
        (good(model_version=True), RejectReason.WRONG_TYPE, "model_version"),
        ({k: v for k, v in GOOD.items() if k != "features"}, RejectReason.MISSING_FIELD, "features"),
        (good(features=None), RejectReason.WRONG_TYPE, "features: expected an object, got null"),
        (good(features=[1, 2]), RejectReason.WRONG_TYPE, "features: expected an object, got an array"),
        (good(model="other"), RejectReason.UNKNOWN_MODEL, "'other' is not configured"),
        ({k: v for k, v in GOOD.items() if k != "event_time"}, RejectReason.MISSING_FIELD, "event_time"),
        (good(event_time="yesterday"), RejectReason.BAD_EVENT_TIME, "yesterday"),
        (good(event_time=True), RejectReason.BAD_EVENT_TIME, "got a boolean"),
        (good(event_time=1e300), RejectReason.BAD_EVENT_TIME, "1e+300"),
        (good(event_time=math.nan), RejectReason.BAD_EVENT_TIME, "nan"),
        (good(type="ground_truth"), RejectReason.UNKNOWN_TYPE, "declare the topic as mixed"),
        (good(type="other"), RejectReason.UNKNOWN_TYPE, "'other'"),
        (good(type=["inference"]), RejectReason.UNKNOWN_TYPE, "inference"),
    ],
)
def test_a_bad_record_is_refused_with_its_reason_and_its_neighbours_count(
    message: object, reason: RejectReason, detail: str
) -> None:
    decoded = decode(GOOD, message, GOOD)

    (letter,) = decoded.rejected
    assert (letter.offset, letter.reason) == (101, reason)
    assert detail in letter.detail
    assert numbers(decoded).values.tolist() == [31.5, 31.5]
    assert decoded.batches[0].offsets.tolist() == [100, 102]


@pytest.mark.parametrize("value", ["1.5", True, [1], {"a": 1}])
def test_a_wrong_type_in_one_number_is_invalid_for_that_column_alone(value: object) -> None:
    decoded = decode(GOOD, features(age=value, plan="basic"))

    column = numbers(decoded)
    assert np.isnan(column.values).tolist() == [False, True]
    assert column.invalid is not None
    assert column.invalid.tolist() == [False, True]
    assert (list(categories(decoded).values), categories(decoded).invalid) == (["pro", "basic"], None)
    assert not decoded.rejected


@pytest.mark.parametrize("features_of", [{}, {"age": None}, {"age": math.nan}, {"other": 1}])
def test_an_absent_null_or_nan_number_is_missing_and_not_invalid(features_of: dict[str, object]) -> None:
    decoded = decode(good(features=features_of))

    assert np.isnan(numbers(decoded).values).all()
    assert numbers(decoded).invalid is None
    assert list(categories(decoded).values) == [None]


@pytest.mark.parametrize("text", [b"Infinity", b"1e999", b"1" + b"0" * 400])
def test_what_is_too_large_for_a_float_is_infinite(text: bytes) -> None:
    decoded = decode(json.dumps(features(age=-7)).encode().replace(b"-7", text))

    assert numbers(decoded).values.tolist() == [math.inf]
    assert numbers(decoded).invalid is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("pro", "pro"), (7, "7"), (7.0, "7"), (7.5, "7.5"), (True, "true"), (2**70, str(2**70)), (None, None)],
)
def test_categories_are_texts_with_whole_numbers_exact(value: object, text: str | None) -> None:
    decoded = decode(GOOD, features(age=1, plan=value))

    assert list(categories(decoded).values) == ["pro", text]
    assert categories(decoded).invalid is None


def test_an_array_as_a_category_is_invalid() -> None:
    column = categories(decode(features(plan=["pro"], age=1)))

    assert list(column.values) == [None]
    assert column.invalid is not None
    assert column.invalid.all()


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000.001, 1_700_000_000_001),
        (1_700_000_000.9996, 1_700_000_000_999),
        (1_700_000_000_001, 1_700_000_000_001),
        (0, 0),
        (-1.5, -1_500),
        ("2026-11-01T10:00:00.250Z", 1_793_527_200_250),
        ("2026-11-01T12:00:00+02:00", 1_793_527_200_000),
        ("2026-11-01T10:00:00", 1_793_527_200_000),
        ("2026-11-01T10:00Z", 1_793_527_200_000),
        ("2026-11-01", 1_793_491_200_000),
    ],
)
def test_event_times_are_read_in_seconds_milliseconds_and_rfc_3339(value: object, milliseconds: int) -> None:
    (alone,) = decode(good(event_time=value)).batches
    (among_others,) = decode(GOOD, good(event_time=value), good(event_time="2026-01-01T00:00:00Z")).batches

    assert alone.event_time_ms.tolist() == [milliseconds]
    assert among_others.event_time_ms[1] == milliseconds


@given(st.integers(-62_135_596_800_000, -(10**11) - 1) | st.integers(10**11 + 1, 253_402_300_799_999))
def test_every_millisecond_of_the_calendar_survives(milliseconds: int) -> None:
    (batch,) = decode(good(event_time=milliseconds)).batches

    assert batch.event_time_ms.tolist() == [milliseconds]


@pytest.mark.parametrize("event_time", [-1e14, 1e15, 1e308, -1e308])
def test_an_instant_outside_the_calendar_is_refused(event_time: float) -> None:
    decoded = decode(good(event_time=event_time), GOOD, good(event_time="2026-01-01T00:00:00Z"))

    assert refusals(decoded) == [(100, RejectReason.BAD_EVENT_TIME)]
    assert decoded.batches[0].offsets.tolist() == [101, 102]


def test_a_score_is_taken_from_scores_by_the_positive_label_else_the_largest() -> None:
    without = RecordSchema(SCHEMA.columns)
    scored = {k: v for k, v in GOOD.items() if k != "score"} | {"scores": {"0": 0.9, "1": 0.1}}
    records = [RawRecord(0, json.dumps(scored).encode())]

    by_label = JsonCodec().decode(PARTITION, TopicKind.INFERENCE, records, schemas)
    largest = JsonCodec().decode(PARTITION, TopicKind.INFERENCE, records, lambda *_: without)

    assert numbers(by_label, "score").values.tolist() == [0.1]
    assert numbers(largest, "score").values.tolist() == [0.9]


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [("score", "0.5", "score"), ("latency_ms", True, "latency_ms"), ("scores", {"1": "high"}, "score")],
)
def test_an_output_of_a_wrong_type_is_invalid_and_the_record_counts(field: str, value: object, column: str) -> None:
    message = good(**{field: value})
    if field == "scores":
        del message["score"]

    decoded = decode(GOOD, message)

    assert numbers(decoded, column).invalid is not None
    assert numbers(decoded, column).invalid.tolist() == [False, True]  # type: ignore[union-attr]
    assert numbers(decoded).values.tolist() == [31.5, 31.5]


def test_a_prediction_that_is_an_object_is_invalid() -> None:
    decoded = decode(GOOD, good(prediction={"class": 1}))

    assert categories(decoded, "prediction").invalid.tolist() == [False, True]  # type: ignore[union-attr]
    assert list(decoded.batches[0].predictions) == ["1", None]


def test_a_numeric_prediction_refuses_text_and_booleans_but_not_the_record() -> None:
    regression = RecordSchema((ColumnSpec("prediction", NUMERIC),))
    messages = [good(prediction=value) for value in (2.5, "2.5", True, None, 10**400)]
    records = [RawRecord(k, json.dumps(message).encode()) for k, message in enumerate(messages)]

    decoded = JsonCodec().decode(PARTITION, TopicKind.INFERENCE, records, lambda *_: regression)

    column = numbers(decoded, "prediction")
    assert column.values[[0, 4]].tolist() == [2.5, math.inf]
    assert np.isnan(column.values[1:4]).all()
    assert column.invalid is not None
    assert column.invalid.tolist() == [False, True, True, False, False]
    assert list(decoded.batches[0].predictions)[:4] == ["2.5", "2.5", "true", None]


def test_a_message_over_the_limit_is_refused_unread_and_cut() -> None:
    decoded = decode(GOOD, b"x" * 10_000_000, GOOD)

    (letter,) = decoded.rejected
    assert (letter.reason, letter.size_bytes, len(letter.value)) == (RejectReason.TOO_LARGE, 10_000_000, 4_096)
    assert decoded.batches[0].offsets.tolist() == [100, 102]


def test_models_and_versions_become_batches_of_their_own_in_offset_order() -> None:
    decoded = decode(good(model_version=1), good(model_version="2"), good(model_version="1"), good(model="x"))

    rows = {batch.ref.version: batch.offsets.tolist() for batch in decoded.batches}
    assert {version: sorted(offsets) for version, offsets in rows.items()} == {"1": [100, 102], "2": [101]}
    assert all(batch.offsets.tolist() == sorted(batch.offsets.tolist()) for batch in decoded.batches)
    assert refusals(decoded) == [(103, RejectReason.UNKNOWN_MODEL)]


def test_unknown_fields_are_tolerated() -> None:
    decoded = decode(good(metadata={"host": [1, {"a": None}]}, sampling_fraction=0.1, trace="x"))

    assert numbers(decoded).values.tolist() == [31.5]


def test_ground_truth_becomes_truths_with_labels_as_text() -> None:
    labels = (1, 1.0, "yes", True, 2.5)

    decoded = decode(*({**TRUTH, "label": label} for label in labels), kind=TopicKind.GROUND_TRUTH)

    assert [truth.label for _, truth in decoded.truths] == ["1", "1", "yes", "true", "2.5"]
    assert decoded.truths[0][1].known_at_ms == 1_793_527_200_000


@pytest.mark.parametrize("kind", [TopicKind.GROUND_TRUTH, TopicKind.MIXED])
@pytest.mark.parametrize("odd", [{}, {"x": math.nan}], ids=["read fast", "read loosely"])
def test_truth_may_have_a_name_and_an_annotator_and_knows_its_place_in_the_log(
    kind: TopicKind, odd: dict[str, float]
) -> None:
    said = {**TRUTH, "type": "ground_truth", "name": "reviewer", "annotator": "jo", **odd}

    decoded = decode(said, {**TRUTH, "type": "ground_truth", "name": None, **odd}, kind=kind)

    named = [(truth.name, truth.annotator, truth.offset - offset) for offset, truth in decoded.truths]
    assert named == [("reviewer", "jo", 0), ("", "", 0)]


def test_truth_whose_name_is_no_text_is_refused() -> None:
    decoded = decode({**TRUTH, "name": 7}, kind=TopicKind.GROUND_TRUTH)

    assert [(letter.reason, letter.detail) for letter in decoded.rejected] == [
        (RejectReason.WRONG_TYPE, "name: expected text, got a number")
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": None}, RejectReason.MISSING_FIELD),
        ({"label": math.nan}, RejectReason.MISSING_FIELD),
        ({"label": [1]}, RejectReason.WRONG_TYPE),
        ({"event_id": 5}, RejectReason.WRONG_TYPE),
        ({"model": "other"}, RejectReason.UNKNOWN_MODEL),
        ({"event_time": 1e300}, RejectReason.BAD_EVENT_TIME),
        ({"type": "inference"}, RejectReason.UNKNOWN_TYPE),
    ],
)
def test_bad_ground_truth_is_refused_alone(changes: dict[str, object], reason: RejectReason) -> None:
    decoded = decode(TRUTH, {**TRUTH, **changes}, TRUTH, kind=TopicKind.GROUND_TRUTH)

    assert refusals(decoded) == [(101, reason)]
    assert [offset for offset, _ in decoded.truths] == [100, 102]


RANKED = RecordSchema((ColumnSpec("age", NUMERIC),), takes_lists=True)


def decode_ranked(*messages: object, kind: TopicKind) -> Decoded:
    records = [RawRecord(100 + k, json.dumps(message).encode()) for k, message in enumerate(messages)]
    return JsonCodec().decode(PARTITION, kind, records, lambda *_: RANKED)


def test_a_ranking_is_kept_as_text_that_repeats_beside_single_items() -> None:
    decoded = decode_ranked(
        good(prediction=["b", 1.0, True]), good(prediction="a"), GOOD | {"features": {}}, kind=TopicKind.INFERENCE
    )

    (batch,) = decoded.batches
    assert list(batch.predictions) == ['["b","1","true"]', "a", "1"]


def test_a_ranking_of_no_single_values_is_no_prediction_and_the_record_counts() -> None:
    (batch,) = decode_ranked(good(prediction=[["b"]]), good(prediction={"a": 1}), kind=TopicKind.MIXED).batches

    assert list(batch.predictions) == [None, None]


@pytest.mark.parametrize("kind", [TopicKind.GROUND_TRUTH, TopicKind.MIXED])
def test_relevant_items_and_grades_are_truths_of_a_ranking(kind: TopicKind) -> None:
    said = [["a", 2], {"b": 3, "a": 0}, "a", {"a": -1}, [None]]
    messages = [{**TRUTH, "type": "ground_truth", "label": label} for label in said]

    decoded = decode_ranked(*messages, kind=kind)

    assert [truth.label for _, truth in decoded.truths] == ['["a","2"]', '{"a":0,"b":3}', "a"]
    assert refusals(decoded) == [(103, RejectReason.WRONG_TYPE), (104, RejectReason.WRONG_TYPE)]


def test_a_list_is_no_prediction_of_a_model_of_single_values() -> None:
    decoded = decode(good(prediction=["1"]), GOOD)

    (batch,) = decoded.batches
    assert list(batch.predictions) == [None, "1"]
    invalid = categories(decoded, "prediction").invalid
    assert invalid is not None
    assert invalid.tolist() == [True, False]


def test_quantiles_are_no_score() -> None:
    schema = RecordSchema((ColumnSpec("score", NUMERIC),), keep_scores=True, has_quantiles=True)
    record = RawRecord(1, json.dumps({**GOOD, "score": None, "scores": {"0.05": 3, "0.95": 9}}).encode())

    (batch,) = JsonCodec().decode(PARTITION, TopicKind.INFERENCE, [record], lambda *_: schema).batches

    assert math.isnan(batch.scores[0])
    assert list(batch.scores_by_label) == ['{"0.05":3.0,"0.95":9.0}']


def test_in_a_mixed_topic_the_type_decides_and_inference_is_the_default() -> None:
    truth = {**TRUTH, "type": "ground_truth"}
    incomplete = {k: v for k, v in GOOD.items() if k != "features"}

    decoded = decode(GOOD, truth, good(type="inference"), TRUTH, incomplete, kind=TopicKind.MIXED)

    assert decoded.batches[0].offsets.tolist() == [100, 102]
    assert [offset for offset, _ in decoded.truths] == [101]
    assert refusals(decoded) == [(103, RejectReason.MISSING_FIELD), (104, RejectReason.MISSING_FIELD)]


def test_without_a_baseline_every_feature_is_guessed_when_rows_are_archived() -> None:
    discovering = RecordSchema((), discover=True)
    rows = [{"a": 1, "b": "x"}, {"a": 2.5, "c": True}, {"a": None, "b": {}}]
    records = [RawRecord(k, json.dumps(good(features=row)).encode()) for k, row in enumerate(rows)]

    decoded = JsonCodec().decode(PARTITION, TopicKind.INFERENCE, records, lambda *_: discovering)

    assert numbers(decoded, "a").values.tolist()[:2] == [1.0, 2.5]
    assert list(categories(decoded, "b").values) == ["x", None, None]
    assert list(categories(decoded, "c").values) == [None, "true", None]


def test_a_decoder_follows_its_schema_when_a_baseline_changes_it() -> None:
    codec, wider = JsonCodec(), RecordSchema((*SCHEMA.columns, ColumnSpec("new", NUMERIC)))
    records = [RawRecord(0, json.dumps(features(age=1, new=2)).encode())]

    before = codec.decode(PARTITION, TopicKind.INFERENCE, records, schemas)
    after = codec.decode(PARTITION, TopicKind.INFERENCE, records, lambda *_: wider)

    assert "new" not in before.batches[0].columns
    assert numbers(after, "new").values.tolist() == [2.0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
shapes = st.fixed_dictionaries(
    {},
    optional={
        name: json_values | st.just(GOOD[name])
        for name in (
            "event_id",
            "model",
            "model_version",
            "event_time",
            "features",
            "prediction",
            "score",
            "latency_ms",
        )
    }
    | {"type": json_values, "label": json_values, "scores": json_values},
)
messages = st.none() | st.binary(max_size=30) | (shapes | json_values).map(lambda value: json.dumps(value).encode())


@given(st.lists(messages, max_size=30), st.sampled_from(TopicKind))
def test_every_message_ends_in_exactly_one_place_whatever_it_is(values: list[bytes | None], kind: TopicKind) -> None:
    records = [RawRecord(k, value) for k, value in enumerate(values)]

    decoded = JsonCodec().decode(PARTITION, kind, records, schemas)

    counted = [offset for batch in decoded.batches for offset in batch.offsets.tolist()]
    known = [offset for offset, _ in decoded.truths]
    refused = [letter.offset for letter in decoded.rejected]
    assert sorted(counted + known + refused) == list(range(len(values)))
    for batch in decoded.batches:
        assert all(len(column) == len(batch) for column in batch.columns.values())


def test_bad_messages_across_slices_leave_every_good_one_in_its_row() -> None:
    n = 2 * SLICE + 17
    ages = np.arange(n, dtype=float)
    bad = set(range(0, n, 7)) | {SLICE - 1, SLICE, n - 1}
    sent = [b"{" if k in bad else features(age=float(age), plan="p") for k, age in enumerate(ages)]

    decoded = decode(*sent)

    kept = [k for k in range(n) if k not in bad]
    assert numbers(decoded).values.tolist() == [float(k) for k in kept]
    assert decoded.batches[0].offsets.tolist() == [100 + k for k in kept]
    assert [offset - 100 for offset, _ in refusals(decoded)] == sorted(bad)


def test_what_was_decoded_before_a_schema_could_not_be_read_does_not_come_with_the_next_poll() -> None:
    def away(model: str, version: str) -> RecordSchema | None:
        if version == "4":
            raise StoreUnavailable("the database is away")
        return SCHEMA

    codec = JsonCodec()
    records = [RawRecord(7, json.dumps(GOOD).encode()), RawRecord(8, json.dumps(good(model_version="4")).encode())]
    with pytest.raises(StoreUnavailable):
        codec.decode(PARTITION, TopicKind.INFERENCE, records, away)

    batch = decode(good(), codec=codec).batches[0]

    assert batch.offsets.tolist() == [100]
