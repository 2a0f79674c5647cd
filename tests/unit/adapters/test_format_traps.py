"""Every trap that a format sets, by name: what a quick reader would get wrong, and how it is read."""

import base64
import gzip
import json
import struct

import pytest

from monitor.adapters.formats.codec import half_of, header_texts, join_halves, map_message
from monitor.adapters.formats.format import Format, Mapped, Message, Paired, Refusal, Row
from monitor.adapters.formats.payloads.inference_proto import encoded
from monitor.bootstrap.formats import build_format
from monitor.domain.errors import RejectReason
from monitor.domain.partitions import PartitionId
from monitor.domain.stream import Half
from monitor.stream.pairing import Pairing


def said(name: str, *messages: Message | object, **options: object) -> Mapped:
    """What the messages say together, halves joined."""
    its_format: Format = build_format(name, options, None)
    rows: list[Row] = []
    refused: list[Refusal] = []
    halves: list[Half] = []
    for offset, given in enumerate(messages):
        message = given if isinstance(given, Message) else Message(json.dumps(given).encode(), timestamp_ms=1_000)
        mapped = map_message(its_format, message)
        rows += mapped.rows
        refused += mapped.refused
        if mapped.halves and isinstance(its_format, Paired):
            halves += [half_of(half, PartitionId("t", 0), offset, its_format.wait) for half in mapped.halves]
    for pair in Pairing({}).take(halves, None).pairs:
        joined = join_halves(its_format, pair.request.payload, pair.response.payload)
        rows += joined.rows
        refused += joined.refused
    return Mapped(rows, refused=refused)


def reason(mapped: Mapped) -> RejectReason:
    (refusal,) = mapped.refused
    return refusal.reason


# --- KServe's logger


def ce(side: str, body: object, prefix: str = "ce-", **more: str) -> Message:
    attributes = {
        "id": "a", "type": f"org.kubeflow.serving.inference.{side}", "time": "2026-04-10T00:23:26.07Z",
        "inferenceservicename": "iris", **more,
    }  # fmt: skip
    headers = header_texts([(prefix + name, value.encode()) for name, value in attributes.items()])
    return Message(body if isinstance(body, bytes) else json.dumps(body).encode(), headers=headers)


V1 = ({"instances": [[1.0, 2.0]]}, {"predictions": [3]})
V2 = (
    {"inputs": [{"name": "f", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}]},
    {"outputs": [{"name": "p", "shape": [1], "datatype": "INT64", "data": [3]}]},
)


def test_kserve_bodies_of_v1_and_of_v2_say_the_same() -> None:
    first, second = (
        said("kserve-ce", ce("request", q), ce("response", a), columns=["x", "y"]).rows[0] for q, a in (V1, V2)
    )

    assert first == second
    assert (first["features"], first["prediction"]) == ({"x": 1.0, "y": 2.0}, 3)


def test_kserve_gzip_without_a_header_is_unpacked() -> None:
    packed = gzip.compress(json.dumps(V1[0]).encode())

    assert len(said("kserve-ce", ce("request", packed), ce("response", V1[1])).rows) == 1


@pytest.mark.parametrize(("endpoint", "version"), [("", "default"), ("canary", "canary"), ("default", "default")])
def test_kserve_an_empty_endpoint_is_the_default_and_a_canary_is_a_version(endpoint: str, version: str) -> None:
    halves = (ce("request", V1[0], endpoint=endpoint), ce("response", V1[1], endpoint=endpoint))

    assert said("kserve-ce", *halves).rows[0]["model_version"] == version
    assert said("kserve-ce", *halves, model_version=4).rows[0]["model_version"] == "4"


def test_kserve_takes_the_time_of_the_request_and_not_when_it_was_recorded() -> None:
    late = {"recordedtime": "2026-04-10T09:00:00Z"}
    rows = said("kserve-ce", ce("request", V1[0], **late), ce("response", V1[1], **late)).rows

    assert rows[0]["event_time"] == "2026-04-10T00:23:26.070Z"


def test_kserve_headers_of_the_kafka_binding_are_those_of_http() -> None:
    assert len(said("kserve-ce", ce("request", V1[0], "ce_"), ce("response", V1[1], "CE_")).rows) == 1


def test_tensors_of_one_column_each_and_one_tensor_of_many_columns_are_both_rows() -> None:
    one = {"inputs": [{"name": "f", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4]]}]}
    many = {
        "inputs": [
            {"name": "a", "shape": [2], "datatype": "FP32", "data": [1, 3]},
            {"name": "b", "shape": [2, 1], "datatype": "BYTES", "data": ["x", "y"]},
        ]
    }
    answer = {"predictions": [0, 1]}

    wide, tall = (said("kserve-ce", ce("request", q), ce("response", answer)).rows for q in (one, many))

    assert [row["features"] for row in wide] == [{"f-0": 1, "f-1": 2}, {"f-0": 3, "f-1": 4}]
    assert [row["features"] for row in tall] == [{"a": 1, "b": "x"}, {"a": 3, "b": "y"}]


def test_a_batch_of_one_keeps_its_id_and_of_several_each_gets_its_index() -> None:
    one = said("kserve-ce", ce("request", {"instances": [[1]]}), ce("response", {"predictions": [1]}))
    two = said("kserve-ce", ce("request", {"instances": [[1], [2]]}), ce("response", {"predictions": [1, 2]}))

    assert [row["event_id"] for row in (*one.rows, *two.rows)] == ["a", "a-0", "a-1"]


# --- KServe's blobs


def entry(side: str, body: object, **more: object) -> dict[str, object]:
    packed = base64.b64encode(json.dumps(body).encode()).decode()
    kind = f"org.kubeflow.serving.inference.{side}"
    return {"bytes": packed, "reqType": kind, "id": "b", "inferenceService": "iris", "url": {"Scheme": "http"}} | more


def test_a_blob_of_csv_has_no_time_so_the_objects_time_is_taken_and_said() -> None:
    lines = ["bytes,reqType,id,inferenceService"]
    for side, body in zip(("request", "response"), V1, strict=True):
        made = entry(side, body)
        lines.append(",".join(str(made[name]) for name in lines[0].split(",")))

    rows = said("kserve-blob", Message("\n".join(lines).encode(), timestamp_ms=1_775_780_606_000)).rows

    assert rows[0]["event_time"] == "2026-04-10T00:23:26Z"
    assert rows[0]["metadata"] == {"time_of_object": True}


def test_a_blob_of_json_is_an_object_for_one_entry_and_an_array_for_more() -> None:
    time = {"occurrenceTime": "2026-04-10T00:23:26Z"}
    request, response = entry("request", V1[0], **time), entry("response", V1[1], **time)

    assert said("kserve-blob", request, response).rows == said("kserve-blob", [request, response]).rows != []


def test_the_url_of_a_blob_may_be_a_go_struct() -> None:
    assert isinstance(entry("request", V1[0])["url"], dict)
    assert said("kserve-blob", [entry("request", V1[0]), entry("response", V1[1])]).refused == []


# --- Seldon Core 2


def seldon(side: str, body: object, topic: str = "seldon.default.model.income") -> Message:
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(value, b"k", None, 1_772_705_826_000, f"{topic}.{side}")


def tensor(name: str, **contents: object) -> dict[str, object]:
    return {"name": name, "datatype": "INT64", "shape": ["1", "1"], **contents}


def test_seldon_shapes_and_whole_numbers_are_text() -> None:
    request = {"modelName": "income_1", "inputs": [tensor("age", contents={"int64Contents": ["52"]})]}
    response = {"modelName": "income_1", "outputs": [tensor("p", contents={"int64Contents": ["-1"]})]}

    rows = said("seldon2", seldon("inputs", request), seldon("outputs", response)).rows

    assert (rows[0]["features"], rows[0]["prediction"]) == ({"age": 52}, -1)


def test_seldon_raw_contents_are_base64() -> None:
    raw = [base64.b64encode(struct.pack("<q", 52)).decode()]
    request = {"inputs": [tensor("age")], "rawInputContents": raw}
    response = {"outputs": [tensor("p")], "rawOutputContents": raw}

    rows = said("seldon2", seldon("inputs", request), seldon("outputs", response)).rows

    assert (rows[0]["features"], rows[0]["prediction"]) == ({"age": 52}, 52)


def test_seldon_sends_protobuf_on_the_wire() -> None:
    request = encoded("Request", {"inputs": [tensor("age", contents={"int64Contents": ["52"]})]})
    response = encoded("Response", {"outputs": [tensor("p", contents={"int64Contents": ["1"]})], "modelVersion": "7"})

    rows = said("seldon2", seldon("inputs", request), seldon("outputs", response)).rows

    assert (rows[0]["model"], rows[0]["model_version"], rows[0]["features"]) == ("income", "7", {"age": 52})


# --- SageMaker

SAGEMAKER = {"model": "churn", "model_version": "1"}


def capture(data: str, output: str, encoding: str = "CSV", kind: str = "text/csv") -> dict[str, object]:
    sides = {
        "endpointInput": {"observedContentType": kind, "data": data, "encoding": encoding},
        "endpointOutput": {"observedContentType": "text/csv; charset=utf-8", "data": output, "encoding": "CSV"},
    }
    return {"captureData": sides, "eventMetadata": {"eventId": "e", "inferenceTime": "2026-02-14T17:25:49Z"}}


def test_sagemaker_says_no_names_so_they_come_from_the_options_or_a_header() -> None:
    named = said("sagemaker", capture("69,pro", "0.5"), columns=["tenure", "plan"], **SAGEMAKER)
    header = said("sagemaker", capture("tenure,plan\n69,pro", "0.5"), has_header=True, **SAGEMAKER)
    without = said("sagemaker", capture("69,pro", "0.5"), **SAGEMAKER)

    assert named.rows[0]["features"] == header.rows[0]["features"] == {"tenure": 69, "plan": "pro"}
    assert without.rows[0]["features"] == {"f0": 69, "f1": "pro"}


def test_sagemaker_csv_without_quotes_tells_numbers_from_text_and_gaps() -> None:
    rows = said("sagemaker", capture('1e3,-4,,"a,b",1.2.3', "0"), **SAGEMAKER).rows

    assert list(rows[0]["features"].values()) == [1000.0, -4, None, "a,b", "1.2.3"]  # type: ignore[attr-defined]


def test_sagemaker_base64_and_json_hold_what_csv_does() -> None:
    packed = capture(base64.b64encode(b"69,1").decode(), "0.5", "BASE64")
    as_json = capture(json.dumps({"instances": [[69, 1]]}), "0.5", "JSON", "application/json")
    lines = capture("[69, 1]\n[70, 2]", "0.5\n0.6", "JSON", "application/jsonlines")

    first, second, third = (said("sagemaker", one, **SAGEMAKER).rows for one in (packed, as_json, lines))

    assert first == second
    assert [row["event_id"] for row in third] == ["e-0", "e-1"]


def test_sagemaker_records_of_several_rows_are_as_many_records() -> None:
    rows = said("sagemaker", capture("1,2\n3,4", "0\n1"), **SAGEMAKER).rows

    assert [(row["event_id"], row["prediction"]) for row in rows] == [("e-0", 0), ("e-1", 1)]


def test_sagemaker_times_are_whole_seconds_and_captures_a_sample() -> None:
    rows = said("sagemaker", capture("1", "0"), sampling_fraction=0.1, **SAGEMAKER).rows

    assert rows[0]["event_time"] == "2026-02-14T17:25:49Z"
    assert rows[0]["sampling_fraction"] == 0.1


# --- MLflow, Azure ML, BentoML, MLRun, Vertex


def test_mlflow_previews_are_cut_off_so_the_root_span_is_read_and_a_preview_is_marked() -> None:
    trace = {"trace_id": "tr", "request_time": "2026-03-05T10:00:00Z", "request_preview": "Where is my ord..."}
    spans = [{"parent_id": "a", "attributes": {}}, {"attributes": {"mlflow.spanInputs": "Where is my order?"}}]

    whole, cut = (said("mlflow-trace", {**trace, **more}, model="m").rows[0] for more in ({"spans": spans}, {}))

    assert (whole["features"], whole["metadata"]) == ({"prompt": "Where is my order?"}, {"is_preview": False})
    assert (cut["features"], cut["metadata"]) == ({"prompt": "Where is my ord..."}, {"is_preview": True})


def azure(kind: str, data: object, **more: object) -> dict[str, object]:
    known = {"specversion": "1.0", "id": kind, "type": f"azureml.inference.{kind}", "time": "2026-03-05T18:16:25Z"}
    source = {"source": "/x/onlineEndpoints/credit/deployments/blue", "correlationid": "c", "data": data}
    return known | source | more


def test_azure_requests_close_in_time_stand_in_one_object_under_one_id() -> None:
    inputs = azure("model_inputs", [{"AGE": 54}, {"AGE": 23}, {"AGE": 41}])
    outputs = azure("model_outputs", [{"label": 0}, {"label": 1}, {"label": 0}])

    rows = said("azureml", inputs, outputs).rows

    assert [(row["event_id"], row["prediction"]) for row in rows] == [("c-0", 0), ("c-1", 1), ("c-2", 0)]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("https://store.blob.core.windows.net/c/large.json", {}),
        ([{"AGE": 1}], {"contentrange": "bytes 0-99/400"}),
        ([{"AGE": 1}], {"dataref": "https://store/x"}),
    ],
)
def test_azure_data_that_is_large_or_binary_is_a_link_and_refused_as_such(data: object, more: dict[str, str]) -> None:
    assert reason(said("azureml", azure("model_inputs", data, **more))) is RejectReason.CONTENT_ELSEWHERE


BENTO = {"len": 4.9, "pred": "setosa", "request_id": "1", "model": "x"}


def test_bentoml_files_have_local_time_which_is_refused_until_the_zone_is_known() -> None:
    line = BENTO | {"timestamp": "2026-07-05T03:33:59"}
    names = {"model": "iris", "model_version": "1"}

    without, within = said("bentoml", line, **names), said("bentoml", line, time_zone="America/New_York", **names)

    assert reason(without) is RejectReason.BAD_EVENT_TIME
    assert "time_zone" in without.refused[0].detail
    assert within.rows[0]["event_time"] == "2026-07-05T07:33:59Z"


def test_bentoml_over_otlp_has_seconds_since_the_epoch_and_its_schema_inside() -> None:
    schema = {
        "meta_data": {"bento_name": "iris", "bento_version": "2"},
        "columns": [{"name": "pred", "role": "prediction"}],
    }
    rows = said("bentoml", BENTO | {"timestamp": 1772681639.5, "bento_meta": {"schema": schema}}).rows

    assert (rows[0]["model"], rows[0]["event_time"]) == ("iris", "2026-03-05T03:33:59.500Z")
    assert (rows[0]["prediction"], rows[0]["features"]) == ("setosa", {"len": 4.9, "model": "x"})


def test_mlrun_microseconds_start_again_every_second_and_are_no_latency() -> None:
    message = {
        "model": "rf", "version": "1", "when": "2026-01-01 10:00:00+00:00", "microsec": 81234, "op": "infer",
        "request": {"id": "q", "inputs": [[1]]}, "resp": {"outputs": [0]},
    }  # fmt: skip
    rows = said("mlrun", message).rows

    assert "latency_ms" not in rows[0]
    assert rows[0]["metadata"] == {"microsec": 81234, "function_uri": None}


def test_vertex_gives_clients_no_id_so_a_feature_can_be_one() -> None:
    row = {
        "endpoint": "e/77", "deployed_model_id": "5", "logging_time": "2026-03-05T10:17:06Z", "request_id": 9,
        "request_payload": ['{"order": "o-1"}'], "response_payload": ["0.5"],
    }  # fmt: skip
    by_feature, by_request = said("vertex", row, id_feature="order"), said("vertex", row)

    assert [mapped.rows[0]["event_id"] for mapped in (by_feature, by_request)] == ["o-1", "9"]


# --- spans


def span(**attributes: object) -> dict[str, object]:
    return {"span_id": "s", "start_time": "2026-03-05T10:17:06Z", "attributes": attributes}


def test_genai_names_of_older_emitters_are_read_where_newer_are_absent() -> None:
    old = span(**{"gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 9})
    both = span(
        **{"gen_ai.system": "old", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
           "gen_ai.usage.input_tokens": 9}
    )  # fmt: skip

    assert [said("otel-genai", one).rows[0]["features"] for one in (old, both)] == [
        {"provider": "openai", "input_tokens": 9}
    ] * 2


def test_genai_content_is_opt_in_and_a_span_without_it_counts_all_the_same() -> None:
    rows = said("otel-genai", span(**{"gen_ai.request.model": "m"}), span(**{"http.method": "GET"})).rows

    assert [row["features"] for row in rows] == [{}]


def test_openinference_attributes_are_flat_or_nested_and_annotations_are_ground_truth() -> None:
    flat = {"openinference.span.kind": "LLM", "llm.model_name": "m", "annotations.0.annotation.name": "ok"}
    nested = {"openinference": {"span": {"kind": "LLM"}}, "llm": {"model_name": "m"}}

    truth = said("openinference", span(**flat, **{"annotations.0.annotation.score": 0.5})).rows
    plain = said("openinference", span(**nested)).rows

    assert [row.get("label") for row in truth] == [None, 0.5]
    assert len(plain) == 1


# --- all


@pytest.mark.parametrize("depth", [200, 900, 50_000])
def test_a_message_nested_deeply_is_refused_and_nothing_is_raised(depth: int) -> None:
    body = b'{"predictions": ' + b"[" * depth + b"1" + b"]" * depth + b"}"

    mapped = said("kserve-ce", ce("request", {"instances": [[1]]}), ce("response", body))

    assert len(mapped.rows) + len(mapped.refused) == 1


def test_gzip_that_unpacks_to_too_much_is_refused() -> None:
    bomb = gzip.compress(b" " * (17 * 2**20), 9)

    assert reason(said("kserve-ce", ce("request", bomb))) is RejectReason.TOO_LARGE


def test_options_are_values_that_never_change() -> None:
    from monitor.bootstrap.plugins import format_kinds

    assert all(kind.options.model_config["frozen"] for kind in format_kinds().values())
