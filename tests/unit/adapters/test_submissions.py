"""Bodies of requests: what is read, what is refused, and that nothing unpacks without bound."""

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import pyarrow as pa
import pytest
import zstandard

from monitor.adapters.codec import JsonCodec
from monitor.adapters.record_log.bodies import BodyReader
from monitor.adapters.record_log.identity import RecordIdentity
from monitor.domain.errors import RecordRejected, RejectReason, SubmissionFault, SubmissionRefused
from monitor.domain.partitions import PartitionId
from monitor.domain.records import RawRecord
from monitor.domain.stream import TopicKind
from monitor.domain.submission import Submission

LINES, JSON, ARROW = "application/x-ndjson", "application/json", "application/vnd.apache.arrow.stream"
INFERENCE = {
    "event_id": "e1",
    "model": "m",
    "model_version": "1",
    "event_time": "2026-11-01T10:00:00Z",
    "features": {"a": 1},
}
TRUTH = {"type": "ground_truth", "event_id": "e1", "model": "m", "event_time": "2026-11-02T10:00:00Z", "label": "yes"}

read = BodyReader(most_bytes=100_000, most_records=1_000)
identify = RecordIdentity({"m"}, max_record_bytes=10_000)


def stream(table: pa.Table, **options: object) -> bytes:
    target = io.BytesIO()
    with pa.ipc.new_stream(target, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return target.getvalue()


def fault(body: bytes, kind: str = LINES, encoding: str = "", reader: BodyReader = read) -> SubmissionFault:
    with pytest.raises(SubmissionRefused) as refused:
        reader(Submission(body, kind, encoding))
    return refused.value.fault


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b' {"a": 1.50}\n', JSON, [b' {"a": 1.50}\n']),
        (b'[{"a": 1.50} , 3]', JSON, [b'{"a": 1.50}', b"3"]),
        (b'[{"a": NaN}]', "application/json; charset=utf-8", [b'{"a": NaN}']),
        (b'{"a":1}\r\n\nnot json\n', LINES, [b'{"a":1}', b"", b"not json"]),
        (b'{"a":1}\n{"a":2}', LINES, [b'{"a":1}', b'{"a":2}']),
    ],
)
def test_json_and_lines_become_their_records_byte_for_byte(body: bytes, kind: str, expected: list[bytes]) -> None:
    assert list(read(Submission(body, kind))) == expected


def test_packed_bodies_are_unpacked() -> None:
    packed = {"gzip": gzip.compress(b"1\n2\n", mtime=0), "ZSTD": zstandard.compress(b"1\n2\n"), "identity": b"1\n2\n"}

    found = {encoding: list(read(Submission(body, LINES, encoding))) for encoding, body in packed.items()}

    assert found == {encoding: [b"1", b"2"] for encoding in packed}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_body_that_unpacks_to_more_than_the_bound_is_not_unpacked_further(pack: object) -> None:
    body = pack(b" " * 50_000_000)  # type: ignore[operator]

    assert fault(body, LINES, "gzip" if body[:2] == b"\x1f\x8b" else "zstd") is SubmissionFault.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "expected"),
    [
        (b"", LINES, "", SubmissionFault.MALFORMED),
        (b"[]", JSON, "", SubmissionFault.MALFORMED),
        (b'[{"a":1},', JSON, "", SubmissionFault.MALFORMED),
        (b"[" * 100_000, JSON, "", SubmissionFault.MALFORMED),
        (b"plain", LINES, "gzip", SubmissionFault.MALFORMED),
        (gzip.compress(b"whole", mtime=0)[:-3], LINES, "gzip", SubmissionFault.MALFORMED),
        (gzip.compress(b"whole", mtime=0) + b"rest", LINES, "gzip", SubmissionFault.MALFORMED),
        (zstandard.compress(b"whole")[:-3], LINES, "zstd", SubmissionFault.MALFORMED),
        (zstandard.compress(b"whole") + b"rest", LINES, "zstd", SubmissionFault.MALFORMED),
        (b"", LINES, "zstd", SubmissionFault.MALFORMED),
        (b"1", LINES, "br", SubmissionFault.UNSUPPORTED),
        (b"1", "text/plain", "", SubmissionFault.UNSUPPORTED),
        (b"1\n" * 1_001, LINES, "", SubmissionFault.TOO_LARGE),
        (b"nonsense", ARROW, "", SubmissionFault.MALFORMED),
        (b"", ARROW, "", SubmissionFault.MALFORMED),
    ],
)
def test_bodies_that_cannot_be_read_say_how(body: bytes, kind: str, encoding: str, expected: SubmissionFault) -> None:
    assert fault(body, kind, encoding) is expected


def test_arrow_rows_become_records_with_their_features() -> None:
    table = pa.table(
        {
            "event_id": ["a", "b"],
            "model": pa.array(["m", "m"]).dictionary_encode(),
            "event_time": pa.array([0, 1_000], pa.timestamp("ms")),
            "amount": [1.5, None],
        }
    )

    records = [json.loads(value) for value in read(Submission(stream(table), ARROW))]

    assert records == [
        {"event_id": "a", "model": "m", "event_time": "1970-01-01T00:00:00Z", "features": {"amount": 1.5}},
        {"event_id": "b", "model": "m", "event_time": "1970-01-01T00:00:01Z", "features": {"amount": None}},
    ]


def test_arrow_streams_cannot_hide_what_they_unpack_to() -> None:
    zeros = pa.table({"a": pa.array([0] * 900, pa.int64())})
    texts = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0] * 900, pa.int32()), pa.array(["x" * 50_000]))})
    runs = pa.table({"a": pa.RunEndEncodedArray.from_arrays([2_000_000_000], [1])})

    assert fault(stream(zeros, compression="zstd"), ARROW) is SubmissionFault.UNSUPPORTED
    assert fault(stream(zeros, compression="lz4"), ARROW) is SubmissionFault.UNSUPPORTED
    assert fault(stream(texts), ARROW) is SubmissionFault.TOO_LARGE
    assert fault(stream(pa.table({"a": range(1_001)})), ARROW) is SubmissionFault.TOO_LARGE
    assert fault(stream(pa.table({"a": [[1]]})), ARROW) is SubmissionFault.UNSUPPORTED
    assert fault(stream(runs), ARROW) is SubmissionFault.UNSUPPORTED


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_arrow_stream_is_refused_or_read_but_never_harmful(seed: int) -> None:
    body = bytearray(stream(pa.table({"event_id": ["a", "bb", "ccc"], "x": [1.0, 2.0, 3.0]})))
    for step in range(3):
        place = zlib.crc32(b"%d-%d" % (seed, step)) % len(body)
        body[place] ^= 0xFF

    with suppress(SubmissionRefused):  # any other error, or the end of the process, fails
        assert len(read(Submission(bytes(body), ARROW))) <= read.most_records


def variants(*changes: Mapping[str, object], of: Mapping[str, object]) -> list[bytes]:
    return [json.dumps({**of, **change}).encode() for change in changes]


def test_a_prediction_is_the_same_whatever_else_it_says_and_another_for_another_model_version() -> None:
    same = variants({}, {"features": {"a": 9}}, {"score": 0.5}, {"type": "inference"}, of=INFERENCE)
    others = variants({"event_id": "e2"}, {"model_version": "2"}, of=INFERENCE)

    assert len(set(map(identify, same))) == 1
    assert len(set(map(identify, [same[0], *others]))) == 3


def test_a_corrected_truth_is_another_record() -> None:
    bodies = variants({}, {"label": "no"}, {"event_time": "2026-11-03T00:00:00Z"}, of=TRUTH)

    assert len(set(map(identify, bodies))) == 3
    assert identify(variants({}, of=TRUTH)[0]) == identify(bodies[0])


def test_truth_of_rankings_and_texts_has_an_id_as_every_truth_and_so_have_numbers_beyond_64_bits() -> None:
    labels = [["b", "a"], ["a", "b"], {"a": 2, "b": 1}, [], {}, '["b","a"]', 2**63, -(2**64), 10**400, 2**63 - 1]

    ids = [identify(value) for value in variants(*({"label": label} for label in labels), of=TRUTH)]
    again = [identify(value) for value in variants(*({"label": label} for label in labels), of=TRUTH)]

    assert len(set(ids)) == len(labels)
    assert ids == again


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (b"{", RejectReason.MALFORMED_JSON),
        (b"\xff", RejectReason.MALFORMED_JSON),
        (b"[" * 5_000, RejectReason.MALFORMED_JSON),
        (b"3", RejectReason.NOT_AN_OBJECT),
        (b" " * 10_001 + b"1", RejectReason.TOO_LARGE),
        (variants({"event_id": ""}, of=INFERENCE)[0], RejectReason.MISSING_FIELD),
        (variants({"model": 3}, of=INFERENCE)[0], RejectReason.WRONG_TYPE),
        (variants({"model": "other"}, of=INFERENCE)[0], RejectReason.UNKNOWN_MODEL),
        (variants({"event_time": "soon"}, of=INFERENCE)[0], RejectReason.BAD_EVENT_TIME),
        (variants({"type": "third"}, of=INFERENCE)[0], RejectReason.UNKNOWN_TYPE),
        (variants({"label": None}, of=TRUTH)[0], RejectReason.MISSING_FIELD),
    ],
)
def test_what_cannot_be_a_record_is_refused_for_the_reason_that_the_decoder_gives(
    value: bytes, reason: RejectReason
) -> None:
    with pytest.raises(RecordRejected) as rejected:
        identify(value)
    codec = JsonCodec(10_000)
    later = codec.decode(PartitionId("t", 0), TopicKind.MIXED, [RawRecord(0, value)], lambda model, version: None)

    assert rejected.value.reason is reason
    assert [letter.reason for letter in later.rejected] == [reason]


def test_a_record_with_nan_or_a_wrong_output_is_taken_as_the_decoder_takes_it() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC).isoformat()
    odd = variants({"features": {"a": float("nan")}}, {"score": "high"}, {"event_time": now}, of=INFERENCE)

    assert len({identify(value) for value in odd}) == 1
