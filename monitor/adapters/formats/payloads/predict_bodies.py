"""Bodies of the predict protocols of model servers: KServe v1 and v2, and what Databricks and MLflow accept."""

from collections.abc import Mapping, Sequence

from monitor.adapters.formats.payloads.json_payload import list_of, not_of_format, object_of
from monitor.adapters.formats.payloads.tensors import inputs_of_tensors, outputs_of_tensors
from monitor.domain.errors import RecordRejected, RejectReason


def inputs_of(body: object, columns: Sequence[str]) -> list[object]:
    """Rows of a request: `instances`, `inputs` (tensors, rows or columns), `dataframe_records`, `dataframe_split`."""
    content = object_of(body, "the request")
    if "instances" in content:
        return list(list_of(content["instances"], "instances"))
    if "dataframe_records" in content:
        return list(list_of(content["dataframe_records"], "dataframe_records"))
    if "dataframe_split" in content:
        return _split(object_of(content["dataframe_split"], "dataframe_split"))
    if "inputs" in content:
        return _inputs(content["inputs"], columns, content.get("raw_input_contents", content.get("rawInputContents")))
    return not_of_format("a request without instances, inputs, dataframe_records or dataframe_split")


def outputs_of(body: object) -> list[object]:
    """Rows of a response: `predictions` (v1) or `outputs` (v2); RecordRejected when the server answered an error."""
    content = object_of(body, "the response")
    if "predictions" in content:
        predictions = content["predictions"]
        return list(predictions) if isinstance(predictions, list) else [predictions]
    if "outputs" in content:
        outputs = content["outputs"]
        raw = content.get("raw_output_contents", content.get("rawOutputContents"))
        return outputs_of_tensors(outputs, _raw(raw)) if is_tensors(outputs) else list(list_of(outputs, "outputs"))
    if error := content.get("error", content.get("error_code")):
        raise RecordRejected(RejectReason.FAILED_REQUEST, f"the server answered with an error: {error!r:.200}")
    return not_of_format("a response without predictions or outputs")


def is_tensors(value: object) -> bool:
    """Whether this is a list of v2 tensors."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "name" in v for v in value)


def _inputs(inputs: object, columns: Sequence[str], raw: object) -> list[object]:
    if is_tensors(inputs):
        return inputs_of_tensors(inputs, columns, _raw(raw))
    if isinstance(inputs, Mapping):  # column by column
        return _columns(inputs)
    return list(list_of(inputs, "inputs"))


def _columns(inputs: Mapping[str, object]) -> list[object]:
    values = [value if isinstance(value, list) else [value] for value in inputs.values()]
    if len({len(column) for column in values}) != 1:
        not_of_format("inputs: columns of different lengths")
    return [dict(zip(inputs, row, strict=True)) for row in zip(*values, strict=True)]


def _split(frame: Mapping[str, object]) -> list[object]:
    names = [str(name) for name in list_of(frame.get("columns"), "dataframe_split.columns")]
    rows = [list_of(row, "dataframe_split.data") for row in list_of(frame.get("data"), "dataframe_split.data")]
    if any(len(row) != len(names) for row in rows):
        not_of_format("dataframe_split: a row with another number of values than columns")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _raw(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
