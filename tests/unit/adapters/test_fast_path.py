"""The compiled decoder gives what the safe one gives, to the bit, or leaves the message to it."""

import json
import os
import shutil
import sys
import warnings
from unittest.mock import MagicMock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from monitor.adapters.codec import JsonCodec
from monitor.adapters.fast_path import FastPath
from monitor.adapters.native import VARIABLE, compiled_scanner
from monitor.bootstrap.app import App
from monitor.bootstrap.consuming import consume_role
from monitor.domain.derived import TextColumn, VectorColumn
from monitor.domain.models import ColumnKind, ColumnSpec
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.columns import CategoricalColumn
from monitor.stats.texts import CodedTexts
from monitor.stream.schema import RecordSchema
from tests.fuzz.differences import Oracle
from tests.fuzz.messages import TIMES, Messages

COMPILED, WHY = compiled_scanner()
compiled = pytest.mark.skipif(COMPILED is None, reason=f"THE FAST DECODER WAS NOT TESTED: {WHY}")
NUMBER_RECORD = b'{"event_id":"e","model":"m2","model_version":1,"event_time":%b,"features":{"a":%b},"prediction":%b}'


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


def test_the_fast_decoder_is_there_where_it_can_be_built() -> None:
    if COMPILED is not None:
        return
    warnings.simplefilter("default")
    warnings.warn(f"the fast decoder was not tested: {WHY}", stacklevel=1)
    assert os.environ.get("CI") != "true" or shutil.which("cargo") is None, f"CI has cargo, but the decoder is {WHY}"


def test_without_the_fast_decoder_everything_is_decoded_the_safe_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "safe")

    assert compiled_scanner() == (None, "DRIFTLINE_DECODER=safe")
    assert FastPath.if_built() is None
    assert JsonCodec().fast is None


def test_a_machine_without_the_compiled_module_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monitor.adapters.native._scanner", None)

    module, why = compiled_scanner()

    assert (module, why) == (None, "not built (make native)")


@compiled
def test_scores_of_all_classes_are_kept_whoever_decodes_them() -> None:
    schema = RecordSchema((ColumnSpec("score", ColumnKind.NUMERIC),), keep_scores=True)
    record = {"event_id": "e", "model": "m", "model_version": 1, "event_time": 1_793_520_000, "features": {}}
    value = json.dumps({**record, "prediction": "a", "scores": {"b": 0.25, "a": 0.75}}).encode()
    codec = JsonCodec()

    decoded = codec.decode(PartitionId("log", 0), TopicKind.INFERENCE, [RawRecord(0, value)], lambda *_: schema)

    assert codec.fast is not None
    assert decoded.batches[0].scores_by_label == ['{"a":0.75,"b":0.25}']


@compiled
def test_a_module_built_for_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMPILED, "INTERFACE", 99)

    module, why = compiled_scanner()

    assert module is None
    assert "built for interface 99" in why


@compiled
@pytest.mark.parametrize("kind", [TopicKind.INFERENCE, TopicKind.MIXED])
def test_both_ways_agree_on_messages_as_agreed_odd_ones_and_damaged_ones(oracle: Oracle, kind: TopicKind) -> None:
    messages = Messages(seed=11)

    for _ in range(4):
        assert oracle.differences([messages.next() for _ in range(1_000)], kind) == []
    assert 0.2 < oracle.share_taken() < 0.8


NOTE, VECTOR = TextColumn("note"), VectorColumn("v", 3, 2)
WIDE = RecordSchema(
    (ColumnSpec("a", ColumnKind.NUMERIC), *NOTE.specs, *VECTOR.specs), derived=(NOTE, VECTOR), originals=("note", "v")
)
WIDE_RECORD = b'{"event_id":"e","model":"m4","model_version":1,"event_time":1,"features":{"a":1,"note":%b,"v":%b}}'


@compiled
@pytest.mark.parametrize(
    ("note", "vector"),
    [
        (b'"caf\\u00e9 \\ud83d\\ude00\\n \\"said\\" \\/ \\\\"', b"[1,2.5,-3e2]"),
        ('"Zwölf 日本 😀"'.encode(), b"[ 1 , 2 , 3 ]"),
        (b"null", b"null"),
        (b'""', b"[0.0,-0.0,1]"),
    ],
)
def test_texts_with_escapes_and_vectors_are_found_by_the_compiled_way(
    oracle: Oracle, note: bytes, vector: bytes
) -> None:
    message = WIDE_RECORD % (note, vector)
    codec = JsonCodec()

    decoded = codec.decode(PartitionId("log", 0), TopicKind.INFERENCE, [RawRecord(0, message)], lambda *_: WIDE)

    assert codec.fast is not None
    assert codec.fast.taken == 1
    ((text,), (numbers,)) = decoded.batches[0].originals.values()
    assert text == json.loads(note)
    assert numbers == json.loads(vector)
    assert oracle.differences([message], TopicKind.INFERENCE) == []


@compiled
@settings(deadline=None, max_examples=200)
@given(note=st.text(), vector=st.lists(st.floats() | st.integers(), min_size=2, max_size=4), ascii_only=st.booleans())
def test_any_text_and_vector_is_described_alike(
    oracle: Oracle, note: str, vector: list[float], *, ascii_only: bool
) -> None:
    written = json.dumps(note, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    message = WIDE_RECORD % (written, json.dumps(vector).encode())
    assert oracle.differences([message, WIDE_RECORD % (b'"x"', b"[1,2,3]")], TopicKind.INFERENCE) == []


@compiled
@settings(deadline=None, max_examples=200)
@given(seed=st.integers(0, 2**32), value=st.floats(allow_nan=False) | st.integers() | st.decimals(allow_nan=False))
def test_any_number_is_read_to_the_same_bits(oracle: Oracle, seed: int, value: object) -> None:
    written = str(value).encode()

    message = NUMBER_RECORD % (b"1", written, written)
    assert oracle.differences([message, Messages(seed).next()], TopicKind.INFERENCE) == []


@compiled
@settings(deadline=None, max_examples=200)
@given(st.datetimes().map(lambda at: f'"{at.isoformat()}"') | st.sampled_from(TIMES) | st.floats(-1e15, 1e15).map(str))
def test_any_instant_is_read_to_the_same_millisecond(oracle: Oracle, written: str) -> None:
    assert oracle.differences([NUMBER_RECORD % (written.encode(), b"1", b"1")], TopicKind.INFERENCE) == []


@compiled
@settings(deadline=None, max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_beside_the_fields_is_passed_over_or_refused_alike(oracle: Oracle, extra: object) -> None:
    for ensure_ascii in (True, False):
        written = json.dumps(extra, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")
        message = NUMBER_RECORD % (b"1", b'1,"other":' + written, b'"yes","more":' + written)
        assert oracle.differences([message], TopicKind.INFERENCE) == []


def record(**changes: object) -> bytes:
    made = {"event_id": "e", "model": "m", "model_version": "1", "event_time": 1, "features": {"c": "x"}} | changes
    return json.dumps(made).encode()


@compiled
def test_messages_as_agreed_are_taken_in_whatever_order_their_keys_come() -> None:
    codec = JsonCodec()
    schema = RecordSchema((ColumnSpec("c", ColumnKind.CATEGORICAL), ColumnSpec("a", ColumnKind.NUMERIC)))
    values = [
        record(),
        json.dumps(json.loads(record(prediction=1)), sort_keys=True).encode(),
        record(features={}),
        record(model="n"),
    ]
    records = [RawRecord(k, value) for k, value in enumerate(values * 3)]

    decoded = codec.decode(PartitionId("t", 0), TopicKind.INFERENCE, records, lambda *_: schema)

    assert codec.fast is not None
    assert codec.fast.taken == len(records)
    assert sum(map(len, decoded.batches)) == len(records)


@compiled
def test_a_wrong_type_or_nan_in_a_feature_does_not_need_the_safe_path() -> None:
    schema = RecordSchema((ColumnSpec("c", ColumnKind.CATEGORICAL), ColumnSpec("a", ColumnKind.NUMERIC)))
    found = [{"c": "x", "a": "1.5"}, {"c": [1], "a": True}, {"c": None, "a": float("nan")}, {"c": "x", "a": 1}]
    records = [RawRecord(k, record(features=features)) for k, features in enumerate(found)]
    codec = JsonCodec()

    (batch,) = codec.decode(PartitionId("t", 0), TopicKind.INFERENCE, records, lambda *_: schema).batches

    assert codec.fast is not None
    assert codec.fast.taken == len(records)
    numbers, words = batch.columns["a"], batch.columns["c"]
    assert numbers.invalid is not None
    assert words.invalid is not None
    assert numbers.invalid.tolist() == [True, True, False, False]
    assert words.invalid.tolist() == [False, True, False, False]


@compiled
def test_a_refused_neighbour_and_a_coerced_one_cost_the_fast_rows_nothing() -> None:
    schema = RecordSchema((ColumnSpec("c", ColumnKind.CATEGORICAL),))
    values = [record(), b"{", record(features={"c": []}), record(features={"c": "caf\u00e9"}), record()]
    records = [RawRecord(k, value) for k, value in enumerate(values)]

    decoded = JsonCodec().decode(PartitionId("t", 0), TopicKind.INFERENCE, records, lambda *_: schema)

    (batch,) = decoded.batches
    column = batch.columns["c"]
    assert isinstance(column, CategoricalColumn)
    assert batch.offsets.tolist() == [0, 2, 3, 4]
    assert list(column.values) == ["x", None, "café", "x"]
    assert [letter.offset for letter in decoded.rejected] == [1]


@compiled
def test_a_column_of_ever_new_categories_does_not_grow_the_dictionary_for_ever() -> None:
    schema = RecordSchema((ColumnSpec("c", ColumnKind.CATEGORICAL),))
    codec, sizes = JsonCodec(), []

    for poll in range(4):
        records = [RawRecord(k, record(features={"c": f"{poll}-{k}"})) for k in range(3_000)]
        (batch,) = codec.decode(PartitionId("t", 0), TopicKind.INFERENCE, records, lambda *_: schema).batches
        column = batch.columns["c"]
        assert isinstance(column, CategoricalColumn)
        assert isinstance(column.values, CodedTexts)
        assert list(column.values)[-1] == f"{poll}-2999"
        sizes.append(len(column.values.categories))

    assert sizes == [3_000, 6_000, 3_000, 6_000]


@pytest.mark.parametrize(("wanted", "path"), [("safe", {"safe"}), ("", {"safe", "fast"})])
def test_a_consumer_says_once_which_decoder_it_uses(
    wanted: str, path: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, wanted)

    with capture_logs() as logs:
        consume_role(MagicMock(spec=App))

    (said,) = [log for log in logs if log["event"] == "decoder"]
    assert said["path"] in path
    assert wanted == "" or said["because"] == "DRIFTLINE_DECODER=safe"
