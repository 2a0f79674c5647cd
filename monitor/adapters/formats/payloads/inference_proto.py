"""Messages of the Open Inference Protocol as protobuf, described here so that no code has to be generated."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

from monitor.adapters.formats.payloads.json_payload import not_of_format

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "inference"
_CONTENTS = (
    ("bool_contents", _Field.TYPE_BOOL),
    ("int_contents", _Field.TYPE_INT32),
    ("int64_contents", _Field.TYPE_INT64),
    ("uint_contents", _Field.TYPE_UINT32),
    ("uint64_contents", _Field.TYPE_UINT64),
    ("fp32_contents", _Field.TYPE_FLOAT),
    ("fp64_contents", _Field.TYPE_DOUBLE),
    ("bytes_contents", _Field.TYPE_BYTES),
)
_TENSOR = (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "int64s"), ("contents", 5, "Contents"))
_REQUEST = (
    ("model_name", 1, "string"), ("model_version", 2, "string"), ("id", 3, "string"), ("inputs", 5, "Tensors"),
    ("raw_input_contents", 7, "bytess"),
)  # fmt: skip
_RESPONSE = (
    ("model_name", 1, "string"), ("model_version", 2, "string"), ("id", 3, "string"), ("outputs", 5, "Tensors"),
    ("raw_output_contents", 6, "bytess"),
)  # fmt: skip
_KINDS = {"string": _Field.TYPE_STRING, "int64": _Field.TYPE_INT64, "bytes": _Field.TYPE_BYTES}


def request_of(value: bytes) -> Mapping[str, object]:
    """A ModelInferRequest, as protobuf's JSON says it; parameters are left out."""
    return _read("Request", value)


def response_of(value: bytes) -> Mapping[str, object]:
    """A ModelInferResponse, as protobuf's JSON says it; parameters are left out."""
    return _read("Response", value)


def _read(name: str, value: bytes) -> Mapping[str, object]:
    message: Any = _classes()[name]()
    try:
        message.ParseFromString(value)
    except DecodeError as error:
        not_of_format(f"neither JSON nor protobuf of the inference protocol: {error}")
    found: dict[str, object] = json_format.MessageToDict(message)
    return found


def encoded(name: str, content: Mapping[str, object]) -> bytes:
    """The bytes of a `Request` or `Response`, for samples and tests."""
    message: Any = json_format.ParseDict(dict(content), _classes()[name]())
    return bytes(message.SerializeToString())


@lru_cache
def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="driftline/inference.proto", package=_PACKAGE, syntax="proto3")
    contents = file.message_type.add(name="Contents")
    for number, (name, kind) in enumerate(_CONTENTS, 1):
        contents.field.add(name=name, number=number, type=kind, label=_Field.LABEL_REPEATED)
    for message, fields in (("Tensor", _TENSOR), ("Request", _REQUEST), ("Response", _RESPONSE)):
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            _add(described, name, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    named = (file.message_type[index].name for index in range(len(file.message_type)))
    return {n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{n}")) for n in named}


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    """A plural kind is repeated."""
    is_many = kind.endswith("s")
    label = _Field.LABEL_REPEATED if is_many else _Field.LABEL_OPTIONAL
    single = kind[:-1] if kind.endswith("s") and kind != "Contents" else kind
    if kind == "Contents":
        label = _Field.LABEL_OPTIONAL
    if single in _KINDS:
        message.field.add(name=name, number=number, type=_KINDS[single], label=label)
    else:
        own = f".{_PACKAGE}.{single}"
        message.field.add(name=name, number=number, type=_Field.TYPE_MESSAGE, type_name=own, label=label)
