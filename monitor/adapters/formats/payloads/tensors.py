"""Tensors of the Open Inference Protocol (KServe v2), as rows: JSON, and its protobuf's names."""

import base64
import struct
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from monitor.adapters.formats.payloads.json_payload import list_of, object_of, text, whole_number, wrong
from monitor.domain.errors import RecordRejected, RejectReason

_TYPES = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "i1", "INT16": "<i2",
    "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
_WHOLE = {name for name in _TYPES if "INT" in name}


def rows_of_tensors(tensors: object, what: str, raw: Sequence[object] = ()) -> list[dict[str, object]]:
    """The first axis of every tensor counts rows. A tensor of one value a row is a column of its name, a wider one
    columns `name-0`, `name-1`, ...

    `raw` are base64 contents beside the tensors, as gRPC sends them; RecordRejected names the tensor that is wrong.
    """
    columns: dict[str, Sequence[object]] = {}
    for index, tensor in enumerate(list_of(tensors, what)):
        columns |= _columns(object_of(tensor, f"{what}[{index}]"), raw[index] if index < len(raw) else None)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        detail = f"{what}: tensors of {len(lengths)} different lengths" if lengths else f"{what}: no tensors"
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, detail)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _columns(tensor: Mapping[str, object], raw: object) -> dict[str, Sequence[object]]:
    name, kind = text(tensor, "name"), str(tensor.get("datatype", ""))
    values = _raw(raw, kind, name) if raw is not None else _values(tensor, name, kind)
    shape = [_size(size, name) for size in list_of(tensor.get("shape", [len(values)]), f"{name}.shape")]
    if prod(shape) != len(values):
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"{name}: {len(values)} values for the shape {shape}")
    rows = shape[0] if shape else 1
    width = len(values) // rows if rows else 0
    if width == 1:
        return {name: values}
    return {f"{name}-{k}": values[k::width] for k in range(width)}


def _values(tensor: Mapping[str, object], name: str, kind: str) -> list[object]:
    found = tensor.get("data")
    if found is None:
        contents = object_of(tensor.get("contents", {}), f"{name}.contents")
        found = next(
            (value for key, value in sorted(contents.items()) if key.endswith(("Contents", "_contents"))), None
        )
    if found is None:
        raise RecordRejected(RejectReason.MISSING_FIELD, f"{name}.data")
    flat = _flat(list_of(found, f"{name}.data"))
    if kind in _WHOLE:  # protobuf's JSON writes 64-bit integers as text
        return [whole_number(v) if isinstance(v, str) else v for v in flat]
    return [_bytes(v) if isinstance(v, str) and "contents" in tensor else v for v in flat] if kind == "BYTES" else flat


def _flat(values: Sequence[object]) -> list[object]:
    flat: list[object] = []
    waiting = list(reversed(values))
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        else:
            flat.append(value)
    return flat


def _size(value: object, name: str) -> int:
    size = whole_number(value)
    return size if size is not None and size >= 0 else wrong(f"{name}.shape", "whole numbers", value)


def _raw(value: object, kind: str, name: str) -> list[object]:
    content = _decoded(value, name)
    if kind == "BYTES":
        return _strings(content, name)
    if kind not in _TYPES or len(content) % np.dtype(_TYPES[kind]).itemsize:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"{name}: {len(content)} raw bytes are no {kind or 'tensor'}")
    return list(np.frombuffer(content, _TYPES[kind]).tolist())


def _strings(content: bytes, name: str) -> list[object]:
    """Each with its length before it, in four bytes, little end first."""
    found: list[object] = []
    at = 0
    while at < len(content):
        if at + 4 > len(content):
            raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"{name}: raw strings are cut off")
        (length,) = struct.unpack_from("<I", content, at)
        found.append(content[at + 4 : at + 4 + length].decode("utf-8", "replace"))
        at += 4 + length
    return found


def _decoded(value: object, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(str(value), validate=True)
    except ValueError as error:
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"{name}: raw contents are no base64") from error


def _bytes(value: str) -> str:
    """`bytesContents` are base64 in protobuf's JSON."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return value


def inputs_of_tensors(tensors: object, columns: Sequence[str], raw: Sequence[object] = ()) -> list[object]:
    """Rows of a request. With `columns`, the only tensor is a row's values by position, and named by them."""
    rows = rows_of_tensors(tensors, "inputs", raw)
    is_matrix = isinstance(tensors, list) and len(tensors) == 1
    return [list(row.values()) if columns and is_matrix else row for row in rows]


def outputs_of_tensors(tensors: object, raw: Sequence[object] = ()) -> list[object]:
    """Rows of a response: of one tensor its value or array of values, of several an object by tensor."""
    rows = rows_of_tensors(tensors, "outputs", raw)
    names = [str(tensor["name"]) for tensor in list_of(tensors, "outputs") if isinstance(tensor, dict)]
    by_tensor = [{name: _own(row, name) for name in names} for row in rows]
    return [row[names[0]] for row in by_tensor] if len(names) == 1 else list(by_tensor)


def _own(row: Mapping[str, object], name: str) -> object:
    """What a tensor says of one row."""
    return row[name] if name in row else [value for column, value in row.items() if column.rpartition("-")[0] == name]
