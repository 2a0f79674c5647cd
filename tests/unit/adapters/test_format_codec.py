"""Formats beside canonical topics: what a worker gets to count, and what it must not see."""

import json
import math
from collections.abc import Sequence
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.arrow_ipc import ArrowIpc
from monitor.adapters.formats.automatic import Automatic
from monitor.adapters.formats.codec import FormatCodec, formats_by_topic
from monitor.adapters.formats.format import Format, FormatOptions
from monitor.bootstrap.formats import build_format
from monitor.domain.errors import RejectReason
from monitor.domain.models import ColumnKind, ColumnSpec, ModelRef
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stream.batch import Decoded
from monitor.stream.schema import RecordSchema

NUMERIC, CATEGORICAL = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL
SCHEMA = RecordSchema((
    ColumnSpec("age", NUMERIC), ColumnSpec("plan", CATEGORICAL), ColumnSpec("prediction", CATEGORICAL),
    ColumnSpec("score", NUMERIC),
))  # fmt: skip
MLRUN = build_format("mlrun", {"columns": ["age", "plan"]}, None)


def schemas(model: str, _version: str) -> RecordSchema | None:
    return SCHEMA if model == "churn" else None


def decode(its_format: Format | None, values: Sequence[bytes | None], kind: TopicKind = TopicKind.INFERENCE) -> Decoded:
    codec = FormatCodec(JsonCodec(), lambda _: its_format, max_record_bytes=10_000)
    records = [RawRecord(offset + 10, value) for offset, value in enumerate(values)]
    return codec.decode(PartitionId("log", 0), kind, records, schemas)


def mlrun(model: str = "churn", rows: Sequence[Sequence[object]] = ((41, "pro"),), at: str = "2026-01-01") -> bytes:
    request, response = {"id": "q", "inputs": [list(row) for row in rows]}, {"outputs": ["yes"] * len(rows)}
    known = {"model": model, "version": "1", "when": at, "op": "infer", "request": request, "resp": response}
    return json.dumps(known).encode()


def canonical(event_id: str = "e", **changes: object) -> dict[str, object]:
    known = {"event_id": event_id, "model": "churn", "model_version": "1", "event_time": 1_772_705_826_123}
    return {**known, "features": {"age": 41, "plan": "pro"}, "prediction": "yes", **changes}


def test_a_topic_without_a_format_is_decoded_as_if_there_were_none() -> None:
    value = json.dumps(canonical()).encode()

    with_formats, without = decode(None, [value]), JsonCodec()

    plain = without.decode(PartitionId("log", 0), TopicKind.INFERENCE, [RawRecord(10, value)], schemas)
    assert with_formats.batches[0].columns.keys() == plain.batches[0].columns.keys()
    assert list(with_formats.batches[0].event_ids) == list(plain.batches[0].event_ids)


def test_a_message_is_many_rows_that_stand_at_its_offset() -> None:
    decoded = decode(MLRUN, [mlrun(), mlrun(rows=[(1, "a"), (2, "b"), (3, None)])])

    (batch,) = decoded.batches
    assert batch.offsets.tolist() == [10, 11, 11, 11]
    assert list(batch.event_ids) == ["q", "q-0", "q-1", "q-2"]
    assert decoded.n == 2


def test_bad_rows_beside_good_ones_make_one_dead_letter_of_the_original_message() -> None:
    value = mlrun(rows=[(1, "a"), (2,), (3, "c"), ()])

    decoded = decode(MLRUN, [value, mlrun()])

    (letter,) = decoded.rejected
    assert (letter.offset, letter.reason, letter.value) == (10, RejectReason.WRONG_TYPE, value)
    assert letter.detail == "row 1: 1 value for 2 columns (2 of 4 rows refused)"
    assert list(decoded.batches[0].event_ids) == ["q-0", "q-2", "q"]


def test_what_the_canonical_codec_refuses_keeps_the_original_message_and_names_its_model() -> None:
    value = mlrun(model="unheard of")

    (letter,) = decode(MLRUN, [value]).rejected

    assert (letter.reason, letter.value, letter.model) == (RejectReason.UNKNOWN_MODEL, value, "unheard of")


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, RejectReason.EMPTY), (b"", RejectReason.EMPTY), (b" " * 10_001, RejectReason.TOO_LARGE),
     (b"{", RejectReason.MALFORMED_JSON), (b"\xff", RejectReason.MALFORMED_JSON)],
)  # fmt: skip
def test_a_message_that_cannot_be_read_is_refused_and_its_neighbours_count(
    value: bytes | None, reason: RejectReason
) -> None:
    decoded = decode(MLRUN, [mlrun(), value, mlrun()])

    assert [(letter.offset, letter.reason) for letter in decoded.rejected] == [(11, reason)]
    assert decoded.batches[0].offsets.tolist() == [10, 12]


def test_infinity_and_nan_come_through_a_format_as_they_are() -> None:
    decoded = decode(MLRUN, [mlrun(rows=[(float("inf"), "a"), (float("nan"), "b")])])

    (batch,) = decoded.batches
    age = batch.columns["age"]
    assert isinstance(age, NumericColumn)
    by_id = dict(zip(batch.event_ids, age.values.tolist(), strict=True))  # rows of one message stand in any order
    assert by_id["q-0"] == math.inf
    assert math.isnan(by_id["q-1"])


def test_ground_truth_of_a_format_is_refused_where_the_topic_is_not_declared_to_carry_it() -> None:
    mapping = {"event_id": "$.id", "model": "churn", "event_time": "$.at", "label": "$.label"}
    truth = build_format("json", {"mapping": mapping}, None)
    value = b'{"id": "e", "at": 1772705826, "label": "left"}'

    strict, mixed = decode(truth, [value]), decode(truth, [value], TopicKind.MIXED)

    assert [letter.reason for letter in strict.rejected] == [RejectReason.UNKNOWN_TYPE]
    assert [(offset, one.label) for offset, one in mixed.truths] == [(10, "left")]


def test_a_format_is_found_by_its_topic_or_by_the_folder_of_a_file() -> None:
    look_up = formats_by_topic([("log", MLRUN), ("/data/kserve", MLRUN)])

    found = [look_up(topic) is MLRUN for topic in ("log", "/data/kserve/a.jsonl", "logs", "/data/kserve-2/a.jsonl")]

    assert found == [True, True, False, False]


# --- format: auto


def auto() -> Automatic:
    made = build_format("auto", {}, None)
    assert isinstance(made, Automatic)
    return made


def test_auto_reads_what_it_recognises_lets_canonical_records_pass_and_refuses_the_rest() -> None:
    rows = json.loads(mlrun())
    rows["microsec"] = 1
    values = [json.dumps(rows).encode(), json.dumps(canonical()).encode(), b'{"what": "is this"}', b"\x00\x01"]

    decoded = decode(auto(), values)

    assert sorted(offset for batch in decoded.batches for offset in batch.offsets.tolist()) == [10, 11]
    assert [(one.offset, one.reason) for one in decoded.rejected] == [
        (12, RejectReason.NOT_OF_FORMAT),
        (13, RejectReason.NOT_OF_FORMAT),
    ]


# --- Arrow


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


TIMES = pa.array([1_772_705_826_123_456, 1_772_705_827_000_000, None], pa.timestamp("us", "UTC"))
TABLE = pa.table({
    "event_id": ["a", "b", "c"], "event_time": TIMES, "model": ["churn"] * 3, "model_version": ["1"] * 3,
    "age": [41, None, 7], "plan": ["pro", None, "free"], "prediction": [True, False, True], "score": [0.5, None, 1],
    "unheard": [1, 2, 3],
})  # fmt: skip


def test_arrow_columns_stay_columns_and_mean_what_they_mean_in_a_record() -> None:
    decoded = decode(ArrowIpc(FormatOptions()), [stream(TABLE)])
    as_json = [
        json.dumps(canonical("a", event_time=1_772_705_826_123, prediction=True, score=0.5)).encode(),
        json.dumps(canonical("b", event_time=1_772_705_827_000, features={}, prediction=False, score=None)).encode(),
    ]
    expected = decode(None, as_json).batches[0]

    (batch,) = decoded.batches
    assert (batch.ref, list(batch.event_ids)) == (ModelRef("churn", "1"), ["a", "b"])
    assert batch.event_time_ms.tolist() == expected.event_time_ms.tolist()
    assert list(batch.predictions) == list(expected.predictions) == ["true", "false"]
    assert batch.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        mine = batch.columns[name]
        assert type(mine) is type(column)
        if isinstance(mine, NumericColumn) and isinstance(column, NumericColumn):
            assert np.array_equal(mine.values, column.values, equal_nan=True)
        else:
            assert list(mine.values) == list(column.values)


def test_arrow_rows_without_a_time_are_refused_and_the_rest_counts() -> None:
    (letter,) = decode(ArrowIpc(FormatOptions()), [stream(TABLE)]).rejected

    assert (letter.reason, letter.detail) == (
        RejectReason.MISSING_FIELD,
        "1 of 3 rows have no event_id or no event_time",
    )


def test_arrow_values_of_the_other_kind_are_invalid_and_not_guessed() -> None:
    table = pa.table({
        "event_id": ["a", "b"], "event_time": ["2026-11-01T10:00:00Z", "2026-11-01"], "age": ["1.5", None],
        "plan": [[1], None],
    })  # fmt: skip
    options = FormatOptions(model="churn", model_version="1")

    (batch,) = decode(ArrowIpc(options), [stream(table)]).batches

    age, plan = batch.columns["age"], batch.columns["plan"]
    assert isinstance(plan, CategoricalColumn)
    assert age.invalid is not None
    assert age.invalid.tolist() == [True, False]
    assert plan.invalid is not None
    assert plan.invalid.tolist() == [True, False]


def test_arrow_models_and_versions_are_batches_of_their_own_and_unknown_ones_are_refused() -> None:
    table = TABLE.set_column(2, "model", pa.array(["churn", "other", "churn"])).set_column(
        3, "model_version", pa.array([1, 1, 2])
    )

    decoded = decode(ArrowIpc(FormatOptions()), [stream(table)])

    assert [(batch.ref.version, list(batch.event_ids)) for batch in decoded.batches] == [("1", ["a"])]
    assert [letter.reason for letter in decoded.rejected] == [RejectReason.MISSING_FIELD]


def test_arrow_messages_that_are_empty_or_too_large_are_refused_unread() -> None:
    decoded = decode(ArrowIpc(FormatOptions()), [None, stream(TABLE), stream(TABLE) + b" " * 10_000])

    refused = [(one.offset, one.reason) for one in decoded.rejected if one.offset != 11]
    assert refused == [(10, RejectReason.EMPTY), (12, RejectReason.TOO_LARGE)]
    assert decoded.n == 3


@pytest.mark.parametrize("cut", [0, 1, 7, 40, 300])
def test_arrow_that_is_cut_off_or_lacks_a_column_is_refused_whole(cut: int) -> None:
    lacking = stream(TABLE.drop_columns(["event_time"]))

    decoded = decode(ArrowIpc(FormatOptions()), [stream(TABLE)[:cut], lacking, b"no arrow"])

    assert decoded.batches == []
    assert [letter.offset for letter in decoded.rejected] == [10, 11, 12]
    assert decoded.rejected[1].detail == "column event_time"


def test_arrow_with_bytes_changed_anywhere_raises_nothing_and_neighbours_count() -> None:
    whole = stream(TABLE.slice(0, 2))
    chance = Random(7)
    for _ in range(400):
        spoiled = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        decoded = decode(ArrowIpc(FormatOptions()), [bytes(spoiled), whole])
        assert 11 in {offset for batch in decoded.batches for offset in batch.offsets.tolist()}


@pytest.mark.parametrize("its_format", [MLRUN, ArrowIpc(FormatOptions())])
def test_a_dead_letter_keeps_as_much_of_its_message_as_the_settings_say(its_format: Format) -> None:
    codec = FormatCodec(JsonCodec(), lambda _: its_format, max_record_bytes=100, kept_bytes=7)
    records = [RawRecord(0, b"x" * 50), RawRecord(1, b"y" * 101)]

    decoded = codec.decode(PartitionId("log", 0), TopicKind.INFERENCE, records, schemas)

    kept = {letter.offset: (letter.reason is RejectReason.TOO_LARGE, letter.value) for letter in decoded.rejected}
    assert kept == {0: (False, b"x" * 7), 1: (True, b"y" * 7)}
