"""Protobuf by a registered descriptor: fields by their names, whole numbers as numbers, absent ones as null."""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from monitor.adapters.formats.payloads.json_payload import not_of_format
from monitor.adapters.formats.payloads.registry import Schema
from monitor.domain.errors import RecordRejected, RejectReason

_WELL_KNOWN = "google.protobuf."
_MODULES = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_FILES = {module.DESCRIPTOR.name: module.DESCRIPTOR for module in _MODULES}
"""What schemas may import without the registry having it."""


def proto_reader(schema: Schema) -> Callable[[bytes], object]:
    """A function from message indexes and bytes to the message; RecordRejected when the descriptor is wrong."""
    try:
        pool = descriptor_pool.DescriptorPool()
        file = _add(pool, "driftline.proto", schema)
    except Exception as error:  # the library raises TypeError, ValueError and its own
        raise RecordRejected(RejectReason.UNKNOWN_SCHEMA, f"the schema is no protobuf: {error!s:.200}") from error
    descriptors = list(pool.FindFileByName(file).message_types_by_name.values())

    def read(value: bytes) -> object:
        indexes, content = _indexes(value)
        message: Any = message_factory.GetMessageClass(_at(descriptors, indexes))()
        try:
            message.ParseFromString(content)
        except DecodeError as error:
            not_of_format(f"not of its protobuf schema: {error}")
        return _plain(message)

    return read


def _add(pool: descriptor_pool.DescriptorPool, name: str, schema: Schema) -> str:
    for reference, inner in schema.references:
        _add(pool, reference, inner)
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(schema.text, validate=True))
    file.name = name
    for needed in file.dependency:
        if needed in _FILES:
            own = descriptor_pb2.FileDescriptorProto()
            _FILES[needed].CopyToProto(own)
            pool.Add(own)
    pool.Add(file)
    pool.FindFileByName(name)
    return name


def _indexes(value: bytes) -> tuple[list[int], bytes]:
    """Confluent's path to the message within its file: a count and indexes as zigzag varints; 0 alone is the first."""
    count, at = _varint(value, 0)
    indexes = []
    for _ in range(count):
        index, at = _varint(value, at)
        indexes.append(index)
    return indexes or [0], value[at:]


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(value) and shift < 35:
        byte = value[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), at
    return not_of_format("message indexes are cut off")


def _at(descriptors: Sequence[Any], indexes: Sequence[int]) -> Any:  # noqa: ANN401 - descriptors have no types
    found = None
    level = list(descriptors)
    for index in indexes:
        if not 0 <= index < len(level):
            not_of_format(f"the schema has no message {list(indexes)}")
        found = level[index]
        level = list(found.nested_types)
    return found


def _plain(message: Any) -> object:  # noqa: ANN401 - generated classes have no types
    if message.DESCRIPTOR.full_name.startswith(_WELL_KNOWN):
        return json_format.MessageToDict(message)
    return dict(_fields(message))


def _fields(message: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - as above
    for one in message.DESCRIPTOR.fields:
        value = getattr(message, one.name)
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            yield one.name, {str(key): _value(one.message_type.fields_by_name["value"], value[key]) for key in value}
        elif one.is_repeated:
            yield one.name, [_value(one, item) for item in value]
        elif one.has_presence and not message.HasField(one.name):
            yield one.name, None
        else:
            yield one.name, _value(one, value)


def _value(one: FieldDescriptor, value: Any) -> object:  # noqa: ANN401 - as above
    if one.message_type is not None:
        return _plain(value)
    if one.enum_type is not None:
        known = one.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value
