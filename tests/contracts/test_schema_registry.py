"""Avro, Protobuf and JSON by a registry: a real HTTP server on loopback that speaks Confluent's REST API."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, timestamp_pb2

from monitor.adapters.codec import JsonCodec
from monitor.adapters.formats.codec import FormatCodec
from monitor.adapters.formats.format import FormatOptions, Message
from monitor.adapters.formats.schema_registry import KIND, RegistryOptions, SchemaRegistry
from monitor.adapters.memory.source import MemorySource
from monitor.domain.errors import RecordRejected, RejectReason, StoreUnavailable
from monitor.testing.formats import FormatConformance, FormatRig
from monitor.usecases.ingest import Ingest, IngestSettings
from tests.unit.usecases.ingest_rig import CHURN, START_MS, Rig, partition, run_to_end

PLAN = {"type": "enum", "name": "Plan", "symbols": ["pro", "free"]}
AVRO = {
    "type": "record",
    "name": "Prediction",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "model", "type": "string"},
        {"name": "model_version", "type": "string"},
        {"name": "event_time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "features",
            "type": {
                "type": "record",
                "name": "Features",
                "fields": [{"name": "age", "type": ["null", "int"]}, {"name": "plan", "type": "Plan"}],
            },
        },
        {"name": "prediction", "type": "string"},
    ],
}
RECORD = {
    "event_id": "e1",
    "model": "churn",
    "model_version": "1",
    "event_time": START_MS,
    "features": {"age": 41, "plan": "pro"},
    "prediction": "yes",
}


class Server:
    """A registry with what is put into it."""

    def __init__(self) -> None:
        self.paths: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.logins: list[str | None] = []
        self.status = 200
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.logins.append(self.headers.get("authorization"))
                found = server.paths.get(self.path)
                status = server.status if server.status != 200 else 200 if found else 404
                body = json.dumps(found or {"error_code": 40403, "message": "Schema not found"}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def descriptor() -> descriptor_pb2.FileDescriptorProto:
    """Two messages, the second with one inside; whole numbers of 64 bits and a timestamp."""
    file = descriptor_pb2.FileDescriptorProto(name="p.proto", package="shop", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    field = descriptor_pb2.FieldDescriptorProto
    file.message_type.add(name="Other")
    outer = file.message_type.add(name="Prediction")
    features = outer.nested_type.add(name="Features")
    features.field.add(name="age", number=1, type=field.TYPE_INT64, label=field.LABEL_OPTIONAL)
    features.field.add(name="plan", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    for number, name in enumerate(("event_id", "model", "model_version", "prediction"), 1):
        outer.field.add(name=name, number=number, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    nested = {"event_time": ".google.protobuf.Timestamp", "features": ".shop.Prediction.Features"}
    for number, (name, kind) in enumerate(nested.items(), 5):
        outer.field.add(name=name, number=number, type=field.TYPE_MESSAGE, type_name=kind, label=field.LABEL_OPTIONAL)
    return file


def proto(record: dict[str, object]) -> bytes:
    pool = descriptor_pool.DescriptorPool()
    own = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(own)
    pool.Add(own)
    pool.Add(descriptor())
    made: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Prediction"))()
    return bytes(json_format.ParseDict(record, made).SerializeToString())


def avro(record: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema([PLAN, AVRO])[1], record)
    return stream.getvalue()


def framed(number: int, payload: bytes) -> bytes:
    return b"\0" + number.to_bytes(4) + payload


AS_AVRO = framed(1, avro(RECORD))
AS_PROTO = framed(2, b"\x02\x02" + proto(RECORD | {"event_id": "e2", "event_time": "2026-11-01T08:00:00Z"}))
AS_JSON = framed(3, json.dumps(RECORD | {"event_id": "e3"}).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    text = base64.b64encode(descriptor().SerializeToString()).decode()
    made.paths = {
        "/schemas/ids/1": {
            "schema": json.dumps(AVRO),
            "references": [{"name": "Plan", "subject": "shop/plan", "version": 2}],
        },
        "/subjects/shop%2Fplan/versions/2": {"schema": json.dumps(PLAN)},
        "/schemas/ids/2": {"schemaType": "PROTOBUF", "schema": 'syntax = "proto3"; ...'},
        "/schemas/ids/2?format=serialized": {"schemaType": "PROTOBUF", "schema": text},
        "/schemas/ids/3": {"schemaType": "JSON", "schema": "{}"},
        "/schemas/ids/4": {"schemaType": "THRIFT", "schema": ""},
        "/schemas/ids/5": {"schema": "{"},
    }
    yield made
    made.close()


@pytest.fixture
def build(server: Server) -> Callable[..., SchemaRegistry]:
    def with_options(**options: object) -> SchemaRegistry:
        known = {"registry": server.url, "allow": ["127.0.0.1"], **options}
        return SchemaRegistry(RegistryOptions.model_validate(known))

    return with_options


class TestConformance(FormatConformance):
    @pytest.fixture
    def rig(self, build: Callable[..., SchemaRegistry]) -> FormatRig:
        return FormatRig(KIND, build(), [Message(value) for value in (AS_AVRO, AS_PROTO, AS_JSON)])


def test_avro_protobuf_and_json_say_the_same_record(build: Callable[..., SchemaRegistry]) -> None:
    rows = [build().map(Message(value)).rows[0] for value in (AS_AVRO, AS_PROTO, AS_JSON)]

    assert [row["features"] for row in rows] == [{"age": 41, "plan": "pro"}] * 3
    assert [row["event_id"] for row in rows] == ["e1", "e2", "e3"]


def test_a_mapping_reads_records_with_other_names(build: Callable[..., SchemaRegistry]) -> None:
    mapping = {"event_id": "$.event_id", "event_time": "$.event_time", "features": {"years": "$.features.age"}}

    mapped = build(model="churn", model_version=7, mapping=mapping).map(Message(AS_AVRO))

    assert mapped.rows[0]["features"] == {"years": 41}
    assert mapped.rows[0]["model_version"] == "7"


def test_a_schema_is_asked_for_once_and_an_unknown_one_not_at_every_record(
    server: Server, build: Callable[..., SchemaRegistry]
) -> None:
    its_format = build()
    for _ in range(3):
        its_format.map(Message(AS_AVRO))
        with pytest.raises(RecordRejected):
            its_format.map(Message(framed(99, b"x")))

    assert server.asked == ["/schemas/ids/1", "/subjects/shop%2Fplan/versions/2", "/schemas/ids/99"]


@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        (framed(99, b"x"), RejectReason.UNKNOWN_SCHEMA, "no schema 99"),
        (framed(4, b"x"), RejectReason.UNKNOWN_SCHEMA, "THRIFT"),
        (framed(5, b"x"), RejectReason.UNKNOWN_SCHEMA, "no Avro"),
        (framed(1, avro(RECORD)[:-3]), RejectReason.NOT_OF_FORMAT, "not of its Avro schema"),
        (framed(1, avro(RECORD) + b"more"), RejectReason.NOT_OF_FORMAT, "4 bytes too many"),
        (framed(2, b"\x02\x0e" + b"x"), RejectReason.NOT_OF_FORMAT, "no message [7]"),
        (framed(2, b"\x02\x02" + b"\xff\xff"), RejectReason.NOT_OF_FORMAT, "not of its protobuf schema"),
        (b'{"event_id": "e"}', RejectReason.NOT_OF_FORMAT, "no schema id"),
    ],
)
def test_a_wrong_or_unknown_schema_refuses_the_record_with_a_reason(
    build: Callable[..., SchemaRegistry], value: bytes, reason: RejectReason, words: str
) -> None:
    with pytest.raises(RecordRejected) as refused:
        build().map(Message(value))

    assert refused.value.reason is reason
    assert words in refused.value.detail


def test_a_registry_that_is_down_keeps_the_records_in_the_log_and_makes_no_dead_letter(
    server: Server, build: Callable[..., SchemaRegistry]
) -> None:
    rig = Rig()
    rig.log.append(partition(), [AS_AVRO])
    its_format = build()
    worker = Ingest(
        MemorySource(rig.log), rig.store, FormatCodec(JsonCodec(), lambda _: its_format), baselines=rig.baselines,
        models=rig.models, clock=rig.clock, settings=IngestSettings("me", decode_at_records=1), monotonic=rig.ticks,
    )  # fmt: skip

    worker.step(0)  # claims
    server.status = 503
    report = worker.step(0)
    server.status = 200
    run_to_end(rig, worker, 30)

    assert report.store_error is not None
    assert "answered 503" in report.store_error
    assert rig.counted(CHURN) == {0: 1}


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_no_answer_of_the_registry_but_404_is_the_fault_of_a_record(
    server: Server, build: Callable[..., SchemaRegistry], status: int
) -> None:
    server.status = status

    with pytest.raises(StoreUnavailable, match=str(status)):
        build().map(Message(AS_AVRO))


def test_an_address_that_is_not_public_is_not_asked_unless_it_is_allowed(
    server: Server, build: Callable[..., SchemaRegistry]
) -> None:
    with pytest.raises(StoreUnavailable, match="not public"):
        build(allow=[]).map(Message(AS_AVRO))

    assert server.asked == []


def test_the_login_is_sent_and_never_told(server: Server, build: Callable[..., SchemaRegistry]) -> None:
    server.status = 401
    its_format = build(username="me", password="hunter2")

    with pytest.raises(StoreUnavailable) as told:
        its_format.map(Message(AS_AVRO))

    assert server.logins == ["Basic " + base64.b64encode(b"me:hunter2").decode()]
    assert "hunter2" not in str(told.value) + repr(
        RegistryOptions(registry=server.url, username="me", password="hunter2")
    )


def test_options_refuse_half_a_login_and_an_address_that_is_none() -> None:
    for options in ({"registry": "http://h", "username": "me"}, {"registry": "file:///etc/passwd"}, {}):
        with pytest.raises(ValueError, match=r"login|http|registry"):
            RegistryOptions.model_validate(options)
    assert issubclass(RegistryOptions, FormatOptions)
